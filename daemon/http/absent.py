"""Routes of datarhei Core whose servers aren't there: they answer as when those are off."""

from quart import Blueprint, Response

from daemon.errors import NotFoundError
from daemon.http.guard import Scope, needs

PLAYOUT = "/process/<segment:process_id>/playout/<segment:input_id>"


def routes() -> Blueprint:
    """Build the blueprint; the guard has checked each request already."""
    blueprint = Blueprint("absent", __name__, url_prefix="/api/v3")

    @blueprint.get("/rtmp")
    @needs(Scope.SYSTEM_READ)
    async def rtmp() -> Response:
        raise NotFoundError("RTMP server not found", details=["it is off"], reason="rtmp-off")

    @blueprint.get("/srt")
    @needs(Scope.SYSTEM_READ)
    async def srt() -> Response:
        raise NotFoundError("SRT server not found", details=["it is off"], reason="srt-off")

    @blueprint.get(f"{PLAYOUT}/<segment:what>")
    @blueprint.put(f"{PLAYOUT}/<segment:what>")
    @blueprint.get(f"{PLAYOUT}/<segment:what>/<segment:how>")
    @blueprint.route(f"{PLAYOUT}/<segment:what>/<segment:how>", methods=["PUT", "POST"])
    @needs(Scope.PROCESS_CONTROL)
    async def playout(process_id: str, input_id: str, what: str, how: str = "") -> Response:
        raise NotFoundError(
            "Unknown process or input",
            details=["only a patched FFmpeg has inputs that can be controlled"],
            reason="no-playout",
        )

    return blueprint
