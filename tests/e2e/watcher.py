"""Watcher: an aiortc viewer for the length of a test; times what it sees and hears."""

import asyncio
import time
from array import array
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import cast
from urllib.parse import urljoin

import av
import httpx
from aiortc import MediaStreamTrack, RTCRtpReceiver, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import RtcpSrPacket, RtpPacket

from dragonctl.whep_test import answer as sdp
from dragonctl.whep_test import transport
from dragonctl.whep_test.decode import Thumbnailer, samples
from tests.e2e.waiting import DEADLINE, until

WHITE = 128  # mean luma; the flash is 255, the rest 0
LOUD = 3000  # of 32768; the beep's peak is 26000, silence below 100
QUIET_SECONDS = 0.3  # between two beeps; within one, samples cross zero
BEFORE_SOUND = 0.2  # seconds; farther before the first beep, a flash has none
TOLD_SECONDS = 20.0  # after 30 s without an answer, aioice would notice the end by itself
RATES = {"video": 90_000, "audio": 48_000}


@dataclass(slots=True)
class Line:
    """One track as it arrived. ``report``: the newest sender report, NTP seconds, RTP time."""

    kind: str
    packets: int = 0
    frames: int = 0
    size: tuple[int, int] | None = None  # of the newest picture
    ssrcs: set[int] = field(default_factory=set)
    first_timestamp: int | None = None
    last_timestamp: int | None = None
    steps_back: int = 0
    report: tuple[float, int] | None = None
    marks: list[float] = field(default_factory=list)  # RTP seconds since the first packet

    def receive_packet(self, packet: RtpPacket) -> None:
        self.packets += 1
        self.ssrcs.add(packet.ssrc)
        if self.last_timestamp is None:
            self.first_timestamp = packet.timestamp
        elif (packet.timestamp - self.last_timestamp) & 0xFFFFFFFF > 1 << 31:
            self.steps_back += 1
        self.last_timestamp = packet.timestamp

    def receive_report(self, packet: RtcpSrPacket) -> None:
        info = packet.sender_info
        if info.ntp_timestamp:
            self.report = (info.ntp_timestamp / (1 << 32), info.rtp_timestamp)

    def common_seconds(self, mark: float) -> float:
        """Put a mark on the sender's clock, which all its tracks share (RFC 3550, 6.4.1)."""
        assert self.report is not None
        assert self.first_timestamp is not None
        instant, at = self.report
        ahead = (self.first_timestamp - at + (1 << 31)) % (1 << 32) - (1 << 31)
        return instant + ahead / RATES[self.kind] + mark


