"""The daemon as a user runs it: its own process, real FFmpeg, real viewers."""
