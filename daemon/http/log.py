"""/api/v3/log: the daemon's last log lines; secrets were taken out before they got there."""

from quart import Blueprint, Response, jsonify, request

from daemon.http.guard import Scope, needs
from daemon.log import LogBuffer


def routes(buffer: LogBuffer) -> Blueprint:
    """Build the blueprint; ``format=raw`` gives objects, all else lines, as datarhei does."""
    log = Blueprint("log", __name__, url_prefix="/api/v3/log")

    @log.get("")
    @needs(Scope.SYSTEM_READ)
    async def show() -> Response:
        is_raw = request.args.get("format") == "raw"
        return jsonify(buffer.raw() if is_raw else buffer.console())

    return log
