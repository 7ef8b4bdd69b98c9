"""FLV: pictures with their times as one stream of bytes, which FFmpeg reads from a pipe.

It has what a pipe for one H.264 track needs and no more: whole pictures, so that the reader
needn't wait for the next one to know where this one ends, and times in milliseconds.
"""

from collections.abc import Sequence

HEADER = b"FLV\1\1\0\0\0\x09\0\0\0\0"  # version 1, video only
_VIDEO, _KEY, _INTER, _AVC = 9, 0x10, 0x20, 7
_CONFIGURATION, _PICTURE = 0, 1
_TYPE, _SPS, _PPS = 0x1F, 7, 8
_TAG_HEADER = 11
_LONGEST_SET = 0xFFFF  # bytes; none is longer but for an attack
_TIMES = 1 << 31  # milliseconds; readers take the number for a signed one


def configuration(nals: Sequence[bytes]) -> bytes:
    """Write the tag that comes first: the parameter sets among these NAL units.

    Nothing if there aren't both kinds (ISO 14496-15 section 5.3.3.1).
    """
    fitting = [nal for nal in nals if len(nal) <= _LONGEST_SET]
    sps = [nal for nal in fitting if nal[0] & _TYPE == _SPS][-1:]  # see h264.find_sps
    pps = [nal for nal in fitting if nal[0] & _TYPE == _PPS][-31:]
    if not sps or not pps or len(sps[0]) < 4:
        return b""
    record = b"\1" + sps[0][1:4] + b"\xff\xe1" + _sized(sps, 2)
    record += bytes([len(pps)]) + _sized(pps, 2)
    return _tag(bytes([_KEY | _AVC, _CONFIGURATION, 0, 0, 0]) + record, 0)


def picture(nals: Sequence[bytes], milliseconds: int, *, is_key: bool) -> bytes:
    """Write one picture's tag; its time begins anew after 24 days."""
    kind = _KEY if is_key else _INTER
    return _tag(bytes([kind | _AVC, _PICTURE, 0, 0, 0]) + _sized(nals, 4), milliseconds)


def _sized(nals: Sequence[bytes], bytes_of_size: int) -> bytes:
    return b"".join(len(nal).to_bytes(bytes_of_size) + nal for nal in nals)


def _tag(body: bytes, milliseconds: int) -> bytes:
    time = milliseconds % _TIMES
    low, high = (time & 0xFFFFFF).to_bytes(3), bytes([time >> 24])
    size = len(body).to_bytes(3)
    trailer = (_TAG_HEADER + len(body)).to_bytes(4)
    return b"".join((bytes([_VIDEO]), size, low, high, b"\0\0\0", body, trailer))
