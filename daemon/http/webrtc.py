"""/api/v3/webrtc: what the WebRTC subsystem is doing, all processes and viewers."""

from quart import Blueprint, Response, jsonify

from daemon.errors import NotFoundError
from daemon.http.guard import Scope, needs
from daemon.webrtc.subsystem import WebRTC


def routes(webrtc: WebRTC) -> Blueprint:
    """Build the blueprint; the guard has checked each request already."""
    blueprint = Blueprint("webrtc", __name__, url_prefix="/api/v3/webrtc")

    @blueprint.get("")
    @needs(Scope.SYSTEM_READ)
    async def state() -> Response:
        return jsonify(webrtc.state())

    @blueprint.get("/viewers")
    @needs(Scope.PROCESS_READ)
    async def viewers() -> Response:
        return jsonify(webrtc.viewers())

    @blueprint.delete("/viewers/<segment:viewer_id>")
    @needs(Scope.PROCESS_CONTROL)
    async def kick(viewer_id: str) -> Response:
        if not webrtc.kick(viewer_id):
            raise NotFoundError("no such viewer", reason="no-viewer")
        return jsonify("OK")

    return blueprint
