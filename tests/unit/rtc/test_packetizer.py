"""Packetizer: pictures come out as they went in, in packets that few system calls send."""

import random
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from daemon.rtc import h264
from daemon.rtc.fanout import runs
from daemon.rtc.packetizer import MAX_BYTES, MAX_PAYLOAD, Picture, Pictures, packetize
from daemon.rtc.timeline import MARKER, PADDING, Plain

SPS, PPS = b"\x67\x42\xe0\x1f\x8c\x68\x05\x00\x5b\xa1", b"\x68\xce\x3c\x80"


def nal(size: int, header: int = 0x41) -> bytes:
    """Make a slice whose bytes tell where they belong."""
    return bytes([header]) + random.Random(size).randbytes(size - 1)


def unpadded(payloads: Sequence[tuple[int, bytes]]) -> list[bytes]:
    return [
        payload[: -payload[-1]] if flags & PADDING else payload for flags, payload in payloads
    ]


def stap(*nals: bytes) -> bytes:
    return b"\x18" + b"".join(len(one).to_bytes(2) + one for one in nals)


def fed(*plains: Plain) -> list[Picture]:
    pictures = Pictures(first_index=1)
    return [picture for plain in plains for picture in pictures.feed(plain)]


@given(st.lists(st.integers(2, 4 * MAX_PAYLOAD), min_size=1, max_size=6))
def test_what_goes_in_comes_out(sizes: list[int]) -> None:
    nals = [nal(size) for size in sizes]
    payloads = packetize(nals)
    assert h264.nal_units(unpadded(payloads)) == nals
    assert max(len(payload) for _, payload in payloads) <= MAX_PAYLOAD


@given(st.integers(MAX_PAYLOAD + 1, 40_000), st.integers(MAX_PAYLOAD + 1, 40_000))
def test_two_slices_leave_in_one_run_without_costing_a_packet(first: int, second: int) -> None:
    alone = len(packetize([nal(first)])) + len(packetize([nal(second)]))
    payloads = packetize([nal(first), nal(second)])
    assert len(payloads) == alone
    padding = sum(payload[-1] for flags, payload in payloads if flags & PADDING)
    assert padding < len(payloads)
    if abs(first - second) < 0.1 * first and alone <= 44:
        assert len(runs([len(payload) for _, payload in payloads])) <= 2


def test_slices_of_one_size_are_one_run() -> None:
    payloads = packetize([nal(4205), nal(4190)])
    sizes = [len(payload) for _, payload in payloads]
    assert runs(sizes) == [(0, 8, sizes[0])]


def test_small_units_share_a_packet_and_lead_the_picture() -> None:
    (flags, first), *rest = packetize([SPS, PPS, nal(3000, 0x65)])
    assert (flags, first) == (0, b"\x78" + stap(SPS, PPS)[1:])
    assert len(rest) == 3
    assert packetize([SPS]) == [(0, SPS)]


def test_a_picture_comes_in_one_datagram_and_leaves_numbered_anew() -> None:
    slices = [nal(3000), nal(2900)]
    first, second = fed((5, 3000, MARKER, stap(*slices)), (6, 6000, MARKER, slices[0]))
    assert [packet[0] for packet in [*first.packets, *second.packets]] == list(range(1, 10))
    assert [packet[1] for packet in first.packets] == [3000] * 6
    assert [bool(packet[2] & MARKER) for packet in first.packets] == [False] * 5 + [True]
    assert first.nals == slices
    assert first.is_whole
    assert not first.is_keyframe


def test_a_picture_over_several_datagrams_is_put_together() -> None:
    large = nal(5000, 0x65)
    parts = [payload for _, payload in packetize([large])]
    plains = [(number, 3000, 0, part) for number, part in enumerate(parts)]
    plains[-1] = (plains[-1][0], 3000, MARKER, parts[-1])
    (picture,) = fed((-1, 3000, 0, stap(SPS, PPS)), *plains)
    assert picture.nals == [SPS, PPS, large]
    assert picture.is_keyframe
    assert picture.is_whole


