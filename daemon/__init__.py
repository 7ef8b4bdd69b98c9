"""The daemon: supervises FFmpeg processes and serves each one over WebRTC."""
