"""state: what the API, the CLI and the UI are told about WebRTC; JSON-ready, no secrets."""

import time
from typing import TYPE_CHECKING, Any

from daemon.restream.config import ProcessId
from daemon.webrtc.plan import Action, TrackPlan
from daemon.webrtc.registry import Viewer
from daemon.webrtc.source import Source

if TYPE_CHECKING:
    from daemon.webrtc.subsystem import WebRTC


def subsystem(webrtc: "WebRTC") -> dict[str, Any]:
    """Describe the subsystem as a whole."""
    mux = webrtc.mux
    return {
        "enabled": not webrtc.problem and mux is not None,
        "state": "off" if webrtc.problem else "on",
        "reason": webrtc.problem,
        "candidates": [f"{one.address}:{one.port}/udp" for one in webrtc.candidates],
        "gso": mux.uses_gso if mux else False,
        "processes": len(webrtc.registry.sources),
        "viewers": len(webrtc.registry.viewers),
        "total_viewers": webrtc.total_viewers,
        "counters": dict(sorted(mux.counters.items())) if mux else {},
    }


def process(source: Source, viewers: list[Viewer], now: float) -> dict[str, Any]:
    """Describe one process: its plan and why, its media, its viewers."""
    word, reason = _word(source, now)
    plan = source.plan
    return {
        "process_id": source.process_id,
        "state": word,
        "reason": reason,
        "plan": [_track(track) for track in plan.tracks] if plan else [],
        "source": {kind: _leg(source, kind, now) for kind in (plan.kinds if plan else ())},
        "viewers": [_viewer(viewer, now) for viewer in viewers],
    }


def brief(webrtc: "WebRTC", process_id: str, now: float) -> dict[str, Any]:
    """Describe one process for lists: ``state`` is "off" when nobody can watch it."""
    source = webrtc.registry.sources.get(ProcessId(process_id))
    if source is None or webrtc.problem:
        return {"state": "off", "reason": webrtc.problem, "viewers": 0}
    word, reason = _word(source, now)
    viewers = len(webrtc.registry.viewers_of(process_id))
    return {"state": word, "reason": reason, "viewers": viewers}


def _word(source: Source, now: float) -> tuple[str, str]:
    silent = source.silent_legs(now)
    if source.problem:
        return "failed", source.problem
    if not source.is_running:
        return "waiting", "FFmpeg is not running; viewers wait for it"
    if not source.has_media:
        text = "FFmpeg runs but sends no media" if silent else "no media yet"
        return "waiting", text
    if silent:
        return "live", f"no {' and no '.join(silent)} from FFmpeg"
    return "live", ""


def _track(track: TrackPlan) -> dict[str, Any]:
    return {
        "kind": track.kind,
        "action": str(track.action),
        "codec": track.codec,
        "stream": track.stream_map,
        "sends": _sends(track),
        "reasons": [{"code": reason.code, "text": reason.text} for reason in track.reasons],
    }


def _sends(track: TrackPlan) -> str:
    """Name what viewers get."""
    if track.action is Action.NONE:
        return ""
    return "opus" if track.kind == "audio" else "H264"


def _leg(source: Source, kind: str, now: float) -> dict[str, Any]:
    leg = source.legs[kind]
    return {
        "packets": leg.packets,
        "bytes": leg.octets,
        "bitrate_bits": round(leg.bitrate(now)),
        "last_packet_seconds": None
        if leg.last_packet is None
        else round(now - leg.last_packet, 3),
        "dropped": dict(leg.dropped),
    }


def _viewer(viewer: Viewer, now: float) -> dict[str, Any]:
    peer = viewer.peer
    tracks = peer.tracks.values()
    feedback = peer.feedback
    rtt = feedback.rtt_seconds if feedback else None
    connected = peer.connected_at
    address = peer.address
    return {
        "id": viewer.id[:8],
        "state": str(peer.state),
        "address": f"{address[0]}:{address[1]}" if address else viewer.info.address,
        "user_agent": viewer.info.user_agent,
        "subject": viewer.info.subject,
        "created_at": round(time.time() - (now - peer.created)),
        "connected_seconds": None if connected is None else round(now - connected, 1),
        "bytes_sent": sum(track.octets for track in tracks),
        "packets_sent": sum(track.packets for track in tracks),
        "packets_lost": sum(q.lost for q in feedback.quality.values()) if feedback else 0,
        "packets_resent": sum(track.resent for track in tracks),
        "dropped_frames": sum(track.dropped_frames for track in tracks),
        "jitter_ms": max(
            (round(q.jitter_seconds * 1000, 1) for q in feedback.quality.values()), default=0.0
        )
        if feedback
        else 0.0,
        "nacks": feedback.nacks if feedback else 0,
        "plis": feedback.plis if feedback else 0,
        "rtt_ms": None if rtt is None else round(rtt * 1000, 1),
        "srtp_profile": str(peer.profile) if peer.profile else None,
    }
