"""One viewer's life: offer, POST, ICE, DTLS, media, DELETE; every wait has a deadline."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import cast
from urllib.parse import urlsplit

import av
from aiortc import (
    MediaStreamTrack,
    RTCDtlsTransport,
    RTCIceTransport,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.exceptions import InternalError, InvalidStateError, OperationError
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import RtcpSrPacket, RtpPacket

from dragonctl.whep_test import answer as sdp
from dragonctl.whep_test import transport, verdict
from dragonctl.whep_test.decode import Thumbnailer, samples
from dragonctl.whep_test.media import PictureMeter, RtpMeter, SoundMeter
from dragonctl.whep_test.model import Options, Reason, StateChange, ViewerReport
from dragonctl.whep_test.signalling import Exchange, Signalling, SignallingError

KEEP_AFTER = 1.0  # seconds after the first picture: encoders need a moment to look good
MAX_STATES = 64
STEPS = 4  # the answer, ICE, DTLS, the first picture: one timeout each
MARGIN = 2.0  # seconds beyond all of them, for the work between
# what aiortc's parser and set-up raise for answers it can't digest
INDIGESTIBLE = (
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    AssertionError,
    RuntimeError,
    InternalError,
    InvalidStateError,
    OperationError,
)


class StepFailedError(Exception):
    """A step on the way to media ended the viewer."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.text)
        self.reason = reason


