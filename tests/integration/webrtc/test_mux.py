"""Mux: a socket that is full now and then, and a path without segmentation offload."""

import asyncio
import errno
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from daemon.rtc import native
from daemon.rtc.codecs import NegotiatedTrack
from daemon.rtc.fanout import Burst, Fanout
from daemon.rtc.srtp import Outbound, Profile, SessionKeys
from daemon.rtc.timeline import Plain
from daemon.rtc.track import OutgoingTrack
from daemon.webrtc.mux import MAX_LAG, Job, Mux

VIDEO = NegotiatedTrack("video", "0", 102, 90_000, "H264", "", ())
KEYS = SessionKeys(Profile.AEAD_AES_128_GCM, b"k" * 16, b"s" * 12, b"r" * 16, b"t" * 12)
FRAME = (40, 40, 7)
AUDIO = (30,)


class Refusals:
    """Error numbers for the sends to come, 0 for none; the kernel gives none on demand."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.segmented = 0  # sends that asked for segmentation

    def take(self) -> int:
        return self.numbers.pop(0) if self.numbers else 0


class Reluctant(socket.socket):
    """A UDP socket that refuses what it's told to refuse."""

    refusals: Refusals

    def sendto(self, *arguments: Any) -> int:
        self._refuse()
        return super().sendto(*arguments)

    def sendmsg(self, *arguments: Any) -> int:
        self.refusals.segmented += 1
        self._refuse()
        return super().sendmsg(*arguments)

    def _refuse(self) -> None:
        if (number := self.refusals.take()) != 0:
            raise OSError(number, "refused")


class ReluctantLibrary:
    """burst.c, piece by piece, with the same refusals."""

    def __init__(self, library: Any, refusals: Refusals) -> None:
        self._library = library
        self._refusals = refusals

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)

    def send_pieces(self, *arguments: Any) -> int:
        *sockets, out, pieces, first, count, with_segments, error, dropped = arguments
        while first < count:
            if pieces[first].packets > 1 and with_segments and not pieces[first].lane.is_plain:
                self._refusals.segmented += 1
            if (number := self._refusals.take()) != 0:
                error[0] = number
                return int(first)
            first = self._library.send_pieces(
                *sockets, out, pieces, first, first + 1, with_segments, error, dropped
            )
        return int(first)


