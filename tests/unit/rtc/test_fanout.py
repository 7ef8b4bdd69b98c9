"""Fanout: one burst becomes each viewer's datagrams, in runs for one system call each."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.rtc.codecs import NegotiatedTrack
from daemon.rtc.demux import Address
from daemon.rtc.fanout import MAX_RUN, Burst, runs, transmissions
from daemon.rtc.srtp import Outbound, Profile, SessionKeys
from daemon.rtc.timeline import Plain
from daemon.rtc.track import OutgoingTrack

KEYS = SessionKeys(Profile.AEAD_AES_128_GCM, b"k" * 16, b"s" * 12, b"r" * 16, b"t" * 12)
VIDEO = NegotiatedTrack("video", "0", 102, 90_000, "H264", "", ())


def track() -> OutgoingTrack:
    return OutgoingTrack(
        VIDEO, Outbound(KEYS), ssrc=0xCAFE, first_sequence=500, timestamp_offset=10
    )


@dataclass
class Watcher:
    """The part of a peer that the fan-out sees."""

    media_address: Address | None
    only: OutgoingTrack | None

    @property
    def tracks(self) -> dict[str, OutgoingTrack]:
        return {"video": self.only} if self.only else {}


def frame(first: int, sizes: Sequence[int]) -> list[Plain]:
    last = len(sizes) - 1
    return [
        (first + place, 3000, 128 if place == last else 0, bytes(size))
        for place, size in enumerate(sizes)
    ]


def test_a_frame_leaves_in_one_run_with_a_shorter_end() -> None:
    assert runs([1188, 1188, 1188, 300]) == [(0, 4, 1188)]


def test_two_slices_make_two_runs() -> None:
    assert runs([1188, 1188, 500, 1188, 600]) == [(0, 3, 1188), (3, 5, 1188)]


def test_a_growing_packet_begins_a_new_run() -> None:
    assert runs([30, 1188, 1188]) == [(0, 1, 30), (1, 3, 1188)]


@given(st.lists(st.integers(1, 1388), min_size=1, max_size=200))
def test_runs_cover_a_burst_in_order_and_within_the_kernels_limits(sizes: list[int]) -> None:
    cuts = runs(sizes)
    assert [place for first, end, _ in cuts for place in range(first, end)] == list(
        range(len(sizes))
    )
    for first, end, size in cuts:
        assert end - first <= MAX_RUN
        assert all(one == size for one in sizes[first : end - 1])
        assert sizes[end - 1] <= size
        assert (end - first) * (size + 28) <= 65_507


def test_each_viewer_gets_its_own_numbers() -> None:
    first, second = Watcher(("10.0.0.1", 1), track()), Watcher(("10.0.0.2", 2), track())
    burst = Burst("video", frame(70, [100, 100, 40]), True, 0.0)
    sent = list(transmissions(burst, [first, second]))
    assert [address for address, _, _ in sent] == [("10.0.0.1", 1), ("10.0.0.2", 2)]
    assert [segment for _, _, segment in sent] == [100 + 12 + 16] * 2
    headers = sent[0][1][0::2]
    numbers = [struct.unpack("!BBHII", header)[1:] for header in headers]
    assert numbers == [
        (102, 500, 3010, 0xCAFE),
        (102, 501, 3010, 0xCAFE),
        (102 | 128, 502, 3010, 0xCAFE),
    ]


def test_a_viewer_without_address_or_track_costs_nothing() -> None:
    nobody = [Watcher(None, track()), Watcher(("10.0.0.1", 1), None)]
    burst = Burst("video", frame(1, [10]), True, 0.0)
    assert list(transmissions(burst, nobody)) == []


def test_a_viewer_begins_with_a_key_frame() -> None:
    watcher = Watcher(("10.0.0.1", 1), track())
    later = Burst("video", frame(5, [10]), False, 0.0)
    assert list(transmissions(later, [watcher])) == []
    begin = Burst("video", frame(6, [10]), True, 0.0)
    assert len(list(transmissions(begin, [watcher]))) == 1
    after = Burst("video", frame(7, [10]), False, 0.0)
    assert len(list(transmissions(after, [watcher]))) == 1


def test_a_slow_viewer_loses_whole_frames_and_sees_no_hole_in_the_numbers() -> None:
    watcher = Watcher(("10.0.0.1", 1), track())
    assert watcher.only is not None
    list(transmissions(Burst("video", frame(6, [10, 10]), True, 0.0), [watcher]))
    watcher.only.close_gate()
    for first in (8, 9):
        burst = Burst("video", frame(first, [10]), False, 0.0)
        assert list(transmissions(burst, [watcher])) == []
    sent = list(transmissions(Burst("video", frame(10, [10]), True, 0.0), [watcher]))
    assert struct.unpack("!H", sent[0][1][0][2:4]) == (502,)
    assert watcher.only.dropped_frames == 2
    # a NACK finds the packets on both sides of the drop
    assert watcher.only.locate(501) == (7, 494)
    assert watcher.only.locate(502) == (10, 492)


@pytest.mark.parametrize("sequence", [499, 503, 40_000])
def test_a_number_that_was_never_sent_is_nowhere(sequence: int) -> None:
    watcher = Watcher(("10.0.0.1", 1), track())
    list(transmissions(Burst("video", frame(6, [9, 9, 9]), True, 0.0), [watcher]))
    assert watcher.only is not None
    assert watcher.only.locate(sequence) is None


def test_a_resend_has_the_same_bytes() -> None:
    watcher = Watcher(("10.0.0.1", 1), track())
    packets = frame(6, [50, 20])
    sent = list(transmissions(Burst("video", packets, True, 0.0), [watcher]))
    assert watcher.only is not None
    place = watcher.only.locate(501)
    assert place is not None
    assert watcher.only.protect_again(packets[1], place[1]) == b"".join(sent[0][1][2:4])
