"""/api/v3/process/<id>/whep and its sessions (draft-ietf-wish-whep, RFC 9725)."""

from urllib.parse import urlencode

from quart import Blueprint, Response, jsonify, request
from werkzeug.exceptions import UnsupportedMediaType

from daemon.errors import ForbiddenError, InvalidError, NegotiationError, SdpError
from daemon.http.body import media_type, read
from daemon.http.guard import QUERY_TOKEN, Scope, caller, needs, query_token
from daemon.http.limit import Limit
from daemon.http.url import external_path
from daemon.webrtc.registry import ViewerInfo
from daemon.webrtc.subsystem import WebRTC

EVENTS = ("active", "inactive", "viewercount", "reconnect")
EVENTS_REL = "urn:ietf:params:whep:ext:core:server-sent-events"
SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
MAX_SDP = 64 * 1024  # bytes


class Ownership:
    """Who may give orders to a session: whoever knows its URL; strict: only who opened it."""

    def __init__(self, webrtc: WebRTC, *, is_strict: bool) -> None:
        self.is_strict = is_strict
        self._webrtc = webrtc

    def check(self, process_id: str, peer_id: str) -> None:
        """Raise ForbiddenError for somebody else's token (V4)."""
        if not self.is_strict or caller().is_auth_off:
            return
        owner = self._webrtc.subject_of(process_id, peer_id)
        if owner is not None and owner != caller().subject:
            text = "This session was opened with somebody else's token."
            raise ForbiddenError(text, reason="not-your-session")


def routes(webrtc: WebRTC, viewers_per_address: int, ownership: Ownership) -> Blueprint:
    """Build the blueprint; the guard has checked each request already.

    How often one address may join follows from how many viewers it may have.
    """
    views = _Views(webrtc, viewers_per_address, ownership)
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
    def __init__(self, webrtc: WebRTC, viewers_per_address: int, ownership: Ownership) -> None:
        self._webrtc = webrtc
        self._ownership = ownership
        per_minute, burst = max(10, viewers_per_address), max(20, 2 * viewers_per_address)
        self._posts = Limit(per_minute, burst)
        self._patches = Limit(per_minute=120, burst=60)  # browsers trickle in flocks
        self._deletes = Limit(per_minute, burst)

    @needs(Scope.WHEP_VIEW)
    async def subscribe(self, process_id: str) -> Response:
        self._posts.take(caller().address)
        offer = await _read_offer()
        watching = await self._webrtc.subscribe(process_id, offer, _viewer())
        session = f"{external_path(request.path)}/{watching.peer_id}"
        location, events = session, link(session)
        if self._ownership.is_strict and (token := query_token()):
            query = f"?{urlencode({QUERY_TOKEN: token})}"  # or its player couldn't leave
            location, events = session + query, link(session, query)
        headers = {
            "Location": location,
            "ETag": f'"{watching.etag}"',
            "Accept-Patch": FRAGMENT,
            "Link": events,
        }
        return Response(watching.answer, 201, headers, content_type=SDP)

    @needs(Scope.WHEP_VIEW)
    async def show(self, process_id: str) -> Response:
        """GET: our status as JSON; empty SDP for players, and for HEAD, as the draft has it.

        A viewer's token opens two words of it: the rest tells who else is watching.
        """
        state = self._webrtc.process_state(process_id)
        if request.method == "HEAD" or media_range() == SDP:
            return _empty_sdp()
        if not caller().may(Scope.PROCESS_READ, process_id):
            state = {name: state[name] for name in ("process_id", "state")}
        return jsonify(state)

    @needs(Scope.PUBLIC)
    async def describe(self, process_id: str) -> Response:
        headers = {"Accept-Post": SDP, "Allow": "GET, HEAD, OPTIONS, POST"}
        return Response(b"", 200, headers, content_type=SDP)

    @needs(Scope.SESSION)
    async def unsubscribe(self, process_id: str, peer_id: str) -> Response:
        """End a session; one that is gone already is as good as ended. If-Match is ignored."""
        self._deletes.take(caller().address)
        self._ownership.check(process_id, peer_id)
        existed = self._webrtc.unsubscribe(process_id, peer_id)
        return _without_body(200 if existed else 204)

    @needs(Scope.SESSION)
    async def patch(self, process_id: str, peer_id: str) -> Response:
        self._patches.take(caller().address)
        self._ownership.check(process_id, peer_id)
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
        """GET: nothing, as the draft has it; how it is going for whoever asks for JSON."""
        if media_range() == "application/json":
            self._ownership.check(process_id, peer_id)
            return jsonify(self._webrtc.viewer(process_id, peer_id))
        return _empty_sdp()

    @needs(Scope.PUBLIC)
    async def describe_session(self, process_id: str, peer_id: str) -> Response:
        headers = {"Accept-Patch": FRAGMENT, "Allow": "DELETE, GET, HEAD, OPTIONS, PATCH"}
        return Response(b"", 200, headers, content_type=SDP)


def _viewer() -> ViewerInfo:
    """Describe who asks to watch."""
    claims = caller().claims
    return ViewerInfo(
        address=caller().address,
        subject=caller().subject,
        user_agent=request.headers.get("User-Agent", "")[:256],
        token_id=caller().login_id,
        max_viewers=claims.max_viewers if claims and caller().is_bound else None,
        max_view_seconds=claims.max_view_seconds if claims else 0,
    )


def link(session: str, query: str = "") -> str:
    """Name where a session's events are; on its 201 only, as the draft has it."""
    return f'<{session}/sse{query}>; rel="{EVENTS_REL}"; events="{",".join(EVENTS)}"'


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


def _empty_sdp() -> Response:
    return Response(b"", 200, content_type=SDP)


def _without_body(status: int) -> Response:
    response = Response(b"", status)
    del response.headers["Content-Type"]
    return response
