"""Audience: many real viewers in one thread, cheap enough to leave the server its core.

Each is a fake viewer with a real ICE, DTLS and SRTP exchange. Once connected it is read on a
timer: nobody waits on its socket, so that the server is not charged for waking us up; a packet
in a hundred is decrypted, all are counted by their sequence numbers.
"""

import asyncio
import socket
import struct
from dataclasses import dataclass

import httpx

from tests.fakes.viewer import Viewer

TICK = 0.02  # seconds between reads
RECEIVE_BUFFER = 4 << 20
SAMPLE = 100  # one packet in so many is decrypted
CHECK_SECONDS = 5.0  # consent, RFC 7675 section 5.1
REPORT_SECONDS = 1.0
JOIN_TIMEOUT = 20.0
CLOCK_RATES = {102: 90_000, 111: 48_000}  # by the fake viewer's payload types
_HEADER = struct.Struct("!BBHII")


@dataclass(slots=True)
class Flow:
    """The numbers of one SSRC."""

    expected: int
    timestamp: int
    clock_rate: int
    ticks: int = 0  # of media that came
    packets: int = 0
    lost: int = 0


class Seat:
    """One viewer's socket."""

    def __init__(self, place: int) -> None:
        self.viewer = Viewer(ufrag=f"seat{place}")
        self.flows: dict[int, Flow] = {}
        self.octets = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self._buffer = bytearray(2048)
        self._has_started = False

    async def join(self, client: httpx.AsyncClient, url: str) -> None:
        """POST, then read eagerly up to the first packet of media."""
        headers = {"Content-Type": "application/sdp"}
        answer = await client.post(url, content=self.viewer.offer(), headers=headers)
        answer.raise_for_status()
        found = self.viewer.accept(answer.text)
        self.socket.connect(found.addresses[0])
        self.check()
        changed = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self.socket, self._on_readable, changed)
        try:
            async with asyncio.timeout(JOIN_TIMEOUT):
                while not self.flows:
                    changed.clear()
                    await changed.wait()
        finally:
            loop.remove_reader(self.socket)

    def check(self) -> None:
        """Send a connectivity check, which is also our consent."""
        self.socket.send(self.viewer.check())

    def report(self) -> None:
        """Send a receiver report on every flow."""
        blocks = b"".join(
            struct.pack("!IIIIII", ssrc, 0, flow.expected - 1 & 0xFFFF, 0, 0, 0)
            for ssrc, flow in self.flows.items()
        )
        count = len(self.flows)
        header = struct.pack("!BBHI", 0x80 | count, 201, 1 + 6 * count, 1)
        self.socket.send(self.viewer.protect_rtcp(header + blocks))

    def read(self) -> None:
        """Take what has come."""
        buffer = self._buffer
        receive = self.socket.recv_into
        try:
            while True:
                size = receive(buffer)
                first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(buffer)
                if first >> 6 != 2 or 192 <= second <= 223:
                    self._take(bytes(buffer[:size]))
                else:
                    self.octets += size
                    flow = self.flows.get(ssrc)
                    if flow is None:
                        rate = CLOCK_RATES[second & 0x7F]
                        flow = self.flows[ssrc] = Flow(sequence, timestamp, rate)
                    self._count(flow, sequence, timestamp, size)
        except BlockingIOError:
            pass

    def _on_readable(self, changed: asyncio.Event) -> None:
        self.read()
        changed.set()

    def _count(self, flow: Flow, sequence: int, timestamp: int, size: int) -> None:
        missing = sequence - flow.expected & 0xFFFF
        if missing:
            flow.lost += missing
        flow.expected = sequence + 1 & 0xFFFF
        flow.ticks += timestamp - flow.timestamp & 0xFFFFFFFF
        flow.timestamp = timestamp
        if flow.packets % SAMPLE == 0:
            self._take(bytes(self._buffer[:size]))
        flow.packets += 1

    def _take(self, data: bytes) -> None:
        self.viewer.receive(data)
        if not self._has_started:
            self._has_started = True
            self.viewer.start_dtls()
        while (out := self.viewer.poll_transmit()) is not None:
            self.socket.send(out)


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums over all seats since they joined."""

    packets: int
    lost: int
    octets: int
    opened: int  # packets that were decrypted
    refused: int  # those that weren't authentic
    media_seconds: float  # a viewer's and track's mean


class Audience:
    """Seats that are read on one timer."""

    def __init__(self) -> None:
        self.seats: list[Seat] = []

    async def join(self, url: str, count: int, rate: float) -> None:
        """Let viewers in, ``rate`` a second, and return when all have media."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        async with (
            httpx.AsyncClient(timeout=JOIN_TIMEOUT) as client,
            asyncio.TaskGroup() as group,
        ):
            for place in range(count):
                group.create_task(self._seat(client, url, place))
                due += 1 / rate
                await self.watch_until(due)

    async def _seat(self, client: httpx.AsyncClient, url: str, place: int) -> None:
        seat = Seat(place)
        await seat.join(client, url)
        self.seats.append(seat)

    async def watch(self, seconds: float) -> None:
        """Read everybody for so long."""
        await self.watch_until(asyncio.get_running_loop().time() + seconds)

    async def watch_until(self, deadline: float) -> None:
        """Read everybody, tick by tick; reports and consent are spread over their periods."""
        loop = asyncio.get_running_loop()
        while (left := deadline - loop.time()) > 0:
            await asyncio.sleep(min(TICK, left))
            now = loop.time()
            for place, seat in enumerate(self.seats):
                seat.read()
                self._tend(seat, place, now)

    def _tend(self, seat: Seat, place: int, now: float) -> None:
        phase = place / max(len(self.seats), 1)
        if (now / REPORT_SECONDS + phase) % 1 < TICK / REPORT_SECONDS:
            seat.report()
        if (now / CHECK_SECONDS + phase) % 1 < TICK / CHECK_SECONDS:
            seat.check()

    def tally(self) -> Tally:
        """Add everything up."""
        flows = [flow for seat in self.seats for flow in seat.flows.values()]
        return Tally(
            packets=sum(flow.packets for flow in flows),
            lost=sum(flow.lost for flow in flows),
            octets=sum(seat.octets for seat in self.seats),
            opened=sum(len(seat.viewer.packets) for seat in self.seats),
            refused=sum(seat.viewer.refused for seat in self.seats),
            media_seconds=sum(flow.ticks / flow.clock_rate for flow in flows)
            / max(len(flows), 1),
        )

    def close(self) -> None:
        """Vanish; the server is ended by the caller."""
        for seat in self.seats:
            seat.socket.close()
        self.seats.clear()
