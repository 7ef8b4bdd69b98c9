"""Figures: how well each viewer is served; JSON-ready, no secrets."""

import time
from typing import Any

from daemon.rtc.peer import Peer
from daemon.webrtc.audience import Tally, first_rtp
from daemon.webrtc.registry import Viewer

HANDLE = 8  # characters of a session's id that are shown; the whole one is its secret


def handle(viewer: Viewer) -> str:
    """Name a viewer without giving its session away."""
    return viewer.id[:HANDLE]


def viewer(viewer: Viewer, now: float, queue_seconds: float) -> dict[str, Any]:
    """Describe one viewer. ``queue_seconds``: how long its next packet waits for the socket."""
    peer = viewer.peer
    address = peer.address
    sums = Tally()
    sums.add(viewer)
    asked = sums.resent + sums.unanswered
    return {
        "id": handle(viewer),
        "process_id": viewer.process_id,
        "state": str(peer.state),
        "address": f"{address[0]}:{address[1]}" if address else viewer.info.address,
        "user_agent": viewer.info.user_agent,
        "subject": viewer.info.subject,
        "created_at": round(time.time() - (now - peer.created)),
        "age_seconds": round(now - peer.created, 1),
        "connected_seconds": _since(peer.connected_at, now),
        "first_rtp_ms": _milliseconds(first_rtp(peer)),
        "codecs": {track.kind: track.name for track in viewer.negotiated},
        "bytes_sent": sums.octets,
        "packets_sent": sums.packets,
        "packets_lost": sums.lost,
        "loss_ratio": round(_worst(peer, "fraction_lost"), 4),
        "packets_resent": sums.resent,
        "dropped_frames": sums.dropped_frames,
        "jitter_ms": round(_worst(peer, "jitter_seconds") * 1000, 1),
        "rtt_ms": _milliseconds(peer.feedback.rtt_seconds if peer.feedback else None),
        "nacks": sums.nacks,
        "nack_hit_ratio": round(sums.resent / asked, 3) if asked else None,
        "plis": sums.plis,
        "plis_answered": sums.plis_answered,
        "send_queue_ms": _milliseconds(queue_seconds),
        "srtp_profile": str(peer.profile) if peer.profile else None,
    }


def _worst(peer: Peer, name: str) -> float:
    qualities = peer.feedback.quality.values() if peer.feedback else ()
    return max((getattr(quality, name) for quality in qualities), default=0.0)


def _since(then: float | None, now: float) -> float | None:
    return None if then is None else round(now - then, 1)


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
