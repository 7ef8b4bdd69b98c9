"""Seat: one real viewer on its own socket: WHEP POST, ICE, DTLS, SRTP, then counting.

While it joins it is read as packets come, and everything is decrypted, until the first whole
key frame. Afterwards nobody waits on its socket, so that the server isn't charged for waking
us up: ``Audience`` reads it on a timer, headers only, and one batch in some is decrypted.
"""

import asyncio
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from daemon.rtc import h264, rtp
from tests.bench.batch import SLOTS, Batch
from tests.fakes.viewer import Viewer

RECEIVE_BUFFER = 4 << 20
JOIN_TIMEOUT = 60.0
RECHECK = (0.05, 0.1, 0.2, 0.4, 0.8)  # seconds to the next connectivity check
CLOCK_RATES = {102: 90_000, 111: 48_000}  # by the fake viewer's payload types
# what Chromium offers, in its order: a server that is the DTLS client gets the first one
PROFILES = b"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM"
_DATAGRAM = 2048


@dataclass(slots=True)
class Flow:
    """The numbers of one SSRC."""

    expected: int
    timestamp: int
    clock_rate: int
    ticks: int = 0  # of media that came
    packets: int = 0
    lost: int = 0
    late: int = 0

    def note(self, sequence: int, timestamp: int) -> None:
        """Count one packet."""
        self.packets += 1
        ahead = (sequence - self.expected) & 0xFFFF
        if ahead >= 0x8000:
            self.late += 1
            self.lost -= 1
            return
        self.lost += ahead
        self.expected = (sequence + 1) & 0xFFFF
        self.ticks += (timestamp - self.timestamp) & 0xFFFFFFFF
        self.timestamp = timestamp


@dataclass
class Seat:
    """One viewer. ``at`` has when things happened, on the loop's clock."""

    place: int
    profiles: bytes = PROFILES
    at: dict[str, float] = field(default_factory=dict)
    flows: dict[int, Flow] = field(default_factory=dict)
    octets: int = 0

    def __post_init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.descriptor = self.socket.fileno()
        self.viewer = Viewer(
            profile=self.profiles, ufrag=f"seat{self.place}", address=self.socket.getsockname()
        )
        self._loop = asyncio.get_running_loop()
        self._picture = asyncio.Event()
        self._has_started = False
        self._seen = 0  # of the viewer's packets

    async def join(self, client: httpx.AsyncClient, url: str) -> None:
        """POST, then read eagerly up to the first whole key frame."""
        headers = {"Content-Type": "application/sdp"}
        offer = self.viewer.offer()
        self.at["post"] = self._loop.time()
        answer = await client.post(url, content=offer, headers=headers)
        answer.raise_for_status()
        addresses = self.viewer.accept(answer.text).addresses
        self.socket.connect(next(one for one in addresses if one[0].startswith("127.")))
        self._loop.add_reader(self.socket, self._on_readable)
        try:
            async with asyncio.timeout(JOIN_TIMEOUT):
                for pause in RECHECK:
                    self.check()
                    await asyncio.sleep(pause)
                    if self._has_started:
                        break
                await self._picture.wait()
        finally:
            self._loop.remove_reader(self.socket)

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

    def leave(self) -> None:
        """Say goodbye by DTLS, then be gone."""
        self.viewer.close()
        self._flush()
        self.socket.close()

    def read(self, batch: Batch) -> None:
        """Count what has come; answer checks."""
        flows = self.flows
        while count := batch.read(self.descriptor):
            for slot, (first, second, sequence, timestamp, ssrc) in enumerate(
                batch.headers(count)
            ):
                flow = flows.get(ssrc)
                if flow is not None:
                    flow.note(sequence, timestamp)
                elif first & 0xC0 == 0x80:
                    self._meet(second, sequence, timestamp, ssrc)
                elif first < 2:  # a full ICE agent wants to know whether we are still here
                    self._take(stun_of(batch.datagram(slot)))
            self.octets += batch.octets(count)
            if count < SLOTS:
                return

    def read_whole(self) -> None:
        """Count what has come and decrypt all of it; answer what wants an answer."""
        try:
            while True:
                data = self.socket.recv(_DATAGRAM)
                self._count(data)
                self._take(data)
        except BlockingIOError:
            pass

    def _meet(self, second: int, sequence: int, timestamp: int, ssrc: int) -> None:
        rate = CLOCK_RATES.get(second & 0x7F)
        if rate is not None and not 192 <= second <= 223:
            flow = self.flows[ssrc] = Flow(sequence, timestamp, rate)
            flow.note(sequence, timestamp)

    def _count(self, data: bytes) -> None:
        if len(data) < 12 or data[0] & 0xC0 != 0x80 or 192 <= data[1] <= 223:
            return
        _, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
        self.octets += len(data)
        flow = self.flows.get(ssrc)
        if flow is None:
            self._meet(second, sequence, timestamp, ssrc)
        else:
            flow.note(sequence, timestamp)

    def _take(self, data: bytes) -> None:
        self.viewer.receive(data)
        if not self._has_started:
            self._has_started = True
            self.viewer.start_dtls()
        self._flush()

    def _flush(self) -> None:
        while (out := self.viewer.poll_transmit()) is not None:
            self.socket.send(out)

    def _on_readable(self) -> None:
        self.read_whole()
        now = self._loop.time()
        if self.viewer.is_connected:
            self.at.setdefault("dtls", now)
        packets = self.viewer.packets
        if len(packets) > self._seen:
            self.at.setdefault("media", now)
            self._seen = len(packets)
            if "picture" not in self.at and has_keyframe(packets):
                self.at["picture"] = now
                self._picture.set()


def stun_of(data: bytes) -> bytes:
    """Cut a STUN message to its length."""
    return data[: 20 + int.from_bytes(data[2:4], "big")]


def has_keyframe(packets: Sequence[rtp.Packet]) -> bool:
    """Whether a key frame came whole: from its start to its marker bit without a hole."""
    begun: int | None = None
    expected = 0
    for packet in packets:
        if packet.payload_type != 102:
            continue
        if h264.is_keyframe_start(packet.payload) and begun != packet.timestamp:
            begun = packet.timestamp
        elif packet.timestamp != begun or packet.sequence != expected:
            begun = None
        expected = (packet.sequence + 1) & 0xFFFF
        if packet.marker and begun is not None:
            return True
    return False
