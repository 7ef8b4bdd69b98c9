"""/api/v3/events: processes, their progress and viewers, as server-sent events."""

from quart import Blueprint, Response

from daemon.auth import Auth
from daemon.errors import AuthError
from daemon.http import sse
from daemon.http.feed import Feed
from daemon.http.guard import Scope, bearer_token, caller, needs


def routes(feed: Feed, auth: Auth | None) -> Blueprint:
    """Build the blueprint; the guard has checked each request already."""
    blueprint = Blueprint("events", __name__)

    @blueprint.get("/api/v3/events")
    @needs(Scope.PROCESS_READ)
    async def listen() -> Response:
        who, token = caller(), bearer_token()
        listener, forget = feed.listen(
            who.address,
            lambda process_id: who.may(Scope.PROCESS_READ, process_id),
            lambda: auth is None or _is_good(auth, token),
        )
        return sse.respond(listener, forget)

    return blueprint


def _is_good(auth: Auth, token: str | None) -> bool:
    """Whether a token that was good still is: it may expire or be revoked meanwhile."""
    try:
        auth.verify(token or "")
    except AuthError:
        return False
    return True