class Viewer:
    """Watches once. ``run`` gives a report whatever the server does."""

    def __init__(
        self, number: int, options: Options, signalling: Signalling, *, decodes: bool
    ) -> None:
        self.exchange: Exchange | None = None
        self.offer = ""
        self.picture: av.VideoFrame | None = None
        self._options = options
        self._signalling = signalling
        self._decodes = decodes
        self._report = ViewerReport(number=number, is_decoded=decodes)
        self._clock: Callable[[], float] = asyncio.get_running_loop().time
        self._start = self._clock()
        self._media_at: float | None = None
        self._news = asyncio.Event()
        self._states: list[StateChange] = []
        self._ended: str | None = None
        self._is_leaving = False
        self._meters: dict[str, RtpMeter] = {}
        self._pictures = PictureMeter()
        self._sound = SoundMeter()
        self._tracks: list[MediaStreamTrack] = []

    async def run(self) -> ViewerReport:
        """Watch, and clean up: also when cancelled, the session is deleted."""
        peer = transport.open_peer()
        reasons: list[Reason] = []
        limit = STEPS * self._options.timeout + self._options.duration + MARGIN
        try:
            async with asyncio.timeout(limit):
                await self._watch(peer)
        except StepFailedError as failure:
            reasons.append(failure.reason)
        except TimeoutError:
            text = f"the test did not end within {limit:g} s: is this machine overloaded?"
            reasons.append(Reason("deadline", text))
        finally:
            self._is_leaving = True
            self._note_transport(peer)
            await self._leave(peer)
        return self._sum_up(reasons)

    async def _watch(self, peer: RTCPeerConnection) -> None:
        await self._negotiate(peer)
        async with asyncio.TaskGroup() as group:
            consumers = [group.create_task(self._consume(track)) for track in self._tracks]
            try:
                failure = await self._wait_for_media(peer)
            finally:
                for consumer in consumers:
                    consumer.cancel()
        if failure is not None:
            raise StepFailedError(failure)

    async def _negotiate(self, peer: RTCPeerConnection) -> None:
        host = urlsplit(self._options.url).hostname or ""
        await transport.gather(peer, needs_loopback=await transport.is_loopback(host))
        await peer.setLocalDescription(await peer.createOffer())
        self.offer = peer.localDescription.sdp
        self._start = self._clock()
        try:
            self.exchange = await self._signalling.post(self.offer)
        except SignallingError as error:
            raise StepFailedError(Reason(error.code, error.text)) from None
        status = self.exchange.status
        self._report = replace(self._report, http_status=status, answer_ms=self._elapsed())
        failure = verdict.judge_exchange(self.exchange)
        if failure is not None:
            raise StepFailedError(failure)
        await self._accept(peer, self.exchange.body)

    async def _accept(self, peer: RTCPeerConnection, text: str) -> None:
        try:
            offer, answer = sdp.parse(self.offer), sdp.parse(text)
            sdp.require_usable(answer, offer)
            self._prepare(peer, answer)
            digestible = sdp.for_aiortc(answer, offer)
            peer.on("track", self._tracks.append)
            await peer.setRemoteDescription(RTCSessionDescription(digestible, "answer"))
        except INDIGESTIBLE as error:
            words = str(error) if isinstance(error, sdp.AnswerError) else "can't be used"
            said = "" if isinstance(error, sdp.AnswerError) else f" ({type(error).__name__})"
            reason = Reason("bad-answer", f"the answer {words}{said}: check the server's SDP")
            raise StepFailedError(reason) from error

    def _prepare(self, peer: RTCPeerConnection, answer: sdp.Description) -> None:
        dtls = transport.dtls_transport(peer)
        dtls.on("statechange", partial(self._note_transport_state, "dtls", dtls))
        ice = dtls.transport
        ice.on("statechange", partial(self._note_transport_state, "ice", ice))
        for section, transceiver in zip(answer.sections, peer.getTransceivers(), strict=True):
            codecs = sdp.codecs(section)
            if not section.is_sending:
                continue
            if not codecs:
                raise sdp.AnswerError(f"accepts {section.kind} but names no codec for it")
            meter = self._meters[section.kind] = RtpMeter(codecs)
            transport.tap(
                transceiver.receiver,
                on_packet=partial(self._receive_packet, meter),
                on_sender_report=partial(_note_report, meter),
                forwards=self._decodes,
            )

    async def _wait_for_media(self, peer: RTCPeerConnection) -> Reason | None:
        """Wait step by step; give the reason of the first step that was not reached."""
        timeout = self._options.timeout
        dtls = transport.dtls_transport(peer)
        ice = dtls.transport
        await self._wait(lambda: ice.state in {"completed", "failed"}, timeout)
        if ice.state != "completed":
            answer = sdp.parse(self.exchange.body if self.exchange else "")
            return verdict.ice_timeout(timeout, answer.candidates())
        await self._wait(lambda: dtls.state not in {"new", "connecting"}, timeout)
        if self._report.dtls_ms is None:
            remote = transport.selected_pair(peer)[1]
            is_slow = dtls.state in {"new", "connecting"}
            return verdict.dtls_failed(timeout if is_slow else None, remote)
        await self._wait(self._has_media, timeout)
        self._media_at = self._clock()
        if self._has_media():
            await self._wait(lambda: False, self._options.duration)
        return None

    async def _wait(self, is_reached: Callable[[], bool], seconds: float) -> None:
        """Return when it is reached, the session ended, or the time is up."""
        try:
            async with asyncio.timeout(seconds):
                while not is_reached() and self._ended is None:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return

    def _has_media(self) -> bool:
        video = self._meters.get("video")
        if self._decodes:
            meter = self._pictures if video else self._sound
            return meter.first_at is not None
        return video.key_frames > 0 if video else self._meters["audio"].first_at is not None

    async def _consume(self, track: MediaStreamTrack) -> None:
        thumbnailer = Thumbnailer()
        try:
            while True:
                frame = await track.recv()
                if isinstance(frame, av.VideoFrame):
                    self._receive_picture(frame, thumbnailer)
                else:
                    self._receive_sound(cast("av.AudioFrame", frame))
        except MediaStreamError:
            self._note_state(track.kind, "ended")

    def _receive_picture(self, frame: av.VideoFrame, thumbnailer: Thumbnailer) -> None:
        now = self._clock()
        size = (frame.width, frame.height)
        self._pictures.receive_picture(now, size, thumbnailer.shrink(frame))
        first_at = self._pictures.first_at or now
        if self.picture is None or now - first_at <= KEEP_AFTER:
            self.picture = frame
        self._news.set()

    def _receive_sound(self, frame: av.AudioFrame) -> None:
        channels = len(frame.layout.channels)
        self._sound.receive_sound(self._clock(), frame.sample_rate, channels, samples(frame))
        self._news.set()

    def _receive_packet(self, meter: RtpMeter, packet: RtpPacket) -> None:
        meter.receive_packet(
            self._clock(),
            payload_type=packet.payload_type,
            ssrc=packet.ssrc,
            sequence=packet.sequence_number,
            timestamp=packet.timestamp,
            payload=packet.payload,
        )
        if not self._decodes:
            self._news.set()

    def _note_transport_state(
        self, what: str, source: RTCIceTransport | RTCDtlsTransport
    ) -> None:
        self._note_state(what, source.state)

    def _note_state(self, what: str, state: str) -> None:
        if self._is_leaving:
            return
        at_ms = self._elapsed()
        if len(self._states) < MAX_STATES:
            self._states.append(StateChange(at_ms, what, state))
        if (what, state) == ("ice", "completed"):
            self._report = replace(self._report, ice_ms=at_ms)
        elif (what, state) == ("dtls", "connected"):
            self._report = replace(self._report, dtls_ms=at_ms)
        elif self._report.dtls_ms is not None and self._ended is None:
            self._ended = _how_it_ended(what, state)
        self._news.set()

    def _note_transport(self, peer: RTCPeerConnection) -> None:
        """Read what is gone once the peer is closed."""
        end = self._clock()
        local, remote = transport.selected_pair(peer)
        watched = max(0.0, end - self._media_at) if self._media_at is not None else 0.0
        self._report = replace(
            self._report,
            local_address=local,
            remote_address=remote,
            srtp_profile=transport.srtp_profile(peer),
            watched_seconds=round(watched, 3),
            picture=self._pictures.report(end),
            sound=self._sound.report(),
            states=tuple(self._states),
        )

    async def _leave(self, peer: RTCPeerConnection) -> None:
        try:
            if self.exchange is not None and self.exchange.made_session:
                status = await self._signalling.delete(self.exchange)
                self._report = replace(self._report, delete_status=status)
        finally:
            await transport.close_peer(peer)

    def _sum_up(self, reasons: list[Reason]) -> ViewerReport:
        video, audio = self._meters.get("video"), self._meters.get("audio")
        report = replace(
            self._report,
            first_video_rtp_ms=self._since(video.first_at if video else None),
            first_audio_rtp_ms=self._since(audio.first_at if audio else None),
            first_picture_ms=self._since(self._pictures.first_at),
            first_sound_ms=self._since(self._sound.first_at),
            video=video.report() if video else None,
            audio=audio.report() if audio else None,
            av_offset_ms=_offset_ms(video, audio),
        )
        if not reasons and report.dtls_ms is not None:
            timeout = self._options.timeout
            reasons = verdict.judge_media(report, timeout=timeout, ended=self._ended)
        return replace(report, reasons=tuple(reasons))

    def _since(self, moment: float | None) -> float | None:
        return None if moment is None else round(1000 * (moment - self._start), 1)

    def _elapsed(self) -> float:
        return round(1000 * (self._clock() - self._start), 1)


def _note_report(meter: RtpMeter, report: RtcpSrPacket) -> None:
    info = report.sender_info
    meter.receive_sender_report(info.ntp_timestamp, info.rtp_timestamp)


def _how_it_ended(what: str, state: str) -> str | None:
    if what == "dtls" and state in {"closed", "failed"}:
        return "DTLS closed"
    if what == "ice" and state in {"closed", "failed"}:
        return "it stopped answering STUN"
    return "RTCP BYE" if state == "ended" else None


def _offset_ms(video: RtpMeter | None, audio: RtpMeter | None) -> float | None:
    """Positive: the picture comes later than the sound of the same moment."""
    if video is None or audio is None:
        return None
    delays = video.delay(), audio.delay()
    if delays[0] is None or delays[1] is None:
        return None
    return round(1000 * (delays[0] - delays[1]), 1)
