"""The WebRTC room with real sockets and a real FFmpeg."""
