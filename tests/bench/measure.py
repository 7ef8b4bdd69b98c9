"""Measure: let viewers join a target, settle, count; the figures of one run."""

import asyncio
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.audience import Audience, Tally
from tests.bench.seat import PROFILES
from tests.bench.target import Target

SETTLE = 2.0  # seconds between the last join and measuring
IDLE = 2.0  # seconds of ingest without viewers, measured before they come
JOINS_A_SECOND = 25.0
SILENCE_TIMEOUT = 60.0
ENOUGH_JOINS = 10  # fewer tell nothing about a join


@dataclass(frozen=True, slots=True)
class Load:
    """What comes upon a target."""

    viewers: int
    seconds: float = 8.0
    joins_a_second: float = JOINS_A_SECOND
    profiles: bytes = PROFILES
    tick: float = 0.02
    settle: float = SETTLE
    idle: float = IDLE


@dataclass(frozen=True, slots=True)
class Mark:
    """One instant of a run."""

    at: float
    cpu_seconds: float
    tally: Tally


@dataclass(frozen=True, slots=True)
class Row:
    """One run. Lists of seconds are in order of size."""

    name: str
    viewers: int
    joined: int
    seconds: float
    cpu_seconds: float
    packets: int
    lost: int
    octets: int
    opened: int
    refused: int
    shares: list[float]  # of the packets of who got most, of each viewer, in order of size
    paces: list[float]  # seconds of media a second, of each viewer, in order of size
    join_cpu_seconds: float
    idle_cpu: float  # CPU seconds a second before anybody watches
    memory: float  # bytes more for each viewer
    dtls: list[float]  # from the POST to the end of the handshake
    picture: list[float]  # from the POST to the first whole key frame
    profile: str
    failures: list[str]
    own_cpu: float  # of a core, for viewers and source: beyond 0.8 don't use the row

    @property
    def cost(self) -> float:
        """Microseconds of the server's CPU per delivered packet, ingest included."""
        return self.cpu_seconds / max(self.packets, 1) * 1e6

    @property
    def loss(self) -> float:
        """Per cent of the packets that should have come."""
        return 100 * self.lost / max(self.packets + self.lost, 1)

    @property
    def pace(self) -> float:
        """Seconds of media a second, the slowest viewer's. Below 1: it falls behind."""
        return self.paces[0] if self.paces else 0.0


def quantile(values: Sequence[float], share: float) -> float:
    """Give the value that ``share`` of them don't exceed; values in order of size."""
    return values[math.ceil(share * len(values)) - 1] if values else math.nan


async def measure(target: Target, load: Load) -> Row:
    """Let viewers join, settle, and count."""
    audience = Audience(load.profiles, load.tick)
    loop = asyncio.get_running_loop()
    marks: list[Mark] = []

    def mark() -> None:
        marks.append(Mark(loop.time(), target.cpu_seconds, audience.tally()))

    try:
        mark()
        await asyncio.sleep(load.idle)
        before = target.resident_bytes
        mark()
        await audience.join(target.url, load.viewers, load.joins_a_second)
        mark()
        await audience.watch(load.settle)
        own = time.process_time()
        mark()
        await audience.watch(load.seconds)
        mark()
        own = time.process_time() - own
        after = target.resident_bytes
        return _row(target, load, audience, marks, (after - before, own))
    finally:
        audience.close()


async def measure_idle(target: Target, viewers: int, seconds: float) -> float:
    """Share of a core that the server uses once its source has ended; viewers stay."""
    audience = Audience()
    try:
        if viewers:
            await audience.join(target.url, viewers, JOINS_A_SECOND)
        async with asyncio.timeout(SILENCE_TIMEOUT):
            packets = -1
            while audience.tally().packets != packets:
                packets = audience.tally().packets
                await audience.watch(1.0)
        if len(audience.seats) != viewers:
            raise RuntimeError(f"viewers didn't join: {audience.failures}")
        begin, used = asyncio.get_running_loop().time(), target.cpu_seconds
        await audience.watch(seconds)
        used = target.cpu_seconds - used
        return used / (asyncio.get_running_loop().time() - begin)
    finally:
        audience.close()


def _row(
    target: Target, load: Load, audience: Audience, marks: list[Mark], used: tuple[float, float]
) -> Row:
    _, arrived, joined, begin, end = marks
    idle = (arrived.cpu_seconds - marks[0].cpu_seconds) / (arrived.at - marks[0].at)
    seconds, cpu = end.at - begin.at, end.cpu_seconds - begin.cpu_seconds
    packets = end.tally.packets - begin.tally.packets
    packet = (cpu - idle * seconds) / max(packets, 1)
    joins = joined.cpu_seconds - arrived.cpu_seconds - idle * (joined.at - arrived.at)
    joins -= packet * joined.tally.packets
    present = max(len(audience.seats), 1)
    each = [now - then for now, then in zip(end.tally.each, begin.tally.each, strict=True)]
    pairs = zip(end.tally.media_seconds, begin.tally.media_seconds, strict=True)
    return Row(
        name=target.name,
        viewers=load.viewers,
        joined=len(audience.seats),
        seconds=seconds,
        cpu_seconds=cpu,
        packets=packets,
        lost=end.tally.lost - begin.tally.lost,
        octets=end.tally.octets - begin.tally.octets,
        opened=end.tally.opened,
        refused=end.tally.refused,
        shares=sorted(one / max(1, *each) for one in each),
        paces=sorted((now - then) / seconds for now, then in pairs),
        join_cpu_seconds=joins / present if present >= ENOUGH_JOINS else math.nan,
        idle_cpu=idle,
        memory=used[0] / present,
        dtls=audience.took("dtls"),
        picture=audience.took("picture"),
        profile=statistics.mode(seat.viewer.profile_in_use for seat in audience.seats)
        if audience.seats
        else "",
        failures=audience.failures,
        own_cpu=used[1] / seconds,
    )
