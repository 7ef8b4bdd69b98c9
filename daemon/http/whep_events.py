"""WHEP's server-sent events: what a player should know of the process that it watches.

An extension of the draft (webrtc-http-egress-events): a session's Link names where streams are
made; each is read at an address of its own, since ``EventSource`` can send no token. The
address is the secret, and dies with the session.
"""

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Any

from quart import Blueprint, Response, request

from daemon.errors import InvalidError, LimitError, NotFoundError
from daemon.http import sse
from daemon.http.body import media_type, parse_json, read
from daemon.http.guard import Scope, needs
from daemon.http.sse import Listener, encode
from daemon.http.url import external_path
from daemon.http.whep import EVENTS, Ownership
from daemon.webrtc.registry import Viewer
from daemon.webrtc.subsystem import WebRTC

TICK = 0.25  # seconds from a change to its event, at most
MAX_STREAMS = 4  # of one session
MAX_BODY = 4096  # bytes
RETRY_AFTER = 5  # seconds
# a viewer that ends for one of these finds the process again at once, or soon
COMING_BACK = frozenset({"process-shutdown", "shutdown", "reconfigured", "tracks-changed"})


@dataclass(slots=True)
class _Stream:
    """One stream. Without a reader its events wait in the listener, the newest of each kind."""

    process_id: str
    peer_id: str
    events: frozenset[str]
    listener: Listener = field(default_factory=Listener)
    told: dict[str, Any] = field(default_factory=dict)

    def put(self, event: str, data: Any) -> None:
        if event in self.events:
            kind = "state" if event in ("active", "inactive") else event
            self.listener.put(kind, encode(event, data))

    def tell(self, brief: dict[str, Any]) -> None:
        """Tell what changed; at the beginning never that nothing is on."""
        is_active = brief["state"] == "live"
        if is_active != self.told.get("active", False):
            self.told["active"] = is_active
            self.put("active" if is_active else "inactive", {})
        if brief["viewers"] != self.told.get("viewers"):
            self.told["viewers"] = brief["viewers"]
            self.put("viewercount", {"viewercount": brief["viewers"]})


class WhepEvents:
    """All streams of all sessions. ``run`` must be running."""

    def __init__(self, webrtc: WebRTC) -> None:
        self._webrtc = webrtc
        self._streams: dict[str, _Stream] = {}
        self._is_wanted = asyncio.Event()
        webrtc.audience.on_end.append(self._on_end)

    async def run(self) -> None:
        """Look at what is watched, and tell, until cancelled."""
        while True:
            await self._is_wanted.wait()
            self._look()
            await asyncio.sleep(TICK)

    def open(self, process_id: str, peer_id: str, events: frozenset[str]) -> str:
        """Make a stream; gives its secret name. Raises NotFoundError, LimitError."""
        self._webrtc.viewer(process_id, peer_id)
        if sum(stream.peer_id == peer_id for stream in self._streams.values()) >= MAX_STREAMS:
            text = f"{MAX_STREAMS} streams of one session"
            raise LimitError(text, retry_after=RETRY_AFTER, reason="stream-limit")
        name = secrets.token_urlsafe(16)
        stream = _Stream(process_id, peer_id, events)
        stream.tell(self._webrtc.brief(process_id))
        self._streams[name] = stream
        self._is_wanted.set()
        return name

    def read(self, process_id: str, peer_id: str, name: str) -> Listener:
        """Give a stream's events to a reader; one that reads already has lost its place."""
        stream = self._find(process_id, peer_id, name)
        stream.listener = stream.listener.hand_over()
        return stream.listener

    def close(self, process_id: str, peer_id: str, name: str) -> None:
        """End a stream. Raises NotFoundError."""
        self._find(process_id, peer_id, name).listener.end("closed")
        self._drop({name})

    def _find(self, process_id: str, peer_id: str, name: str) -> _Stream:
        stream = self._streams.get(name)
        if stream is None or (stream.process_id, stream.peer_id) != (process_id, peer_id):
            raise NotFoundError("no such stream of events", reason="no-stream")
        return stream

    def _look(self) -> None:
        for process_id in {stream.process_id for stream in self._streams.values()}:
            brief = self._webrtc.brief(process_id)
            for stream in self._streams.values():
                if stream.process_id == process_id:
                    stream.tell(brief)

    def _on_end(self, viewer: Viewer, reason: str) -> None:
        over = {name for name, one in self._streams.items() if one.peer_id == viewer.id}
        for name in over:
            if reason in COMING_BACK:
                self._streams[name].put("reconnect", {})
            self._streams[name].listener.end(reason)
        self._drop(over)

    def _drop(self, names: set[str]) -> None:
        for name in names:
            del self._streams[name]
        if not self._streams:
            self._is_wanted.clear()


def routes(events: WhepEvents, ownership: Ownership) -> Blueprint:
    """Build the blueprint; the guard has checked each request already."""
    blueprint = Blueprint("whep_events", __name__)
    base = "/api/v3/process/<segment:process_id>/whep/<segment:peer_id>/sse"
    one = f"{base}/<segment:stream_id>"

    @blueprint.post(base)
    @needs(Scope.SESSION)
    async def create(process_id: str, peer_id: str) -> Response:
        ownership.check(process_id, peer_id)
        name = events.open(process_id, peer_id, await _read_names())
        response = Response(b"", 201, {"Location": f"{external_path(request.path)}/{name}"})
        del response.headers["Content-Type"]
        return response

    @blueprint.get(one)
    @needs(Scope.PUBLIC)
    async def listen(process_id: str, peer_id: str, stream_id: str) -> Response:
        listener = events.read(process_id, peer_id, stream_id)
        return sse.respond(listener, lambda: None)

    @blueprint.delete(one)
    @needs(Scope.PUBLIC)
    async def end(process_id: str, peer_id: str, stream_id: str) -> Response:
        events.close(process_id, peer_id, stream_id)
        response = Response(b"", 200)
        del response.headers["Content-Type"]
        return response

    return blueprint


async def _read_names() -> frozenset[str]:
    """Read the wanted events: a JSON array of names; without a body, all that there are."""
    data = await read(MAX_BODY)
    if not data:
        return frozenset(EVENTS)
    names = parse_json(data) if media_type() == "application/json" else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        text = "POST a JSON array of names of events"
        raise InvalidError(text, details=[f"known: {', '.join(EVENTS)}"], reason="invalid-json")
    if unknown := sorted(set(names) - set(EVENTS)):
        lines = [f"unknown: {', '.join(unknown)[:200]}", f"known: {', '.join(EVENTS)}"]
        raise InvalidError("Unknown event", details=lines, reason="unknown-event")
    return frozenset(names)
