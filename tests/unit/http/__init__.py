"""The HTTP room, in pieces that need no application."""
