"""Audience: many real viewers in one thread, cheap enough to leave the server its core."""

import asyncio
from dataclasses import dataclass

import httpx

from tests.bench.batch import Batch
from tests.bench.seat import PROFILES, Seat

TICK = 0.02  # seconds between reads
SAMPLE = 64  # one read in so many is decrypted; of the first viewer, each
CHECK_SECONDS = 5.0  # consent, RFC 7675 section 5.1
REPORT_SECONDS = 1.0
HTTP_TIMEOUT = 20.0


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums over all seats since they joined."""

    packets: int
    lost: int
    octets: int
    opened: int  # packets that were decrypted
    refused: int  # those that weren't authentic
    media_seconds: tuple[float, ...]  # each viewer's, mean of its tracks
    each: tuple[int, ...]  # packets of each viewer


class Audience:
    """Seats that are read on one timer."""

    def __init__(self, profiles: bytes = PROFILES, tick: float = TICK) -> None:
        self.seats: list[Seat] = []
        self.failures: list[str] = []
        self._profiles = profiles
        self._tick = tick
        self._batch = Batch()
        self._reads = 0

    async def join(self, url: str, count: int, rate: float) -> None:
        """Let viewers in, ``rate`` a second, and return when all have a picture or failed."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        limits = httpx.Limits(max_connections=64)
        async with (
            httpx.AsyncClient(timeout=HTTP_TIMEOUT, limits=limits, trust_env=False) as client,
            asyncio.TaskGroup() as group,
        ):
            tasks = []
            for place in range(count):
                tasks.append(group.create_task(self._seat(client, url, place)))
                due += 1 / rate
                await self.watch_until(due)
            while not all(task.done() for task in tasks):
                await self.watch(self._tick)

    async def _seat(self, client: httpx.AsyncClient, url: str, place: int) -> None:
        seat = Seat(len(self.seats) + place, self._profiles)
        try:
            await seat.join(client, url)
        except (TimeoutError, httpx.HTTPError, OSError) as error:
            self.failures.append(f"{type(error).__name__}: {error} after {list(seat.at)[-1:]}")
            seat.socket.close()
        else:
            self.seats.append(seat)

    async def watch(self, seconds: float) -> None:
        """Read everybody for so long."""
        await self.watch_until(asyncio.get_running_loop().time() + seconds)

    async def watch_until(self, deadline: float) -> None:
        """Read everybody, tick by tick; reports and consent are spread over their periods."""
        loop = asyncio.get_running_loop()
        while (left := deadline - loop.time()) > 0:
            await asyncio.sleep(min(self._tick, left))
            self.read(loop.time())

    def read(self, now: float) -> None:
        """Read everybody once."""
        self._reads += 1
        for place, seat in enumerate(self.seats):
            if (self._reads + place) % SAMPLE == 0 or place == 0:
                seat.read_whole()
            else:
                seat.read(self._batch)
            self._tend(seat, place, now)

    def _tend(self, seat: Seat, place: int, now: float) -> None:
        phase = place / max(len(self.seats), 1)
        if (now / REPORT_SECONDS + phase) % 1 < self._tick / REPORT_SECONDS:
            seat.report()
        if (now / CHECK_SECONDS + phase) % 1 < self._tick / CHECK_SECONDS:
            seat.check()

    def tally(self) -> Tally:
        """Sum up."""
        flows = [flow for seat in self.seats for flow in seat.flows.values()]
        return Tally(
            packets=sum(flow.packets for flow in flows),
            lost=sum(flow.lost for flow in flows),
            octets=sum(seat.octets for seat in self.seats),
            opened=sum(len(seat.viewer.packets) for seat in self.seats),
            refused=sum(seat.viewer.refused for seat in self.seats),
            media_seconds=tuple(
                sum(flow.ticks / flow.clock_rate for flow in seat.flows.values())
                / max(len(seat.flows), 1)
                for seat in self.seats
            ),
            each=tuple(
                sum(flow.packets for flow in seat.flows.values()) for seat in self.seats
            ),
        )

    def took(self, what: str) -> list[float]:
        """Seconds from each POST to ``what``, in order of size."""
        return sorted(seat.at[what] - seat.at["post"] for seat in self.seats if what in seat.at)

    def close(self) -> None:
        """Leave; say so by DTLS."""
        for seat in self.seats:
            seat.leave()
        self.seats.clear()