def test_a_loss_on_the_way_leaves_a_hole_and_is_told() -> None:
    key, _, third = nal(40, 0x65), nal(41), nal(42)
    first, second = fed((1, 0, MARKER, key), (4, 9000, MARKER, third))
    assert second.packets[0][0] == first.packets[-1][0] + 3
    assert first.is_whole
    assert not second.is_whole


def test_a_picture_whose_end_is_missing_ends_with_the_next_one() -> None:
    first, second = fed((1, 0, 0, nal(40)), (3, 3000, MARKER, nal(41)))
    assert first.nals == [nal(40)]
    assert first.packets[-1][2] & MARKER
    assert not first.is_whole
    assert second.packets[0][0] == first.packets[-1][0] + 2


def test_a_second_field_is_no_place_to_begin() -> None:
    first, second = fed((1, 0, MARKER, nal(40, 0x65)), (2, 0, MARKER, nal(40, 0x65)))
    assert first.is_keyframe
    assert not second.is_keyframe


def test_what_came_of_a_picture_is_forgotten_between_two_runs() -> None:
    pictures = Pictures(first_index=1)
    assert not pictures.feed((7, 0, 0, nal(40)))
    pictures.forget()
    (picture,) = pictures.feed((8, 90_000, MARKER, nal(41)))
    assert picture.nals == [nal(41)]
    assert picture.packets[0][0] == 1


def test_broken_payloads_are_no_picture() -> None:
    assert not fed((1, 0, MARKER, b"\x18\xff\xff\x00"), (2, 3000, MARKER, b"\x7c\x05middle"))


def test_a_picture_beyond_all_measure_loses_its_rest() -> None:
    half = nal(MAX_BYTES // 2)
    pictures = Pictures(first_index=1)
    for index in (1, 2, 3):
        assert not pictures.feed((index, 0, 0, half))
    (picture,) = pictures.feed((4, 0, MARKER, nal(9)))
    assert picture.nals == [half, half]
    assert not picture.is_whole


def test_a_unit_whose_middle_is_lost_is_left_out() -> None:
    parts = [payload for _, payload in packetize([nal(5000, 0x65)])]
    plains = [(number, 3000, 0, part) for number, part in enumerate(parts)]
    del plains[2]
    sets = (-1, 3000, 0, stap(SPS, PPS))
    picture, _ = fed(sets, *plains, (9, 3000, MARKER, nal(40)), (10, 6000, MARKER, nal(41)))
    assert picture.nals == [SPS, PPS, nal(40)]
    assert not picture.is_whole


def test_what_follows_a_lost_picture_is_all_there() -> None:
    parts = [payload for _, payload in packetize([nal(5000)])]
    plains = [(5 + number, 6000, 0, part) for number, part in enumerate(parts)]
    _, second, _ = fed((1, 0, MARKER, nal(40)), *plains, (20, 9000, MARKER, nal(41)))
    assert second.nals == [nal(5000)]


def test_parameter_sets_before_every_picture_make_none_of_them_a_key_frame() -> None:
    key = (1, 0, MARKER, stap(SPS, PPS, nal(40, 0x65)))
    others = [(index, 3000 * index, MARKER, stap(SPS, PPS, nal(40))) for index in (2, 3)]
    assert [picture.is_keyframe for picture in fed(key, *others)] == [True, False, False]


def test_without_any_idr_picture_the_parameter_sets_tell_where_to_begin() -> None:
    began = (1, 0, MARKER, stap(SPS, PPS, nal(40)))
    others = [(2, 3000, MARKER, nal(40)), (3, 6000, MARKER, stap(SPS, PPS, nal(40)))]
    assert [picture.is_keyframe for picture in fed(began, *others)] == [True, False, True]


def test_a_key_frame_that_came_without_its_slice_is_no_place_to_begin() -> None:
    key = stap(SPS, PPS, nal(40, 0x65))
    first, second = fed((1, 0, MARKER, key), (2, 3000, 0, stap(SPS, PPS)), (4, 6000, 0, b""))
    assert first.is_keyframe
    assert second.nals == [SPS, PPS]
    assert not second.is_keyframe
