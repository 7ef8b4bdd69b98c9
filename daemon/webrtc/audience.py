"""Audience: sums over viewers, those who have left included: what counters are made of."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields

from daemon.restream.config import ProcessId
from daemon.rtc.peer import Peer
from daemon.webrtc.registry import Registry, Viewer

FIRST_RTP_BOUNDS = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)  # seconds
MAX_TALLIES = 1000  # processes whose former viewers are still counted


def first_rtp(peer: Peer) -> float | None:
    """Seconds from the offer to the first packet of media; None: none was sent yet."""
    return None if peer.first_media_at is None else peer.first_media_at - peer.created


@dataclass(slots=True)
class Tally:
    """Sums over viewers; ``first_rtp`` counts joins up to each of ``FIRST_RTP_BOUNDS``."""

    viewers: int = 0
    packets: int = 0
    octets: int = 0
    lost: int = 0
    resent: int = 0
    unanswered: int = 0
    nacks: int = 0
    plis: int = 0
    plis_answered: int = 0
    dropped_frames: int = 0
    first_rtp_seconds: float = 0.0
    first_rtp: list[int] = field(default_factory=lambda: [0] * (len(FIRST_RTP_BOUNDS) + 1))

    def add(self, viewer: Viewer) -> None:
        """Add what one viewer has had until now."""
        peer, feedback = viewer.peer, viewer.peer.feedback
        self.viewers += 1
        for track in peer.tracks.values():
            self.packets += track.packets
            self.octets += track.octets
            self.resent += track.resent
            self.unanswered += track.unanswered_nacks
            self.dropped_frames += track.dropped_frames
            self.plis_answered += track.answered_plis
        if feedback is not None:
            self.nacks += feedback.nacks
            self.plis += feedback.plis
            # a duplicate counts as less than no loss (RFC 3550 section 6.4.1)
            self.lost += sum(max(0, quality.lost) for quality in feedback.quality.values())
        seconds = first_rtp(peer)
        if seconds is not None:
            self.first_rtp_seconds += seconds
            self.first_rtp[bisect_left(FIRST_RTP_BOUNDS, seconds)] += 1

    def copy(self) -> "Tally":
        """Make another that can be added to."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return Tally(**values | {"first_rtp": list(self.first_rtp)})


class Audience:
    """Who watches, and who has watched.

    ``ends`` counts the reasons why viewers left; each of ``on_end`` hears of it, in turn.
    """

    def __init__(self, registry: Registry) -> None:
        self.ends: Counter[str] = Counter()
        self.on_end: list[Callable[[Viewer, str], None]] = []
        self._registry = registry
        self._gone: dict[ProcessId, Tally] = {}

    def note_end(self, viewer: Viewer, reason: str) -> None:
        """Keep what a viewer has had, before it is forgotten, and tell of it."""
        self.ends[reason] += 1
        sums = self._gone.pop(viewer.process_id, None) or Tally()
        sums.add(viewer)
        self._gone[viewer.process_id] = sums  # the one that was watched last comes last
        if len(self._gone) > MAX_TALLIES:
            del self._gone[next(iter(self._gone))]
        for hear in self.on_end:
            hear(viewer, reason)

    def tally(self, process_id: str) -> Tally:
        """Sum up one process's viewers."""
        gone = self._gone.get(ProcessId(process_id))
        sums = gone.copy() if gone else Tally()
        for viewer in self._registry.viewers_of(process_id):
            sums.add(viewer)
        return sums
