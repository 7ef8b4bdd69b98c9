"""What the kernel knows of a socket and has no better door for."""

import socket
import struct

_SO_MEMINFO = 55  # asm-generic/socket.h; Python's socket module doesn't name it
_FIELDS = struct.Struct("=9I")
_DROPS = 8  # SK_MEMINFO_DROPS, linux/sock_diag.h


def dropped_datagrams(sock: socket.socket) -> int:
    """How many datagrams found this socket's buffer full; 0 where nobody counts (no Linux)."""
    try:
        info = sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _FIELDS.size)
    except OSError:
        return 0
    if len(info) < _FIELDS.size:
        return 0
    drops: int = _FIELDS.unpack(info)[_DROPS]
    return drops
