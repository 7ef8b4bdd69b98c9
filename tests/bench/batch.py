"""Batch: recvmmsg(2) by ctypes: the headers of many datagrams for one system call.

Only the first bytes of each are copied; the kernel tells its true length all the same
(MSG_TRUNC) and, where asked for, when it came (SO_TIMESTAMPNS), whoever reads it how late.
"""

import ctypes
import socket
import struct
from collections.abc import Iterator

SLOTS = 64
HEADER = 256  # bytes of each datagram that are copied: an RTP header, or a STUN message
CONTROL = 32  # a cmsghdr and a timespec
SO_TIMESTAMPNS = 35  # asm-generic/socket.h; Python's socket module doesn't name it
_MSGHDR = struct.Struct("=QI4xQQQQi4xI4x")  # struct mmsghdr on 64-bit Linux
_LENGTH = struct.Struct("=56xI4x")
_RTP = struct.Struct(f"!BBHII{HEADER - 12}x")
_TIMESPEC = struct.Struct("=16xqq")

Header = tuple[int, int, int, int, int]
"""First byte, second byte, sequence number, timestamp, SSRC: as if it were RTP."""


class Batch:
    """Slots that all sockets of a thread share: read one socket, look, read the next."""

    def __init__(self) -> None:
        self._data = bytearray(SLOTS * HEADER)
        self._vectors = bytearray(SLOTS * 16)
        self._control = bytearray(SLOTS * CONTROL)
        self._messages = bytearray(SLOTS * _MSGHDR.size)
        data, vectors, control, messages = (
            ctypes.addressof((ctypes.c_char * len(one)).from_buffer(one))
            for one in (self._data, self._vectors, self._control, self._messages)
        )
        for slot in range(SLOTS):
            struct.pack_into("=QQ", self._vectors, slot * 16, data + slot * HEADER, HEADER)
        self._address = messages
        self._clean = b"".join(
            _MSGHDR.pack(0, 0, vectors + slot * 16, 1, control + slot * CONTROL, CONTROL, 0, 0)
            for slot in range(SLOTS)
        )
        self._call = ctypes.CDLL(None).recvmmsg
        self._call.argtypes = [
            *(ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
        ]
        self._messages[:] = self._clean
        self._flags = socket.MSG_DONTWAIT | socket.MSG_TRUNC
        self._view = memoryview(self._data)
        self._message_view = memoryview(self._messages)
        self._control_view = memoryview(self._control)

    def read(self, descriptor: int) -> int:
        """Read what has come, at most ``SLOTS`` datagrams; returns how many."""
        return max(int(self._call(descriptor, self._address, SLOTS, self._flags, None)), 0)

    def read_with_times(self, descriptor: int) -> int:
        """Read as ``read``, for sockets that note times: the kernel shortens what it fills."""
        self._messages[:] = self._clean
        return self.read(descriptor)

    def headers(self, count: int) -> Iterator[Header]:
        """Give what ``read`` read."""
        return _RTP.iter_unpack(self._view[: count * HEADER])

    def datagram(self, slot: int) -> bytes:
        """Give one of what was read, as far as it was copied."""
        return bytes(self._view[slot * HEADER : (slot + 1) * HEADER])

    def octets(self, count: int) -> int:
        """Bytes of all that was read, whole."""
        used = self._message_view[: count * _MSGHDR.size]
        return sum(length for (length,) in _LENGTH.iter_unpack(used))

    def times(self, count: int) -> Iterator[float]:
        """When each came, as ``time.time`` counts."""
        for seconds, nanoseconds in _TIMESPEC.iter_unpack(
            self._control_view[: count * CONTROL]
        ):
            yield seconds + nanoseconds / 1e9


def ask_for_times(sock: socket.socket) -> None:
    """Let the kernel note when each datagram comes."""
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
