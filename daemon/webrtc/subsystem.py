"""WebRTC: the subsystem as the rest of the daemon sees it."""

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from daemon.errors import ConfigError, InvalidError, NotFoundError, NotReadyError
from daemon.restream.config import ProcessId
from daemon.rtc import codecs, native, sdp
from daemon.rtc.answer import Candidate, host_candidates
from daemon.rtc.fanout import Delivery
from daemon.rtc.ice import Credentials
from daemon.rtc.peer import Connected, Event, KeyframeWanted, Peer
from daemon.webrtc import admission, candidates, figures, state
from daemon.webrtc.admission import Admission
from daemon.webrtc.audience import Audience
from daemon.webrtc.keyframe import KeyFrame
from daemon.webrtc.lifecycle import Lifecycle, Prober
from daemon.webrtc.mux import Job, Mux
from daemon.webrtc.outlet import Abandon
from daemon.webrtc.registry import Limits, Registry, Viewer, ViewerInfo
from daemon.webrtc.source import Source
from daemon.webrtc.vp8 import Vp8

log = logging.getLogger(__name__)

HOUSEKEEPING = 5.0  # seconds
RETRY_AFTER = 2  # seconds
OFF = "webrtc.enable is false"


@dataclass(frozen=True, slots=True)
class Settings:
    """The global ``webrtc`` block."""

    enable: bool = False
    public_ip: str = ""
    nat_1to1_ips: tuple[str, ...] = ()
    udp_mux_port: int = 0
    include_loopback: bool = False
    use_gso: bool = True


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a viewer gets for its offer."""

    process_id: str
    peer_id: str
    answer: str
    etag: str


@dataclass(frozen=True, slots=True)
class PatchResult:
    """``body`` None: nothing to say; else a fragment, with the new session's ``etag``."""

    body: str | None = None
    etag: str | None = None


