"""Recorded inputs of tests."""
