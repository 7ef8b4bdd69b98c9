"""state: what the API, the CLI and the UI are told about WebRTC; JSON-ready, no secrets."""

from typing import TYPE_CHECKING, Any

from daemon.restream.config import ProcessId
from daemon.rtc import native
from daemon.rtc.gop import MAX_BYTES, MAX_SECONDS
from daemon.webrtc import figures, vp8
from daemon.webrtc.plan import Action, TrackPlan
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
        "native": native.IS_AVAILABLE,
        "gso": mux.sender.uses_gso if mux else False,
        "processes": len(webrtc.registry.sources),
        "viewers": len(webrtc.registry.viewers),
        "total_viewers": webrtc.total_viewers,
        "counters": dict(sorted(mux.counters.items())) if mux else {},
    }


def process(webrtc: "WebRTC", source: Source, now: float) -> dict[str, Any]:
    """Describe one process: its plan and why, its media, its viewers."""
    word, reason = _word(source, now)
    plan = source.plan
    return {
        "process_id": source.process_id,
        "state": word,
        "reason": reason,
        "instant_start": _instant_start(source),
        "plan": [_track(track) for track in plan.tracks] if plan else [],
        "source": {kind: _leg(source, kind, now) for kind in (plan.kinds if plan else ())},
        "vp8": vp8.describe(source, now),
        "viewers": viewers(webrtc, now, source.process_id),
    }


def viewers(
    webrtc: "WebRTC", now: float, process_id: ProcessId | None = None
) -> list[dict[str, Any]]:
    """Describe the viewers of one process, or all of them, the oldest first."""
    registry = webrtc.registry
    found = registry.viewers.values() if process_id is None else registry.viewers_of(process_id)
    queue = webrtc.mux.queue_seconds(now) if webrtc.mux else 0.0
    return [figures.viewer(viewer, now, queue) for viewer in found]


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
    if source.has_b_frames:
        text = "B-frames that the probe didn't show are left out; restart the process to encode"
        return "live", text
    if silent:
        return "live", f"no {' and no '.join(silent)} from FFmpeg"
    return "live", ""


def _instant_start(source: Source) -> dict[str, Any]:
    """Say what who joins gets at once, or why they wait for a key frame."""
    gop = source.outlets["video"].gop
    bounds = f"{MAX_SECONDS:.0f} s or {MAX_BYTES >> 20} MiB"
    reason = f"key frames are more than {bounds} apart" if gop.is_too_long else ""
    return {
        "mode": str(gop.mode),
        "bytes": gop.octets,
        "keyframe_interval_seconds": gop.interval_seconds,
        "reason": reason,
    }


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
