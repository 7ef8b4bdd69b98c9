"""The web UI in headless Chromium, against the real daemon and a real FFmpeg."""