class Stage:
    """A mux whose sends are reluctant, one viewer for each receiver, and a line of media."""

    def __init__(self, profile: Profile) -> None:
        self.refusals = Refusals()
        self.mux = Mux(lambda _peer, _event: None)
        self.mux.bind("127.0.0.1", 0)
        self.reluctant = Reluctant(socket.AF_INET, socket.SOCK_DGRAM)
        self.reluctant.refusals = self.refusals
        self.mux.sender.use(socket.AF_INET, self.reluctant)
        self.receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.receiver.bind(("127.0.0.1", 0))
        self.receiver.setblocking(False)
        self.receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.fanout = Fanout()
        self.profile = profile
        self.next_index = 1

    def add_viewers(self, count: int) -> list[OutgoingTrack]:
        """Let viewers watch, all at one address; they open with the next burst."""
        tracks = []
        for number in range(count):
            keys = KEYS
            if self.profile is Profile.AES128_CM_SHA1_80:
                keys = SessionKeys(self.profile, b"k" * 16, b"s" * 14, b"r" * 16, b"t" * 14)
            track = OutgoingTrack(
                VIDEO, Outbound(keys), ssrc=number, first_sequence=0, timestamp_offset=0
            )
            track.address = self.receiver.getsockname()
            self.fanout.wait(track)
            tracks.append(track)
        return tracks

    def send(self, sizes: tuple[int, ...], *, arrived: float | None = None) -> None:
        """Fan out one burst with payloads of these sizes."""
        packets: list[Plain] = [
            (self.next_index + place, 0, 0, bytes(size)) for place, size in enumerate(sizes)
        ]
        self.next_index += len(sizes)
        burst = Burst("video", packets, True, arrived or time.monotonic())
        delivery, _ = self.fanout.begin(burst)
        if delivery is not None:
            self.mux.fan_out(Job(delivery, self.fanout.abandon))

    async def received(self, count: int) -> list[tuple[int, int]]:
        """Wait for datagrams; give each one's SSRC and sequence number."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(60):
            found = [await loop.sock_recv(self.receiver, 2048) for _ in range(count)]
        return [(int.from_bytes(one[8:12]), int.from_bytes(one[2:4])) for one in found]

    def nothing_more(self) -> bool:
        """Whether no further datagram has come."""
        try:
            self.receiver.recv(2048)
        except BlockingIOError:
            return True
        return False

    def close(self) -> None:
        self.mux.close()
        self.reluctant.close()
        self.receiver.close()


@pytest.fixture(params=[Profile.AEAD_AES_128_GCM, Profile.AES128_CM_SHA1_80])
async def stage(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stage]:
    stage = Stage(request.param)  # the first goes through C, the second through Python
    monkeypatch.setattr(native, "lib", ReluctantLibrary(native.lib, stage.refusals))
    yield stage
    stage.close()


async def test_a_run_arrives_as_single_datagrams(stage: Stage) -> None:
    stage.add_viewers(1)
    stage.send(FRAME)
    stage.send(AUDIO)
    assert await stage.received(4) == [(0, 0), (0, 1), (0, 2), (0, 3)]


async def test_a_full_socket_delays_and_neither_loses_nor_repeats(stage: Stage) -> None:
    stage.add_viewers(3)
    stage.refusals.numbers = [0, errno.EAGAIN, errno.EAGAIN, 0, errno.ENOBUFS]
    stage.send(FRAME)
    stage.send(AUDIO)
    assert sorted(await stage.received(12)) == [
        (ssrc, number) for ssrc in range(3) for number in range(4)
    ]
    assert stage.mux.counters == {"send_queue_full": 3}
    assert stage.nothing_more()


async def test_what_waited_too_long_is_dropped_as_whole_bursts(stage: Stage) -> None:
    tracks = stage.add_viewers(2)
    stage.send(FRAME)
    assert len(await stage.received(6)) == 6
    stage.send(FRAME, arrived=time.monotonic() - MAX_LAG - 1)
    stage.refusals.numbers = [errno.EAGAIN]
    stage.send(AUDIO)  # a key frame: all may go on, without a hole in their numbers
    assert sorted(await stage.received(2)) == [(0, 3), (1, 3)]
    assert stage.mux.counters == {"send_queue_full": 1, "bursts_dropped": 1}
    assert [track.dropped_frames for track in tracks] == [1, 1]


async def test_a_path_without_segmentation_gets_single_packets_from_then_on(
    stage: Stage,
) -> None:
    assert stage.mux.sender.uses_gso, "this kernel has no UDP segmentation offload"
    stage.add_viewers(1)
    stage.refusals.numbers = [errno.EIO]
    stage.send(FRAME)
    stage.send(FRAME)
    assert await stage.received(6) == [(0, number) for number in range(6)]
    assert stage.refusals.segmented == 1
    assert stage.mux.counters == {}


async def test_without_segmentation_everything_arrives_as_well(stage: Stage) -> None:
    stage.mux.sender.uses_gso = False
    stage.add_viewers(2)
    stage.send(FRAME)
    assert sorted(await stage.received(6)) == [
        (ssrc, number) for ssrc in range(2) for number in range(3)
    ]
    assert stage.refusals.segmented == 0


async def test_one_viewer_s_error_is_counted_and_others_get_theirs(stage: Stage) -> None:
    stage.add_viewers(2)
    stage.refusals.numbers = [errno.EPERM]
    stage.send(AUDIO)
    assert len(await stage.received(1)) == 1
    assert stage.nothing_more()
    assert stage.mux.counters == {"send_eperm": 1}


async def test_a_long_job_lets_others_have_their_turn_and_repeats_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.add_viewers(300)  # two of the spool's fillings
    turns: list[str] = []
    monkeypatch.setattr("daemon.webrtc.mux.SLICE", 0.0)
    stage.send(AUDIO)
    asyncio.get_running_loop().call_soon(turns.append, "other")
    assert stage.mux._jobs
    received = await stage.received(260)
    assert turns == ["other"]
    received += await stage.received(40)
    assert sorted(received) == [(ssrc, 0) for ssrc in range(300)]
    assert not stage.mux._jobs