class WebRTC:
    """Sources, peers and the sockets between them."""

    def __init__(
        self,
        settings: Settings,
        *,
        prober: Prober,
        limits: Limits,
        is_revoked: Callable[[str], bool] = lambda _: False,
        ffmpeg: Path | None = None,
    ) -> None:
        """``ffmpeg`` makes VP8 for those who have no H.264; None: they are refused."""
        self.problem = "" if settings.enable else OFF
        self.candidates: tuple[Candidate, ...] = ()
        self.registry = Registry(limits)
        self.hooks = Lifecycle(
            self.registry,
            prober,
            partial(Source, transmit=self._transmit, on_begin=self._begin),
            self._close_viewers,
            self._end_mismatched,
            is_on=settings.enable,
        )
        self._vp8 = Vp8(ffmpeg, self.registry, self._end)
        self._group: asyncio.TaskGroup | None = None
        self.ready = asyncio.Event()
        self._binding = asyncio.Lock()
        self.mux: Mux | None = None
        self.total_viewers = 0
        self.audience = Audience(self.registry)
        self._settings = settings
        self._is_revoked = is_revoked
        self._admission = Admission(lambda ufrag: bool(self.mux and self.mux.has_ufrag(ufrag)))
        self._viewer_of: dict[Peer, Viewer] = {}

    # -- life

    async def open(self) -> None:
        """Bind the sockets. A failure leaves viewers out, with its reason, and nothing else."""
        await self._try_to_bind()
        self.ready.set()

    async def run(self) -> None:
        """Look after viewers until cancelled, then end them."""
        try:
            async with asyncio.TaskGroup() as self._group:
                while True:
                    await asyncio.sleep(HOUSEKEEPING)
                    self._keep_house(time.monotonic())
                    await self._try_to_bind()  # the port may be free, the name known by now
        finally:
            self._group = None
            self.close()

    async def reconfigure(self, settings: Settings, limits: Limits) -> None:
        """Take changed settings. Viewers stay, unless where they send to changes."""
        self.registry.limits = limits
        if settings == self._settings:
            return
        self._close_mux("reconfigured")
        self._settings = settings
        self.hooks.is_on = settings.enable
        self.problem = "" if settings.enable else OFF
        await self.open()

    def close(self) -> None:
        """End all viewers and give the sockets back."""
        self._close_mux("shutdown")
        for process_id in list(self.registry.sources):
            self.registry.sources.pop(process_id).close()

    def end_subject(self, subject: str, reason: str) -> None:
        """End every viewer of one user."""
        for viewer in list(self.registry.viewers.values()):
            if viewer.info.subject == subject:
                self._end(viewer, reason)

    def end_all(self, reason: str) -> None:
        """End every viewer."""
        for viewer in list(self.registry.viewers.values()):
            self._end(viewer, reason)

    def _close_mux(self, reason: str) -> None:
        self.end_all(reason)
        if self.mux is not None:
            self.mux.close()
            self.mux = None

    async def _try_to_bind(self) -> None:
        async with self._binding:
            if self._settings.enable and self.mux is None:
                await self._bind_or_say_why()

    async def _bind_or_say_why(self) -> None:
        try:
            is_bound = await self._bind()
        except (ConfigError, OSError) as error:
            problem = (
                f"UDP port {self._settings.udp_mux_port}: {error.strerror}"
                if isinstance(error, OSError)
                else error.message
            )
            if problem != self.problem:
                log.warning("webrtc: off, trying again: %s", problem)
            self.problem = problem
        else:
            if is_bound:
                self.problem = ""

    async def _bind(self) -> bool:
        settings = self._settings
        advertised = await candidates.find(
            public_ip=settings.public_ip,
            nat_1to1_ips=settings.nat_1to1_ips,
            include_loopback=settings.include_loopback,
        )
        if settings is not self._settings:
            return False  # reconfigured while a name was looked up; who did it binds anew
        mux = Mux(self._on_event, use_gso=settings.use_gso)
        try:
            port = mux.bind(advertised.bind_host, settings.udp_mux_port)
        except OSError:
            mux.close()
            raise
        self.mux = mux
        usable = [a for a in advertised.addresses if _family(a) in mux.sockets]
        self.candidates = host_candidates([(address, port) for address in usable])
        if not native.IS_AVAILABLE:
            log.warning("webrtc: burst.c was not built: each packet costs more; see install.md")
        log.info("webrtc: UDP port %d, viewers are told %s", port, ", ".join(usable))
        return True

    # -- viewers

    async def subscribe(self, process_id: str, offer: str, viewer: ViewerInfo) -> Subscription:
        """Answer an offer.

        NotFoundError, NotReadyError, LimitError, OverloadError before any work; SdpError for a
        malformed offer, NegotiationError for one that we can't serve.
        """
        self._check_on()
        source = self.registry.source(process_id)
        self.registry.check_limits(process_id, viewer)
        parsed = sdp.parse_offer(offer)
        self._check_media(source)
        negotiated = codecs.negotiate(parsed, self._vp8.tracks(source))
        self._vp8.prepare(source, negotiated)
        assert self.mux is not None
        admitted = self._admission.admit(source, parsed, negotiated, viewer)
        answer = admission.answer(admitted, self.candidates)
        self.registry.add(admitted)
        self._viewer_of[admitted.peer] = admitted
        self.total_viewers += 1
        self.mux.add(admitted.local.ufrag, admitted.peer)
        log.info("process %s: viewer %s: offered", process_id, admitted.id[:8])
        if self._group is not None:
            self._vp8.start(source, self._group)
        return Subscription(source.process_id, admitted.id, answer, admitted.etag)

    def subject_of(self, process_id: str, peer_id: str) -> str | None:
        """Tell whose token opened a session; None: there is no such viewer."""
        viewer = self.registry.viewer(process_id, peer_id)
        return None if viewer is None else viewer.info.subject

    def unsubscribe(self, process_id: str, peer_id: str) -> bool:
        """End one viewer; False: there is no such viewer."""
        viewer = self.registry.viewer(process_id, peer_id)
        if viewer is None:
            return False
        self._end(viewer, "viewer-left")
        return True

    async def patch(
        self, process_id: str, peer_id: str, fragment: str, if_match: str | None
    ) -> PatchResult:
        """Take a trickle fragment; other credentials mean an ICE restart (RFC 9725, 4.3.3).

        ``if_match`` is compared leniently, as players need it: only a tag that was this
        session's and is stale is refused, with InvalidError and reason "stale-etag".
        """
        viewer = self.registry.viewer(process_id, peer_id)
        if viewer is None:
            raise NotFoundError("no such viewer", reason="no-viewer")
        if if_match is not None and if_match.strip('"') in viewer.stale_etags:
            text = "the ICE session of this entity tag is over"
            raise InvalidError(text, reason="stale-etag")
        parsed = sdp.parse_fragment(fragment)
        is_restart = parsed.ufrag and parsed.pwd and parsed.ufrag != viewer.remote_ufrag
        if not is_restart:
            return PatchResult()  # ICE-lite learns addresses from checks, not from candidates
        assert parsed.ufrag is not None
        assert parsed.pwd is not None
        assert self.mux is not None
        self._admission.restart(viewer, Credentials(parsed.ufrag, parsed.pwd))
        self.mux.add(viewer.local.ufrag, viewer.peer)
        return PatchResult(admission.fragment(viewer, self.candidates), viewer.etag)

    # -- state

    def state(self) -> dict[str, Any]:
        """Describe the subsystem, ready for JSON."""
        return state.subsystem(self)

    def process_state(self, process_id: str) -> dict[str, Any]:
        """One process and its viewers, ready for JSON. NotFoundError: no live source."""
        self._check_on()
        source = self.registry.source(process_id)
        return state.process(self, source, time.monotonic())

    def viewers(self) -> list[dict[str, Any]]:
        """All viewers, ready for JSON."""
        return state.viewers(self, time.monotonic())

    def viewer(self, process_id: str, peer_id: str) -> dict[str, Any]:
        """One viewer, ready for JSON. Raises NotFoundError."""
        viewer = self.registry.viewer(process_id, peer_id)
        if viewer is None:
            raise NotFoundError("no such viewer", reason="no-viewer")
        now = time.monotonic()
        return figures.viewer(viewer, now, self.mux.queue_seconds(now) if self.mux else 0.0)

    def kick(self, handle: str) -> bool:
        """End the viewer of this handle, as ``viewers`` shows it; False: there is none."""
        for viewer in list(self.registry.viewers.values()):
            if figures.handle(viewer) == handle:
                self._end(viewer, "kicked")
                return True
        return False

    def keyframe(self, process_id: str) -> KeyFrame:
        """Give a live process's last key frame. NotFoundError, NotReadyError: none, and why."""
        self._check_on()
        source = self.registry.source(process_id)
        self._check_media(source)
        if source.keyframe is None:
            text = "no key frame came yet" if source.video_codec else "the process has no video"
            raise NotReadyError(text, retry_after=RETRY_AFTER, reason="no-picture")
        return source.keyframe

    def brief(self, process_id: str) -> dict[str, Any]:
        """Say in three words how a process is doing; it need not be known here."""
        return state.brief(self, process_id, time.monotonic())

    # -- inside

    def _check_on(self) -> None:
        if self.problem or self.mux is None:
            raise NotFoundError(f"WebRTC is off: {self.problem}", reason="webrtc-off")

    def _check_media(self, source: Source) -> None:
        if source.problem:
            text = f"no WebRTC from this process: {source.problem}"
            raise NotReadyError(text, retry_after=RETRY_AFTER, reason="no-legs")
        if not source.tracks or not source.has_media:
            text = "the process sends no media yet"
            raise NotReadyError(text, retry_after=RETRY_AFTER, reason="no-media")

    def _transmit(self, delivery: Delivery, abandon: Abandon) -> None:
        if self.mux is not None:
            self.mux.fan_out(Job(delivery, abandon))

    def _begin(self, peer: Peer) -> None:
        """Tell a viewer's clocks together with its first picture and sound."""
        peer.request_reports(time.monotonic())
        if self.mux is not None:
            self.mux.pump(peer)

    def _on_event(self, peer: Peer, event: Event) -> None:
        viewer = self._viewer_of[peer]
        source = self.registry.sources.get(viewer.process_id)
        if isinstance(event, KeyframeWanted):
            if source is not None:
                source.want_keyframe(peer, event.kind)
            return
        if isinstance(event, Connected):
            if source is not None:
                source.join(peer)
            log.info("process %s: viewer %s: connected", viewer.process_id, viewer.id[:8])
            return
        reason = f"{event.reason} ({event.detail})" if event.detail else event.reason
        log.info("process %s: viewer %s: gone: %s", viewer.process_id, viewer.id[:8], reason)
        if source is not None:
            source.leave(peer)
        self.registry.remove(viewer)
        del self._viewer_of[peer]
        if self.mux is not None:
            self.mux.remove(peer)
        self.audience.note_end(viewer, event.reason)  # when nothing of it is left

    def _end(self, viewer: Viewer, reason: str) -> None:
        viewer.peer.close(reason, time.monotonic())
        if self.mux is not None:
            self.mux.pump(viewer.peer)

    def _close_viewers(self, process_id: ProcessId, reason: str) -> None:
        for viewer in self.registry.viewers_of(process_id):
            self._end(viewer, reason)

    def _end_mismatched(self, process_id: ProcessId, kinds: tuple[str, ...]) -> None:
        """End viewers who joined when the process had other tracks: they must join anew."""
        for viewer in self.registry.viewers_of(process_id):
            if viewer.source_kinds != kinds:
                self._end(viewer, "tracks-changed")
        self._vp8.end_unserved(self.registry.sources[process_id])

    def _keep_house(self, now: float) -> None:
        """End viewers whose time or token is over; say once that a leg is silent."""
        for viewer in list(self.registry.viewers.values()):
            longest = viewer.info.max_view_seconds or self.registry.limits.max_view_seconds
            if now - viewer.peer.created > min(longest, self.registry.limits.max_view_seconds):
                self._end(viewer, "view-time-over")
            elif viewer.info.token_id and self._is_revoked(viewer.info.token_id):
                self._end(viewer, "token-revoked")
        for source in self.registry.sources.values():
            source.warn_of_silence(now)


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
