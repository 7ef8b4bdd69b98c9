"""RTP: one datagram from FFmpeg becomes a Packet (RFC 3550 section 5.1)."""

import struct
from typing import NamedTuple

from daemon.errors import RtpError

HEADER_BYTES = 12
_HEADER = struct.Struct("!BBHII")
_EXTENSION = struct.Struct("!HH")


class Packet(NamedTuple):
    """What media needs of a packet; contributing sources, extensions and padding are gone.

    A tuple with names, made in a third of a frozen dataclass's time: there are thousands.
    """

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def parse(data: bytes) -> Packet:
    """Read one RTP packet; RtpError if a length inside points beyond the end."""
    if len(data) < HEADER_BYTES:
        raise RtpError("an RTP packet has at least 12 bytes")
    flags, marker_and_type, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if flags >> 6 != 2:
        raise RtpError("RTP has version 2")
    start, end = HEADER_BYTES, len(data)
    if flags & 0x3F:  # FFmpeg sends none of padding, extension, contributing sources
        start, end = _payload_bounds(data, flags)
    return Packet(
        marker_and_type & 0x7F,
        marker_and_type >= 0x80,
        sequence,
        timestamp,
        ssrc,
        data[start:end],
    )


def _payload_bounds(data: bytes, flags: int) -> tuple[int, int]:
    start = HEADER_BYTES + 4 * (flags & 0x0F)
    if flags & 0x10:
        if len(data) < start + _EXTENSION.size:
            raise RtpError("the RTP header extension is cut off")
        _, words = _EXTENSION.unpack_from(data, start)
        start += _EXTENSION.size + 4 * words
    padding = data[-1] if flags & 0x20 else 0
    if flags & 0x20 and padding == 0:
        raise RtpError("RTP padding counts itself, so it is at least 1")
    end = len(data) - padding
    if start > end:
        raise RtpError("the RTP header is longer than the packet")
    return start, end
