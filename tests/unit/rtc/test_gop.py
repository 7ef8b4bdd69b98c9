"""Gop: what is kept of the current group of pictures, and when nothing is."""

import pytest

from daemon.rtc.gop import MAX_BYTES, MAX_SECONDS, Gop, Start
from daemon.rtc.timeline import Plain

SECOND = 90_000


def frame(index: int, timestamp: int, *, packets: int = 2, size: int = 100) -> list[Plain]:
    return [
        (index + place, timestamp, 128 if place == packets - 1 else 0, bytes(size))
        for place in range(packets)
    ]


def fill(gop: Gop, frames: int, *, first: int = 10, at: int = 0) -> None:
    for number in range(frames):
        packets = frame(first + 2 * number, at + 3000 * number)
        gop.add(packets, is_keyframe=number == 0)


def test_a_group_begins_with_its_key_frame_and_grows() -> None:
    gop = Gop()
    gop.add(frame(1, 0), is_keyframe=False)
    assert gop.packets == []
    fill(gop, 3)
    assert [packet[0] for packet in gop.packets] == [10, 11, 12, 13, 14, 15]
    assert gop.octets == 600
    assert gop.is_whole


def test_each_key_frame_begins_a_new_list_so_that_a_replay_can_finish_the_old_one() -> None:
    gop = Gop()
    fill(gop, 3)
    old = gop.packets
    fill(gop, 1, first=16, at=SECOND)
    assert len(old) == 6
    assert [packet[0] for packet in gop.packets] == [16, 17]
    assert gop.interval_seconds == 1.0
    assert gop.seconds_to_next(SECOND + SECOND // 4) == 0.75


def test_half_a_frame_is_not_whole() -> None:
    gop = Gop()
    gop.add(frame(1, 0)[:1], is_keyframe=True)
    assert not gop.is_whole
    assert gop.seconds_to_next(0) is None


def test_of_a_still_only_the_key_frame_is_kept() -> None:
    gop = Gop(Start.KEYFRAME)
    gop.add(frame(1, 0)[:1], is_keyframe=True)
    gop.add(frame(1, 0)[1:], is_keyframe=False)  # its other half
    gop.add(frame(3, 3000), is_keyframe=False)
    assert [packet[0] for packet in gop.packets] == [1, 2]


def test_off_keeps_nothing_and_still_knows_the_interval() -> None:
    gop = Gop(Start.OFF)
    fill(gop, 2)
    fill(gop, 2, at=2 * SECOND)
    assert gop.packets == []
    assert gop.interval_seconds == 2.0


@pytest.mark.parametrize(
    ("timestamp", "size"), [(int(MAX_SECONDS * SECOND) + 1, 10), (3000, MAX_BYTES)]
)
def test_a_group_beyond_the_bounds_is_let_go_until_the_next(timestamp: int, size: int) -> None:
    gop = Gop()
    fill(gop, 1)
    gop.add(frame(12, timestamp, size=size), is_keyframe=False)
    assert (gop.packets, gop.octets, gop.is_too_long) == ([], 0, True)
    gop.add(frame(14, timestamp + 3000), is_keyframe=False)
    assert gop.packets == []
    fill(gop, 1, first=16, at=20 * SECOND)
    assert len(gop.packets) == 2
    assert gop.is_too_long, "the last one was, and this one has only begun"
    fill(gop, 1, first=18, at=21 * SECOND)
    assert not gop.is_too_long


def test_packets_are_found_by_index_also_behind_holes() -> None:
    gop = Gop()
    gop.add(frame(5, 0), is_keyframe=True)
    gop.add(frame(9, 3000), is_keyframe=False)
    assert [index for index in range(13) if gop.get(index)] == [5, 6, 9, 10]
    assert Gop().get(5) is None
