"""Registry: process id -> Source; (process id, peer id) -> viewer; and how many may watch."""

from dataclasses import dataclass, field
from typing import NewType

from daemon.errors import LimitError, NotFoundError, OverloadError
from daemon.restream.config import ProcessId
from daemon.rtc.codecs import NegotiatedTrack
from daemon.rtc.dtls import Certificate
from daemon.rtc.ice import Credentials
from daemon.rtc.peer import Peer, State
from daemon.rtc.sdp import Offer
from daemon.webrtc.source import Source

PeerId = NewType("PeerId", str)
RETRY_AFTER = 5  # seconds


@dataclass(frozen=True, slots=True)
class ViewerInfo:
    """Who asks to watch.

    ``max_viewers`` is how many of this subject may watch at once: None is the configured limit,
    0 none. ``max_view_seconds`` 0 is the configured time.
    """

    address: str
    subject: str = ""
    user_agent: str = ""
    token_id: str = ""
    max_viewers: int | None = None
    max_view_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """How many may watch, and how many may be on their way."""

    per_address: int = 8
    per_subject: int = 16
    per_process: int = 200
    total: int = 500
    pending: int = 64
    pending_per_address: int = 4
    max_view_seconds: float = 4 * 3600.0


@dataclass(slots=True)
class Viewer:
    """A peer and who it serves."""

    id: PeerId
    process_id: ProcessId
    peer: Peer
    info: ViewerInfo
    session_id: int
    local: Credentials
    remote_ufrag: str
    etag: str
    ssrcs: dict[str, int]
    rtx_ssrcs: dict[str, int]
    offer: Offer
    negotiated: tuple[NegotiatedTrack, ...]
    source_kinds: tuple[str, ...]  # what the process had when the viewer joined
    certificate: Certificate
    stale_etags: set[str] = field(default_factory=set)

    @property
    def is_pending(self) -> bool:
        return self.peer.state in (State.NEW, State.DTLS)


class Registry:
    """All sources and viewers."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.sources: dict[ProcessId, Source] = {}
        self.viewers: dict[PeerId, Viewer] = {}
        self._by_process: dict[ProcessId, dict[PeerId, Viewer]] = {}

    def source(self, process_id: str) -> Source:
        """Find the source of a process that has WebRTC on and the order to run."""
        source = self.sources.get(ProcessId(process_id))
        if source is None:
            text = f"{process_id!r} is unknown, is stopped, or has no WebRTC enabled"
            raise NotFoundError(text, reason="not-live")
        return source

    def viewer(self, process_id: str, peer_id: str) -> Viewer | None:
        """One viewer of one process."""
        return self._by_process.get(ProcessId(process_id), {}).get(PeerId(peer_id))

    def viewers_of(self, process_id: str) -> list[Viewer]:
        """All viewers of one process, the oldest first."""
        return list(self._by_process.get(ProcessId(process_id), {}).values())

    def add(self, viewer: Viewer) -> None:
        """Take a viewer in."""
        self.viewers[viewer.id] = viewer
        self._by_process.setdefault(viewer.process_id, {})[viewer.id] = viewer

    def remove(self, viewer: Viewer) -> None:
        """Forget a viewer; a second time is harmless."""
        self.viewers.pop(viewer.id, None)
        others = self._by_process.get(viewer.process_id, {})
        others.pop(viewer.id, None)
        if not others:
            self._by_process.pop(viewer.process_id, None)

    def check_limits(self, process_id: str, info: ViewerInfo) -> None:
        """Raise LimitError or OverloadError before any work is done for one viewer more."""
        limits = self.limits
        viewers = self.viewers.values()
        pending = [viewer for viewer in viewers if viewer.is_pending]
        same = [viewer for viewer in viewers if viewer.info.address == info.address]
        subject = [viewer for viewer in viewers if viewer.info.subject == info.subject]
        if len(same) >= limits.per_address:
            self._refuse(f"{len(same)} viewers from one address", "address-limit")
        if sum(viewer.is_pending for viewer in same) >= limits.pending_per_address:
            self._refuse("too many unfinished connections from one address", "pending-limit")
        of_subject = limits.per_subject if info.max_viewers is None else info.max_viewers
        if info.subject and of_subject and len(subject) >= of_subject:
            self._refuse(f"{len(subject)} viewers of one user or one token", "user-limit")
        if len(self.viewers_of(process_id)) >= limits.per_process:
            self._overload("the process has its most viewers", "process-limit")
        if len(self.viewers) >= limits.total or len(pending) >= limits.pending:
            self._overload("the daemon has its most viewers", "total-limit")

    def _refuse(self, text: str, reason: str) -> None:
        raise LimitError(text, retry_after=RETRY_AFTER, reason=reason)

    def _overload(self, text: str, reason: str) -> None:
        raise OverloadError(text, retry_after=RETRY_AFTER, reason=reason)
