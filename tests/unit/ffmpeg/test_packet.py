"""What framecrc's lines tell; they are those of real runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.ffmpeg.packet import ENOUGH_PACKETS, PacketReader

REORDERED = b"""\
#tb 0: 1/90000
#media_type 0: video
0,      -3936,       2070,     3003,     8949, 0x80cbee9c
0,       -933,      11079,     3003,     4756, 0x23a43ccb, F=0x0
0,       2070,       5073,     3003,     3079, 0x38631e08, F=0x0
"""


def packets(count: int, gop: int, stream: int = 0) -> bytes:
    lines = [
        f"{stream}, {n * 512}, {n * 512}, 512, 99, 0x1b20b853{', F=0x0' if n % gop else ''}"
        for n in range(count)
    ]
    return "\n".join([f"#tb {stream}: 1/12800", *lines, ""]).encode()


def read(data: bytes) -> PacketReader:
    reader = PacketReader()
    reader.feed(data)
    return reader


def test_presentation_out_of_order_means_b_frames() -> None:
    timing = read(REORDERED).timing(0)
    assert timing.has_b_frames is True
    assert timing.is_known


def test_a_whole_group_in_order_means_none() -> None:
    timing = read(packets(51, gop=50)).timing(0)
    assert timing.has_b_frames is False
    assert timing.keyframe_interval_seconds == 2.0
    assert timing.is_known


def test_too_few_packets_tell_nothing() -> None:
    timing = read(packets(ENOUGH_PACKETS - 1, gop=250)).timing(0)
    assert timing.has_b_frames is None
    assert not timing.is_known


def test_a_long_group_in_order_means_none_but_the_interval_is_open() -> None:
    timing = read(packets(ENOUGH_PACKETS, gop=250)).timing(0)
    assert timing.has_b_frames is False
    assert timing.keyframe_interval_seconds is None
    assert not timing.is_known
    assert timing.seconds_without_keyframe > 1.0


def test_streams_are_told_apart() -> None:
    reader = read(packets(51, gop=50) + REORDERED.replace(b"0, ", b"1, "))
    assert reader.timing(0).has_b_frames is False
    assert reader.timing(1).has_b_frames is True


def test_unknown_times_count_for_nothing() -> None:
    line = b"0, -9223372036854775808, -9223372036854775808, 1, 9, 0x1b20b853\n"
    assert read(line * 100).timing(0).has_b_frames is None


@pytest.mark.parametrize("flags", [b"F=0x10", b"F=0x0"])
def test_flags_without_the_key_bit_are_no_key_frame(flags: bytes) -> None:
    line = b"0, 1, 1, 1, 9, 0x1b20b853, " + flags + b"\n"
    assert read(line).timing(0).keyframes == []


@given(st.binary(max_size=200), st.integers(0, 200))
def test_any_bytes_are_survived(noise: bytes, cut: int) -> None:
    reader = PacketReader()
    reader.feed(noise[:cut])
    reader.feed(noise[cut:])
    reader.feed(b"\n#tb 0: 0/0\n" + REORDERED)
    assert reader.timing(0).packets >= 3
