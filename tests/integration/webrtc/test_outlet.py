"""Outlet: live media, paced frames, replays and key frames on demand, on a real event loop."""

import time
from collections.abc import AsyncIterator

import pytest

from daemon.rtc.codecs import NegotiatedTrack
from daemon.rtc.fanout import Burst, Delivery
from daemon.rtc.gop import MAX_SECONDS, Start
from daemon.rtc.native import Spool
from daemon.rtc.peer import Peer
from daemon.rtc.srtp import Outbound, Profile, SessionKeys
from daemon.rtc.timeline import Plain
from daemon.rtc.track import OutgoingTrack
from daemon.webrtc.outlet import PORTION, Abandon, Outlet
from tests.fakes.delivery import datagrams
from tests.integration.webrtc.conftest import until

KEYS = SessionKeys(Profile.AEAD_AES_128_GCM, b"k" * 16, b"s" * 12, b"r" * 16, b"t" * 12)
VIDEO = NegotiatedTrack("video", "0", 102, 90_000, "H264", "", ())


class Reported:
    """The part of a peer that an outlet sees."""

    def __init__(self) -> None:
        self.begun = 0

    def needs_first_report(self, _kind: str) -> bool:
        return self.begun == 0


class Stage:
    """An outlet, its viewers, and what each of them was sent, in order."""

    def __init__(self) -> None:
        self.outlet = Outlet("video", self._transmit, self._begin)
        self.sent: dict[int, list[tuple[int, int]]] = {}  # port -> (sequence, timestamp)
        self.times: list[float] = []
        self.queue: list[tuple[Delivery, Abandon]] = []
        self.is_full = False
        self.index = 1

    def add(self, port: int) -> OutgoingTrack:
        track = OutgoingTrack(
            VIDEO, Outbound(KEYS), ssrc=port, first_sequence=0, timestamp_offset=0
        )
        track.address = ("10.0.0.1", port)
        self.sent[port] = []
        self.outlet.join(track, Reported())  # type: ignore[arg-type]
        return track

    def frame(self, packets: int = 2, *, is_keyframe: bool = False) -> None:
        timestamp = 3000 * self.index
        burst: list[Plain] = [
            (self.index + place, timestamp, 128 * (place == packets - 1), bytes(100))
            for place in range(packets)
        ]
        self.index += packets
        self.outlet.send(Burst("video", burst, is_keyframe, time.monotonic()))

    def _transmit(self, delivery: Delivery, abandon: Abandon) -> None:
        self.queue.append((delivery, abandon))
        if not self.is_full:
            self.drain()

    def drain(self) -> None:
        for delivery, _ in self.queue:
            self.times.append(time.monotonic())
            for address, data in datagrams(delivery):
                numbers = int.from_bytes(data[2:4]), int.from_bytes(data[4:8])
                self.sent[address[1]].append(numbers)
        self.queue.clear()

    def _begin(self, peer: Peer) -> None:
        peer.begun += 1  # type: ignore[attr-defined]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    yield stage
    stage.outlet.close()


def sequences(sent: list[tuple[int, int]]) -> list[int]:
    return [number for number, _ in sent]


async def test_who_joins_in_mid_group_gets_all_of_it_and_then_live(stage: Stage) -> None:
    stage.frame(is_keyframe=True)
    for _ in range(40):
        stage.frame()
    track = stage.add(1)
    assert stage.sent[1], "the key frame leaves at once"
    peer = stage.outlet.peers[track]
    await until(lambda: len(stage.sent[1]) == 82)
    assert peer.begun == 1  # type: ignore[attr-defined]
    await until(lambda: track.line is stage.outlet._fanout.line)
    stage.frame()
    assert sequences(stage.sent[1]) == list(range(84))
    stamps = [stamp for _, stamp in stage.sent[1]]
    assert stamps == sorted(stamps)
    assert stamps[-1] == 3000 * 83


async def test_without_a_cache_a_viewer_waits_for_the_key_frame(stage: Stage) -> None:
    stage.outlet.gop.mode = Start.OFF
    stage.frame(is_keyframe=True)
    stage.add(1)
    stage.frame()
    assert stage.sent[1] == []
    stage.frame(is_keyframe=True)
    assert sequences(stage.sent[1]) == [0, 1]


async def test_a_still_is_followed_by_the_next_key_frame(stage: Stage) -> None:
    stage.outlet.gop.mode = Start.KEYFRAME
    stage.frame(is_keyframe=True)
    stage.frame()
    track = stage.add(1)
    await until(lambda: not track.is_open)
    stage.frame()
    assert sequences(stage.sent[1]) == [0, 1]
    stage.frame(is_keyframe=True)
    assert sequences(stage.sent[1]) == [0, 1, 2, 3]


