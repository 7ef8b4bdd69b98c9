"""restream: FFmpeg children, kept as ordered. It knows neither HTTP nor WebRTC."""
