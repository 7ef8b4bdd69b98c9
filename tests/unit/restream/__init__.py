"""Supervision as pure decisions."""
