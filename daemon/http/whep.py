"""/api/v3/process/<id>/whep and its sessions (draft-ietf-wish-whep, RFC 9725)."""

import re

from quart import Blueprint, Response, g, jsonify, request
from werkzeug.exceptions import UnsupportedMediaType

from daemon.errors import InvalidError, NegotiationError, SdpError
from daemon.http.body import media_type, read
from daemon.http.guard import Scope, caller, needs
from daemon.http.limit import Buckets
from daemon.webrtc.registry import ViewerInfo
from daemon.webrtc.subsystem import WebRTC

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
MAX_SDP = 64 * 1024  # bytes
FORWARDED_PREFIX = re.compile(r"^(/[A-Za-z0-9._~-]{1,64}){1,8}$")


def routes(webrtc: WebRTC, viewers_per_address: int) -> Blueprint:
    """Build the blueprint; the guard has checked each request already.

    How often one address may join follows from how many viewers it may have.
    """
    views = _Views(webrtc, viewers_per_address)
    blueprint = Blueprint("whep", __name__, url_prefix="/api/v3/process/<segment:process_id>")
    session = "/whep/<segment:peer_id>"
    blueprint.post("/whep")(views.subscribe)
    blueprint.get("/whep")(views.show)  # and HEAD
    blueprint.route("/whep", methods=["OPTIONS"])(views.describe)
    blueprint.delete(session)(views.unsubscribe)
    blueprint.patch(session)(views.patch)
    blueprint.get(session)(views.show_session)
    blueprint.route(session, methods=["OPTIONS"])(views.describe_session)
    return blueprint


class _Views:
    def __init__(self, webrtc: WebRTC, viewers_per_address: int) -> None:
        self._webrtc = webrtc
        per_minute, burst = max(10, viewers_per_address), max(20, 2 * viewers_per_address)
        self._posts = Buckets(per_minute, burst)
        self._patches = Buckets(per_minute=120, burst=60)  # browsers trickle in flocks
        self._deletes = Buckets(per_minute, burst)

    @needs(Scope.WHEP_VIEW)
    async def subscribe(self, process_id: str) -> Response:
        self._posts.take(caller().address)
        offer = await _read_offer()
        viewer = ViewerInfo(
            address=caller().address,
            subject=caller().subject,
            user_agent=request.headers.get("User-Agent", "")[:256],
            token_id=caller().login_id,
        )
        watching = await self._webrtc.subscribe(process_id, offer, viewer)
        headers = {
            "Location": f"{_external_path()}/{watching.peer_id}",
            "ETag": f'"{watching.etag}"',
            "Accept-Patch": FRAGMENT,
        }
        return Response(watching.answer, 201, headers, content_type=SDP)

    @needs(Scope.WHEP_VIEW)
    async def show(self, process_id: str) -> Response:
        """GET: our status as JSON; empty SDP for players, and for HEAD, as the draft has it.

        A viewer's token doesn't open the status: it tells who else is watching.
        """
        state = self._webrtc.process_state(process_id)
        is_player = request.method == "HEAD" or media_range() == SDP
        if is_player or not caller().may(Scope.PROCESS_READ, process_id):
            return _empty_sdp()
        return jsonify(state)

    @needs(Scope.PUBLIC)
    async def describe(self, process_id: str) -> Response:
        headers = {"Accept-Post": SDP, "Allow": "GET, HEAD, OPTIONS, POST"}
        return Response(b"", 200, headers, content_type=SDP)

    @needs(Scope.SESSION)
    async def unsubscribe(self, process_id: str, peer_id: str) -> Response:
        """End a session; one that is gone already is as good as ended. If-Match is ignored."""
        self._deletes.take(caller().address)
        existed = self._webrtc.unsubscribe(process_id, peer_id)
        return _without_body(200 if existed else 204)

    @needs(Scope.SESSION)
    async def patch(self, process_id: str, peer_id: str) -> Response:
        self._patches.take(caller().address)
        if media_type() == SDP:
            raise NegotiationError(
                "There was no counter-offer to answer", reason="no-counter-offer"
            )
        if media_type() != FRAGMENT:
            raise UnsupportedMediaType(f"PATCH takes {FRAGMENT}.")
        fragment = _text(await read(MAX_SDP))
        if_match = request.headers.get("If-Match")
        result = await self._webrtc.patch(process_id, peer_id, fragment, if_match)
        if result.body is None:
            return _without_body(204)
        headers = {"ETag": f'"{result.etag}"'} if result.etag else {}
        return Response(result.body, 200, headers, content_type=FRAGMENT)

    @needs(Scope.SESSION)
    async def show_session(self, process_id: str, peer_id: str) -> Response:
        return _empty_sdp()

    @needs(Scope.PUBLIC)
    async def describe_session(self, process_id: str, peer_id: str) -> Response:
        headers = {"Accept-Patch": FRAGMENT, "Allow": "DELETE, GET, HEAD, OPTIONS, PATCH"}
        return Response(b"", 200, headers, content_type=SDP)


def media_range() -> str:
    """Give what the client accepts, if that is one plain media type."""
    return request.headers.get("Accept", "").partition(";")[0].strip().lower()


async def _read_offer() -> str:
    if media_type() not in ("", SDP):
        raise UnsupportedMediaType(f"POST an offer as {SDP}.")
    data = await read(MAX_SDP)
    if not data:
        raise InvalidError(
            "The body is empty",
            details=["Send the player's SDP offer; this server makes no offers itself."],
            reason="empty-offer",
        )
    if media_type() != SDP:
        raise UnsupportedMediaType(f"POST an offer as {SDP}.")
    return _text(data)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise SdpError("The session description is not UTF-8") from None


def _external_path() -> str:
    """Give this request's path as its client sees it, prefixes of proxies included."""
    prefix = request.root_path
    forwarded = request.headers.get("X-Forwarded-Prefix", "").rstrip("/")
    if g.is_proxied and FORWARDED_PREFIX.match(forwarded):
        prefix = forwarded + prefix
    return prefix + request.path


def _empty_sdp() -> Response:
    return Response(b"", 200, content_type=SDP)


def _without_body(status: int) -> Response:
    response = Response(b"", status)
    del response.headers["Content-Type"]
    return response
