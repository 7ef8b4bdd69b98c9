"""Mux: a socket that is full now and then, and a path without segmentation offload."""

import asyncio
import errno
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from daemon.rtc.demux import Address
from daemon.rtc.fanout import Transmission
from daemon.webrtc.mux import MAX_LAG, Job, Mux


class Reluctant(socket.socket):
    """A UDP socket that raises what ``refusals`` says, one for each send."""

    refusals: list[int]
    segmented = 0  # sends that asked for segmentation

    def sendto(self, *arguments: Any) -> int:
        self._refuse()
        return super().sendto(*arguments)

    def sendmsg(self, *arguments: Any) -> int:
        self.segmented += 1
        self._refuse()
        return super().sendmsg(*arguments)

    def _refuse(self) -> None:
        if self.refusals and (number := self.refusals.pop(0)):
            raise OSError(number, "refused")


class Stage:
    """A mux whose socket is reluctant, and a receiver."""

    def __init__(self) -> None:
        self.mux = Mux(lambda _peer, _event: None)
        self.mux.bind("127.0.0.1", 0)
        self.sender = Reluctant(socket.AF_INET, socket.SOCK_DGRAM)
        self.sender.refusals = []
        self.mux._by_is_v6[False] = self.sender
        self.receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.receiver.bind(("127.0.0.1", 0))
        self.receiver.setblocking(False)
        self.abandoned = 0

    @property
    def address(self) -> Address:
        address: Address = self.receiver.getsockname()
        return address

    def job(self, *bursts: list[bytes], arrived: float | None = None) -> Job:
        """Make a job of bursts, all of whose packets but the last have one size."""
        sends: list[Transmission] = [
            (self.address, [b for one in burst for b in (one[:2], one[2:])], len(burst[0]))
            for burst in bursts
        ]
        return Job(arrived or time.monotonic(), iter(sends), self._abandon)

    def _abandon(self) -> None:
        self.abandoned += 1

    async def received(self, count: int) -> list[bytes]:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(5):
            return [await loop.sock_recv(self.receiver, 2048) for _ in range(count)]

    def close(self) -> None:
        self.mux.close()
        self.mux._loop.remove_writer(self.sender)
        self.sender.close()
        self.receiver.close()


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()


FRAME = [b"one-", b"two-", b"end"]
AUDIO = [b"audio"]


async def test_a_run_arrives_as_single_datagrams(stage: Stage) -> None:
    stage.mux.fan_out(stage.job(FRAME, AUDIO))
    assert await stage.received(4) == [*FRAME, *AUDIO]


async def test_a_full_socket_delays_and_neither_loses_nor_repeats(stage: Stage) -> None:
    full = errno.EAGAIN
    stage.sender.refusals = [0, full, full, 0, errno.ENOBUFS]
    stage.mux.fan_out(stage.job(AUDIO, FRAME, [b"last-"]))
    stage.mux.fan_out(stage.job([b"next-"]))
    assert await stage.received(6) == [*AUDIO, *FRAME, b"last-", b"next-"]
    assert stage.mux.counters == {"send_queue_full": 3}


async def test_what_waited_too_long_is_dropped_as_whole_bursts(stage: Stage) -> None:
    stage.sender.refusals = [errno.EAGAIN]
    stage.mux.fan_out(stage.job(FRAME, arrived=time.monotonic() - MAX_LAG - 1))
    stage.mux.fan_out(stage.job(AUDIO))
    assert await stage.received(1) == AUDIO
    assert stage.abandoned == 1
    assert stage.mux.counters == {"send_queue_full": 1, "bursts_dropped": 1}


async def test_a_path_without_segmentation_gets_single_packets_from_then_on(
    stage: Stage,
) -> None:
    if not stage.mux.uses_gso:
        pytest.skip("this kernel has no UDP segmentation offload")
    stage.sender.refusals = [errno.EIO]
    stage.mux.fan_out(stage.job(FRAME))
    stage.mux.fan_out(stage.job(FRAME))
    assert await stage.received(6) == FRAME * 2
    assert stage.sender.segmented == 1
    assert stage.mux.counters == {}


async def test_one_viewer_s_error_is_counted_and_others_get_theirs(stage: Stage) -> None:
    stage.sender.refusals = [errno.EPERM]
    stage.mux.fan_out(stage.job(FRAME, AUDIO))
    assert await stage.received(1) == AUDIO
    assert stage.mux.counters == {"send_eperm": 1}


async def test_a_long_job_lets_others_have_their_turn_and_repeats_nothing(
    stage: Stage,
) -> None:
    stage.sender.refusals = [errno.EAGAIN]
    turns: list[str] = []

    def slow() -> Any:
        for number in range(40):
            if number == 1:  # once the socket takes data again
                asyncio.get_running_loop().call_soon(turns.append, "other")
            deadline = time.monotonic() + 0.0005
            while time.monotonic() < deadline:
                pass
            yield stage.address, [b"%d" % number, b""], 2
        turns.append("end")

    stage.mux.fan_out(Job(time.monotonic(), slow(), lambda: None))
    assert await stage.received(40) == [b"%d" % number for number in range(40)]
    assert turns == ["other", "end"]
