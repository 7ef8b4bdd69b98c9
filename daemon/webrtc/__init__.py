"""webrtc: sockets, timers and ids; ties processes to peers."""