class Watcher:
    """``async with Watcher(url, token) as watcher``: it watches until the end of the block."""

    def __init__(self, url: str, token: str = "", *, video: str = "") -> None:
        """``video``: the only codec that is offered for it, such as VP8."""
        self.url = url
        self.session = ""
        self.lines = {kind: Line(kind) for kind in RATES}
        self.dtls_states: list[str] = []
        self.delete_on_exit = True
        self._token = token
        self._peer = transport.open_peer()
        if video:
            self._offer_only(video)
        self._stack = AsyncExitStack()
        self.posted_at = self.picture_at = 0.0  # monotonic; of the first picture decoded
        self._is_white = False
        self._loud_at = -1.0

    @property
    def video(self) -> Line:
        return self.lines["video"]

    @property
    def audio(self) -> Line:
        return self.lines["audio"]

    @property
    def is_connected(self) -> bool:
        return transport.dtls_transport(self._peer).state == "connected"

    @property
    def was_told(self) -> bool:
        """The server said goodbye by closing DTLS."""
        return "closed" in self.dtls_states

    async def __aenter__(self) -> "Watcher":
        try:
            tracks = await self._connect()
        except BaseException:
            await transport.close_peer(self._peer)
            raise
        group = await self._stack.enter_async_context(asyncio.TaskGroup())
        self._tasks = [group.create_task(self._consume(track)) for track in tracks]
        return self

    def _offer_only(self, codec: str) -> None:
        known = RTCRtpReceiver.getCapabilities("video")
        assert known is not None
        wanted = [one for one in known.codecs if one.mimeType == f"video/{codec}"]
        for transceiver in self._peer.getTransceivers():
            if transceiver.kind == "video":
                transceiver.setCodecPreferences(wanted)

    async def _connect(self) -> list[MediaStreamTrack]:
        tracks: list[MediaStreamTrack] = []
        self._peer.on("track", tracks.append)
        await transport.gather(self._peer, needs_loopback=True)
        await self._peer.setLocalDescription(await self._peer.createOffer())
        bearer = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        async with httpx.AsyncClient(timeout=DEADLINE, trust_env=False) as http:
            self.posted_at = time.monotonic()
            answer = await http.post(
                self.url,
                content=self._peer.localDescription.sdp,
                headers=bearer | {"Content-Type": "application/sdp"},
            )
        assert answer.status_code == 201, answer.text
        self.session = urljoin(self.url, answer.headers["Location"])
        self._listen()
        # a track that we offered and the server has not is more than aiortc can read
        offered = sdp.parse(self._peer.localDescription.sdp)
        text = sdp.for_aiortc(sdp.parse(answer.text), offered)
        await self._peer.setRemoteDescription(RTCSessionDescription(text, "answer"))
        return tracks

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await self._stack.aclose()
        if self.delete_on_exit and not self.was_told:
            await self.leave()
        await transport.close_peer(self._peer)

    async def leave(self) -> int:
        """DELETE the session; give the status."""
        async with httpx.AsyncClient(timeout=DEADLINE, trust_env=False) as http:
            return (await http.delete(self.session)).status_code

    async def until_playing(self) -> None:
        """Wait for pictures and sound."""
        await until(
            lambda: self.video.frames > 5 and self.audio.frames > 5,
            "aiortc sees and hears something",
        )

    async def until_more(self, frames: int) -> None:
        """Wait for so many pictures more, and sound as well."""
        pictures, sounds = self.video.frames + frames, self.audio.frames + frames
        await until(
            lambda: self.video.frames >= pictures and self.audio.frames >= sounds,
            f"aiortc sees {frames} pictures more",
        )

    async def until_told(self, seconds: float = TOLD_SECONDS) -> None:
        """Wait until the server says goodbye."""
        await until(lambda: self.was_told, "the viewer is told", seconds=seconds)

    def _listen(self) -> None:
        dtls = transport.dtls_transport(self._peer)
        dtls.on("statechange", lambda: self.dtls_states.append(dtls.state))
        for transceiver in self._peer.getTransceivers():
            line = self.lines[transceiver.kind]
            transport.tap(
                transceiver.receiver,
                on_packet=line.receive_packet,
                on_sender_report=line.receive_report,
                forwards=True,
            )

    async def _consume(self, track: MediaStreamTrack) -> None:
        take = partial(self._see, Thumbnailer()) if track.kind == "video" else self._hear
        try:
            while True:
                take(await track.recv())
        except MediaStreamError:
            return

    def _see(self, thumbnailer: Thumbnailer, frame: object) -> None:
        picture = cast("av.VideoFrame", frame)
        self.picture_at = self.picture_at or time.monotonic()
        self.video.frames += 1
        self.video.size = (picture.width, picture.height)
        luma = thumbnailer.shrink(picture)
        is_white = sum(luma) / len(luma) > WHITE
        if is_white and not self._is_white:
            assert picture.pts is not None
            self.video.marks.append(picture.pts / RATES["video"])
        self._is_white = is_white

    def _hear(self, frame: object) -> None:
        sound = cast("av.AudioFrame", frame)
        self.audio.frames += 1
        assert sound.pts is not None
        channels = len(sound.layout.channels)
        values = array("h", samples(sound))[::channels]
        for number, value in enumerate(values):
            if abs(value) < LOUD:
                continue
            at = (sound.pts + number) / RATES["audio"]
            if at - self._loud_at > QUIET_SECONDS:
                self.audio.marks.append(at)
            self._loud_at = at

    def offsets(self, since: int = 0) -> list[float]:
        """Seconds from each flash to its beep on the sender's clock; positive: beep is late.

        ``since``: how many flashes to leave out. One of the instant start is left out, too: its
        beep was before we listened.
        """
        beeps = [self.audio.common_seconds(mark) for mark in self.audio.marks]
        shown = [self.video.common_seconds(mark) for mark in self.video.marks[since:]]
        flashes = [flash for flash in shown if flash > beeps[0] - BEFORE_SOUND]
        nearest = [min(beeps, key=lambda beep: abs(beep - flash)) for flash in flashes]
        return [beep - flash for beep, flash in zip(nearest, flashes, strict=True)]
