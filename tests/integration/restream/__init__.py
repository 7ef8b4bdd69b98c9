"""Supervision with real children."""
