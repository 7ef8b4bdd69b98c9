"""/api/v3/session and the public widget: who watches, in datarhei's shapes (a.4)."""

import time
from typing import Any

from quart import Blueprint, Response, jsonify, request

from daemon.http.guard import Scope, needs
from daemon.http.process import find
from daemon.http.schema import number
from daemon.restream.restreamer import Restreamer
from daemon.restream.state import Exec
from daemon.session import Collector, Remote, Session, Sessions, Traffic

KIB = 1024
MIB = 1024 * 1024
VIEWERS = ("hls", "webrtc")  # whose sessions are people who watch


def routes(sessions: Sessions, restreamer: Restreamer) -> Blueprint:
    """Build the blueprint; the guard has checked each request already."""
    blueprint = Blueprint("session", __name__, url_prefix="/api/v3")

    @blueprint.get("/session")
    @needs(Scope.SYSTEM_READ)
    async def summaries() -> Response:
        now = time.monotonic()
        return jsonify(
            {name: _collector_json(_find(sessions, name), now) for name in _wanted()}
        )

    @blueprint.get("/session/active")
    @needs(Scope.SYSTEM_READ)
    async def active() -> Response:
        now = time.monotonic()
        return jsonify({name: _active_json(_find(sessions, name), now) for name in _wanted()})

    @blueprint.get("/widget/process/<segment:process_id>")
    @needs(Scope.PUBLIC)
    async def widget(process_id: str) -> Response:
        process = find(restreamer, process_id)
        reference = process.config.reference or process.config.id
        state = process.state()
        return jsonify(
            {
                "current_sessions": _count_active(sessions, reference),
                "total_sessions": _count_all(sessions, reference),
                "uptime": state.runtime_seconds if state.exec is Exec.RUNNING else 0,
            }
        )

    return blueprint


def _wanted() -> list[str]:
    """Read ``collectors``; without it there is one of no name, as datarhei Core has it."""
    return list(dict.fromkeys(request.args.get("collectors", "").split(",")))[:100]


def _find(sessions: Sessions, name: str) -> Collector:
    """Give a collector; one that isn't there is empty."""
    return sessions.find(name) or Collector(name)


def _active_json(collector: Collector, now: float) -> list[dict[str, Any]]:
    return [_session_json(session, now) for session in collector.active(now)]


def _session_json(session: Session, now: float) -> dict[str, Any]:
    return {
        "id": session.id,
        "reference": session.reference,
        "created_at": int(session.created_at),
        "local": session.local,
        "remote": session.remote,
        "extra": session.extra,
        "bytes_rx": session.rx_bytes,
        "bytes_tx": session.tx_bytes,
        "bandwidth_rx_kbit": number(session.rx_rate.mean(now) * 8 / KIB),
        "bandwidth_tx_kbit": number(session.tx_rate.mean(now) * 8 / KIB),
    }


def _collector_json(collector: Collector, now: float) -> dict[str, Any]:
    active = _active_json(collector, now)
    rx, tx = collector.bandwidth(now)
    summary = collector.summary
    return {
        "active": {
            "list": active,
            "sessions": len(active),
            "bandwidth_rx_mbit": number(rx * 8 / MIB),
            "bandwidth_tx_mbit": number(tx * 8 / MIB),
            "max_sessions": collector.max_sessions,
            "max_bandwidth_rx_mbit": 0,
            "max_bandwidth_tx_mbit": number(collector.max_tx_bits / 1e6),
        },
        "summary": {
            "remote": {name: _remote_json(one) for name, one in summary.remote.items()},
            "local": {name: _traffic_json(one) for name, one in summary.local.items()},
            "reference": {name: _traffic_json(one) for name, one in summary.reference.items()},
            **_traffic_json(summary.total),
        },
    }


def _remote_json(remote: Remote) -> dict[str, Any]:
    local = {name: _traffic_json(one) for name, one in remote.local.items()}
    return {"local": local, **_traffic_json(remote)}


def _traffic_json(traffic: Traffic) -> dict[str, Any]:
    return {
        "sessions": traffic.sessions,
        "traffic_rx_mb": traffic.rx_bytes // MIB,  # whole: typed clients read no other
        "traffic_tx_mb": traffic.tx_bytes // MIB,
    }


def _count_active(sessions: Sessions, reference: str) -> int:
    now = time.monotonic()
    return sum(
        session.reference.startswith(reference)
        for name in VIEWERS
        for session in _find(sessions, name).active(now)
    )


def _count_all(sessions: Sessions, reference: str) -> int:
    return sum(
        traffic.sessions
        for name in VIEWERS
        for known, traffic in _find(sessions, name).summary.reference.items()
        if known.startswith(reference)
    )
