"""Latency: from FFmpeg's packet on loopback to the last datagram of its frame at each viewer.

FFmpeg sends every packet twice: to the server, and to a socket of ours ("tap"). The kernel
notes when datagrams come (SO_TIMESTAMPNS), here and at the viewers' sockets, so that it matters
little how late we read. Frames are matched by their timestamps, whose distance is learnt from
the beginning of a payload that both have, wherever it was cut.
"""

import asyncio
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from daemon.rtc import rtp
from tests.bench.audience import Audience
from tests.bench.batch import SLOTS, Batch, ask_for_times
from tests.bench.measure import Load, quantile
from tests.bench.seat import RECEIVE_BUFFER
from tests.bench.target import Target

MARK = slice(1, 40)  # bytes of a payload: enough to tell one from the other
READ_EVERY = 0.2  # seconds: the receive buffers hold more
SPREAD = 0x80000000
_RTP = struct.Struct("!BBHII")


class Tap:
    """Our own copy of what FFmpeg sends of the video."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        ask_for_times(self.socket)
        self.ends: dict[int, float] = {}  # timestamp -> when the frame's last packet came
        self.payloads: dict[bytes, int] = {}  # -> timestamp

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def read(self) -> None:
        """Take what has come."""
        while True:
            try:
                data, ancillary, _, _ = self.socket.recvmsg(2048, 64)
            except BlockingIOError:
                return
            seconds, nanoseconds = struct.unpack("=qq", ancillary[0][2])
            packet = rtp.parse(data)
            if 192 <= data[1] <= 223:
                continue
            self.ends[packet.timestamp] = seconds + nanoseconds / 1e9
            self.payloads[_mark(packet.payload)] = packet.timestamp

    def close(self) -> None:
        self.socket.close()


@dataclass(slots=True)
class Arrivals:
    """One viewer's frames: timestamp -> when the last packet of it came."""

    shift: int  # its timestamps minus the tap's
    ends: dict[int, float] = field(default_factory=dict)

    def note(self, header: tuple[int, int, int, int, int], at: float, ssrc: int) -> None:
        if header[4] == ssrc:
            timestamp = (header[3] - self.shift) & 0xFFFFFFFF
            self.ends[timestamp] = max(at, self.ends.get(timestamp, 0.0))


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds, in order of size; ``each`` frame at each viewer, and at the ``last`` one."""

    name: str
    viewers: int
    frames: int
    each: list[float]
    last: list[float]

    def __str__(self) -> str:
        def spell(values: Sequence[float]) -> str:
            return "".join(f"{quantile(values, share) * 1e3:9.2f}" for share in (0.5, 0.95, 1))

        head = f"{self.name:<24}{self.viewers:8}{self.frames:8}"
        return head + spell(self.each) + spell(self.last)


HEADINGS = (
    f"{'':24}{'':8}{'':8}{'every viewer, ms':>27}{'the last viewer, ms':>27}\n"
    f"{'server':<24}{'viewers':>8}{'frames':>8}" + f"{'p50':>9}{'p95':>9}{'max':>9}" * 2
)


async def measure(target: Target, load: Load, tap: Tap) -> Latency:
    """Let viewers join, then follow each frame to all of them."""
    audience = Audience(load.profiles, load.tick)
    try:
        await audience.join(target.url, load.viewers, load.joins_a_second)
        tap.read()
        await audience.watch(load.settle)
        flows = await _match_all(audience, tap)
        for seat in audience.seats:
            ask_for_times(seat.socket)
        tap.ends.clear()
        batch = Batch()
        deadline = asyncio.get_running_loop().time() + load.seconds
        while asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(READ_EVERY)
            tap.read()
            for seat in audience.seats:
                _read(batch, seat.descriptor, *flows[seat.descriptor])
                seat.check()
        return _latency(target, load, tap, [arrivals for _, arrivals in flows.values()])
    finally:
        audience.close()
        tap.close()


async def _match_all(audience: Audience, tap: Tap) -> dict[int, tuple[int, Arrivals]]:
    """Learn from live packets; those of an instant start have timestamps of their own."""
    for seat in audience.seats:
        seat.read_whole()
        seat.viewer.packets.clear()
    tap.payloads.clear()
    await asyncio.sleep(READ_EVERY)
    for seat in audience.seats:
        seat.read_whole()
    tap.read()
    return {seat.descriptor: _match(seat.viewer.packets, tap) for seat in audience.seats}


def _mark(payload: bytes) -> bytes:
    return payload[MARK]


def _match(packets: Sequence[rtp.Packet], tap: Tap) -> tuple[int, Arrivals]:
    """Find by a payload how far this viewer's timestamps are from FFmpeg's."""
    for packet in reversed(packets):
        timestamp = tap.payloads.get(_mark(packet.payload))
        if packet.payload_type == 102 and timestamp is not None:
            return packet.ssrc, Arrivals((packet.timestamp - timestamp) & 0xFFFFFFFF)
    raise RuntimeError("no payload of the viewer's was among FFmpeg's")


def _read(batch: Batch, descriptor: int, ssrc: int, arrivals: Arrivals) -> None:
    while count := batch.read_with_times(descriptor):
        for header, at in zip(batch.headers(count), batch.times(count), strict=True):
            arrivals.note(header, at, ssrc)
        if count < SLOTS:
            return


def _latency(target: Target, load: Load, tap: Tap, viewers: list[Arrivals]) -> Latency:
    # the first and last frames may have been seen in part only
    whole = sorted(tap.ends, key=lambda timestamp: tap.ends[timestamp])[5:-5]
    each: list[float] = []
    last: list[float] = []
    for timestamp in whole:
        took = [
            one.ends[timestamp] - tap.ends[timestamp]
            for one in viewers
            if timestamp in one.ends
        ]
        if len(took) == len(viewers):
            each += took
            last.append(max(took))
    return Latency(target.name, load.viewers, len(last), sorted(each), sorted(last))
