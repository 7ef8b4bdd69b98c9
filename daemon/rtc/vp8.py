"""VP8 inside RTP payloads: where decoding can begin, and a plain descriptor (RFC 7741).

Total: a broken payload begins no key frame and becomes nothing.
"""

_EXTENDED, _START, _PARTITION = 0x80, 0x10, 0x07
_PICTURE_ID, _TL0, _TID, _KEYIDX, _LONG = 0x80, 0x40, 0x20, 0x10, 0x80
_INTER = 0x01  # of the frame's first byte (RFC 6386 section 9.1)


def is_keyframe_start(payload: bytes) -> bool:
    """Tell whether a key frame begins here."""
    if not payload or payload[0] & (_START | _PARTITION) != _START:
        return False
    begin = _descriptor_bytes(payload)
    return begin < len(payload) and not payload[begin] & _INTER


def simplify(payload: bytes) -> bytes:
    """Leave of the descriptor only what a single stream needs: one byte; b"" if it is broken.

    FFmpeg counts pictures from 0 in every run. A player that sees the number go back takes new
    pictures for old ones; without the number it goes by sequence numbers, which never do.
    """
    begin = _descriptor_bytes(payload)
    if begin >= len(payload):
        return b""
    return bytes([payload[0] & ~_EXTENDED]) + payload[begin:]


def _descriptor_bytes(payload: bytes) -> int:
    if not payload or not payload[0] & _EXTENDED:
        return 1
    if len(payload) < 3:
        return len(payload)
    flags, size = payload[1], 2
    if flags & _PICTURE_ID:
        size += 2 if payload[2] & _LONG else 1
    if flags & _TL0:
        size += 1
    if flags & (_TID | _KEYIDX):
        size += 1
    return size
