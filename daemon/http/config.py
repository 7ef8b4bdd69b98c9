"""/api/v3/config: show, change and reload the configuration, as datarhei's clients do it."""

from quart import Blueprint, Response, jsonify, request

from daemon.config import ConfigService
from daemon.errors import InvalidError
from daemon.http.body import MAX_CONFIG, parse_json, read
from daemon.http.guard import Scope, needs

__all__ = ["ConfigService", "routes"]


def routes(service: ConfigService) -> Blueprint:
    """Build the blueprint; the guard has checked each request already."""
    config = Blueprint("config", __name__, url_prefix="/api/v3/config")

    @config.get("")
    @needs(Scope.CONFIG_READ)
    async def show() -> Response:
        return jsonify(service.get())

    @config.route("", methods=["PUT", "POST"])  # PUT is datarhei's, POST the specification's
    @needs(Scope.CONFIG_WRITE)
    async def change() -> Response:
        body = parse_json(await read(MAX_CONFIG))  # datarhei asks for no Content-Type here
        if not isinstance(body, dict):
            raise InvalidError("Invalid JSON", details=["must be an object"])
        if request.args.get("validate") == "true":
            return jsonify({"notes": service.check(body)})
        await service.put(body)
        return jsonify("OK")

    @config.route("/reload", methods=["GET", "POST"])  # GET is what datarhei's clients use
    @needs(Scope.CONFIG_WRITE)
    async def reload() -> Response:
        await service.reload()
        return jsonify("OK")

    return config