async def test_who_joins_in_mid_frame_begins_at_its_end(stage: Stage) -> None:
    stage.frame(is_keyframe=True)
    timestamp = 3000 * stage.index
    first = [(stage.index, timestamp, 0, b"half")]
    stage.outlet.send(Burst("video", first, False, time.monotonic()))
    stage.add(1)
    assert stage.sent[1] == []
    rest = [(stage.index + 1, timestamp, 128, b"other half")]
    stage.outlet.send(Burst("video", rest, False, time.monotonic()))
    await until(lambda: len(stage.sent[1]) == 4)


async def test_a_picture_loss_is_answered_from_the_cache_once_in_a_while(stage: Stage) -> None:
    stage.frame(is_keyframe=True)
    stage.frame()
    track = stage.add(1)
    other = stage.add(2)
    await until(lambda: not stage.outlet._replays)
    track.replayed_at = time.monotonic() + 60  # however long this machine has taken
    stage.outlet.want_keyframe(track)
    stage.outlet.want_keyframe(track)
    assert len(stage.sent[1]) == 4, "it had the picture a moment ago"
    track.replayed_at = time.monotonic() - 0.5
    stage.outlet.want_keyframe(track)
    await until(lambda: len(stage.sent[1]) == 8)
    track.replayed_at = time.monotonic() + 60
    stage.outlet.want_keyframe(track)
    await until(lambda: not stage.outlet._replays)
    stage.frame()
    assert sequences(stage.sent[1]) == list(range(10))
    assert sequences(stage.sent[2]) == list(range(6)), "it concerns nobody else"
    assert (track.answered_plis, other.answered_plis) == (1, 0)
    stamps = [stamp for _, stamp in stage.sent[1]]
    assert stamps == sorted(stamps)


async def test_a_key_frame_that_comes_soon_is_waited_for(stage: Stage) -> None:
    stage.frame(is_keyframe=True)
    for _ in range(14):
        stage.frame()
    stage.frame(is_keyframe=True)
    track = stage.add(1)
    for _ in range(13):  # of 15
        stage.frame()
    await until(lambda: not stage.outlet._replays)
    track.replayed_at -= 0.5
    sent = len(stage.sent[1])
    stage.outlet.want_keyframe(track)
    assert len(stage.sent[1]) == sent
    assert track.answered_plis == 0


async def test_over_a_hole_of_our_own_no_replay_helps(stage: Stage) -> None:
    stage.frame(is_keyframe=True)
    track = stage.add(1)
    await until(lambda: not stage.outlet._replays)
    stage.index += 1  # FFmpeg's packet found our buffer full
    stage.frame()
    track.replayed_at -= 60
    stage.outlet.want_keyframe(track)
    assert len(stage.sent[1]) == 4
    assert track.answered_plis == 0
    stage.frame(is_keyframe=True)
    assert not stage.outlet.gop.has_hole


async def test_who_asks_while_nothing_is_kept_gets_the_key_frame_once(stage: Stage) -> None:
    stage.frame(is_keyframe=True)
    track = stage.add(1)
    await until(lambda: not stage.outlet._replays)
    stage.index += int(3000 * MAX_SECONDS) // 100
    stage.frame()
    assert not stage.outlet.gop.packets
    track.replayed_at -= 60
    stage.outlet.want_keyframe(track)
    stage.frame(is_keyframe=True)
    stage.frame()
    assert sequences(stage.sent[1])[-4:] == list(range(304, 308))
    assert not stage.outlet._replays


async def test_a_large_frame_leaves_in_portions_over_half_its_time(stage: Stage) -> None:
    stage.add(1)
    stage.frame(2, is_keyframe=True)
    stage.frame(2)
    began = len(stage.times)
    stage.frame(4 * PORTION)
    assert len(stage.sent[1]) == 4 + PORTION
    await until(lambda: len(stage.sent[1]) == 4 + 4 * PORTION)
    portions = stage.times[began:]
    assert len(portions) == 4
    assert portions[-1] > portions[0]
    assert sequences(stage.sent[1]) == list(range(4 + 4 * PORTION))


async def test_the_next_frame_does_not_wait_for_pacing(stage: Stage) -> None:
    stage.add(1)
    stage.frame(4 * PORTION, is_keyframe=True)
    stage.frame(1)
    assert sequences(stage.sent[1]) == list(range(4 * PORTION + 1))


async def test_a_replay_that_comes_too_late_is_given_up_up_to_the_key_frame(
    stage: Stage,
) -> None:
    stage.frame(is_keyframe=True)
    stage.is_full = True
    track = stage.add(1)
    ((delivery, abandon),) = stage.queue
    stage.queue.clear()
    abandon(delivery, Spool())
    assert not track.is_open
    stage.is_full = False
    stage.frame(is_keyframe=True)
    assert sequences(stage.sent[1]) == [0, 1], "no hole in the numbers"


async def test_who_leaves_in_a_replay_is_forgotten(stage: Stage) -> None:
    stage.frame(is_keyframe=True)
    for _ in range(100):
        stage.frame()
    track = stage.add(1)
    stage.outlet.leave(track)
    stage.outlet.leave(track)
    sent = len(stage.sent[1])
    stage.frame()
    assert len(stage.sent[1]) == sent
    assert not stage.outlet._replays
