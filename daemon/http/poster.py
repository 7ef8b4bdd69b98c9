"""/api/v3/process/<id>/poster.jpg: what a process shows, as of its last key frame.

A picture is made when somebody asks, once per key frame and at most once a second, one at a
time in a thread; no FFmpeg runs for it.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from quart import Blueprint, Response, request

from daemon.errors import NotReadyError, OverloadError
from daemon.ffmpeg import picture
from daemon.http.guard import Scope, needs
from daemon.rtc import h264
from daemon.webrtc.keyframe import KeyFrame
from daemon.webrtc.subsystem import WebRTC

MIN_AGE = 1.0  # seconds that a picture serves, whatever comes after it
MAX_WAITING = 32  # requests for pictures that have to be made
WAIT = 5.0  # seconds for one of them
MAX_KEPT = 100  # pictures, of some 30 KiB
RETRY_AFTER = 2

# how the NAL units of a picture become one packet of FFmpeg's decoder of that name
_DECODERS: dict[str, tuple[str, Callable[[Sequence[bytes]], bytes]]] = {
    "H264": ("h264", h264.annex_b),
}


@dataclass(frozen=True, slots=True)
class Poster:
    """A picture, and which key frame it shows."""

    frame: KeyFrame
    made_at: float
    body: bytes
    etag: str


class Posters:
    """Makes and remembers pictures."""

    def __init__(
        self, webrtc: WebRTC, render: Callable[[str, bytes], bytes] = picture.jpeg
    ) -> None:
        self._webrtc = webrtc
        self._render = render
        self._made: dict[str, Poster] = {}
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def get(self, process_id: str) -> Poster:
        """Give the newest picture. Raises NotFoundError, NotReadyError, OverloadError."""
        frame = self._webrtc.keyframe(process_id)
        known = self._known(process_id, frame)
        if known is not None:
            return known
        if self._waiting >= MAX_WAITING:
            raise self._overload()
        self._waiting += 1
        try:
            async with asyncio.timeout(WAIT), self._turn:
                # who waited before us may have made it
                return self._known(process_id, frame) or await self._make(process_id, frame)
        except TimeoutError:
            raise self._overload() from None
        finally:
            self._waiting -= 1

    def _known(self, process_id: str, frame: KeyFrame) -> Poster | None:
        made = self._made.get(process_id)
        if made is None:
            return None
        is_fresh = time.monotonic() - made.made_at < MIN_AGE
        return made if made.frame is frame or is_fresh else None

    async def _make(self, process_id: str, frame: KeyFrame) -> Poster:
        if frame.codec not in _DECODERS:
            text = f"no pictures from {frame.codec}"
            raise NotReadyError(text, retry_after=RETRY_AFTER, reason="no-picture")
        decoder, join = _DECODERS[frame.codec]
        body = await asyncio.to_thread(self._render, decoder, join(frame.nals))
        poster = Poster(frame, time.monotonic(), body, sha256(body).hexdigest()[:32])
        self._made.pop(process_id, None)  # the newest come last
        self._made[process_id] = poster
        if len(self._made) > MAX_KEPT:
            del self._made[next(iter(self._made))]
        return poster

    def _overload(self) -> OverloadError:
        text = "too many pictures are asked for"
        return OverloadError(text, retry_after=RETRY_AFTER, reason="poster-limit")


def routes(webrtc: WebRTC) -> Blueprint:
    """Build the blueprint; the guard has checked each request already."""
    posters = Posters(webrtc)
    blueprint = Blueprint("poster", __name__)

    @blueprint.get("/api/v3/process/<segment:process_id>/poster.jpg")
    @needs(Scope.WHEP_VIEW)
    async def show(process_id: str) -> Response:
        poster = await posters.get(process_id)
        response = Response(poster.body, 200, content_type="image/jpeg")
        response.headers["Cache-Control"] = "private, no-cache"
        response.set_etag(poster.etag)
        await response.make_conditional(request)
        return response

    return blueprint
