"""Parsers against hostile bytes and text."""
