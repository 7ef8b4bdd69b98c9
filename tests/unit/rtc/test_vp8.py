"""VP8 payloads: key frames, and the descriptor that is left of them (RFC 7741)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.rtc import vp8

KEY, INTER = b"\x70\xd0\x00\x9d\x01\x2a", b"\x71\x02\x00"


@pytest.mark.parametrize(
    "descriptor",
    [
        b"\x10",
        b"\x90\x00",
        b"\x90\x80\x05",  # picture id of 7 bits
        b"\x90\x80\x80\x05",  # of 15 bits, as FFmpeg writes it
        b"\x90\xc0\x80\x05\x01",  # and TL0PICIDX
        b"\x90\xf0\x80\x05\x01\x20",  # and TID
        b"\x90\x10\x01",  # KEYIDX alone
    ],
)
def test_a_key_frame_is_found_behind_any_descriptor(descriptor: bytes) -> None:
    assert vp8.is_keyframe_start(descriptor + KEY)
    assert not vp8.is_keyframe_start(descriptor + INTER)
    assert vp8.simplify(descriptor + KEY) == b"\x10" + KEY


@pytest.mark.parametrize("first", [b"\x00", b"\x11", b"\x80\x80\x05"])
def test_the_middle_of_a_frame_and_other_partitions_begin_nothing(first: bytes) -> None:
    assert not vp8.is_keyframe_start(first + KEY)


def test_what_belongs_to_no_picture_number_stays() -> None:
    assert vp8.simplify(b"\xb0\x80\x05" + KEY)[0] == 0x30  # N: nobody refers to it


@pytest.mark.parametrize("payload", [b"", b"\x90", b"\x90\x80", b"\x90\x80\x80", b"\x10"])
def test_what_is_cut_off_becomes_nothing(payload: bytes) -> None:
    assert not vp8.is_keyframe_start(payload)
    assert vp8.simplify(payload) == b""


@given(st.binary(max_size=40))
def test_any_bytes_are_survived_and_a_simple_one_stays_the_same(payload: bytes) -> None:
    simple = vp8.simplify(payload)
    if simple:
        assert vp8.simplify(simple) == simple
        assert vp8.is_keyframe_start(simple) == vp8.is_keyframe_start(payload)
