"""Server-sent events: a reader's bounded queue, and the answer that drains it (HTML, 9.2).

Nobody waits for a reader. What it hasn't taken yet is replaced by what is newer, and one who
lets too much pile up is sent away; the server cuts connections that take nothing at all.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from quart import Response, request

HEARTBEAT = 15.0  # seconds; proxies cut what is silent for a minute
CHECK = 5.0  # seconds between two looks whether the reader may still listen
RETRY = 1000  # milliseconds that EventSource waits before it comes again
MAX_PENDING = 4 << 20  # bytes one reader may leave untaken
MAX_WAIT = 60.0  # seconds they may lie there
MIMETYPE = "text/event-stream"


def encode(event: str, data: Any) -> bytes:
    """Write one event; its data is one line of JSON."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"event: {event}\ndata: {text}\n\n".encode()


class Listener:
    """One reader. ``is_allowed`` is asked every few seconds; False ends the stream."""

    def __init__(self, is_allowed: Callable[[], bool] = lambda: True) -> None:
        self.end_reason = ""
        self._is_allowed = is_allowed
        self._pending: dict[str, bytes] = {}
        self._pending_bytes = 0
        self._has_begun = False  # what there is at the beginning may be more than the bound
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._taken_at = self._loop.time()

    def is_stuck(self) -> bool:
        """Whether nothing was taken for long though there is something to take."""
        return bool(self._pending) and self._loop.time() - self._taken_at > MAX_WAIT

    def put(self, key: str, event: bytes) -> None:
        """Queue an event; it replaces one of the same key that wasn't taken yet."""
        if self.end_reason:
            return
        self._pending_bytes += len(event) - len(self._pending.pop(key, b""))
        self._pending[key] = event
        if self._has_begun and self._pending_bytes > MAX_PENDING:
            self._pending.clear()
            self.end("slow")
        self._wake.set()

    def end(self, reason: str) -> None:
        """End the stream after what is queued; the reader hears why."""
        if not self.end_reason:
            self.end_reason = reason
            self._pending["end"] = encode("end", {"reason": reason})
        self._wake.set()

    def hand_over(self) -> "Listener":
        """Give what is queued, and what comes, to another reader; this one ends."""
        heir = Listener(self._is_allowed)
        heir._pending, self._pending = self._pending, {}
        heir._pending_bytes, self._pending_bytes = self._pending_bytes, 0
        heir._wake.set()
        self.end("replaced")
        return heir

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield what is queued as it comes, and a comment when nothing does."""
        silent_since = checked_at = self._loop.time()
        yield f"retry: {RETRY}\n\n".encode()
        while True:
            chunk = self._take()
            if chunk or self._loop.time() - silent_since >= HEARTBEAT:
                yield chunk or b":\n\n"
                silent_since = self._loop.time()
            if self.end_reason and not self._pending:
                return
            if self._loop.time() - checked_at >= CHECK:
                checked_at = self._loop.time()
                if not self._is_allowed():
                    self.end("token")
            await self._wait()

    def _take(self) -> bytes:
        self._has_begun = True
        self._wake.clear()
        chunk = b"".join(self._pending.values())
        self._pending.clear()
        self._pending_bytes = 0
        self._taken_at = self._loop.time()
        return chunk

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CHECK):
                await self._wake.wait()


def respond(listener: Listener, on_gone: Callable[[], None]) -> Response:
    """Answer with a listener's events; ``on_gone`` is called when the reader has left."""
    headers = {"X-Accel-Buffering": "no"}  # nginx would keep events until it has a page of them
    if request.method == "HEAD":
        on_gone()
        return Response(b"", 200, headers, content_type=MIMETYPE)

    async def body() -> AsyncIterator[bytes]:
        try:
            async for chunk in listener.chunks():
                yield chunk
        finally:
            on_gone()

    response = Response(body(), 200, headers, content_type=MIMETYPE)
    response.timeout = None  # it takes as long as somebody listens
    return response
