"""The API's description: docs/reference/openapi.yaml, as JSON beside this file."""

from importlib.resources import files

from quart import Blueprint, Response

from daemon.http.guard import Scope, needs


def routes() -> Blueprint:
    """Build the blueprint: the same document under datarhei's path and ours."""
    blueprint = Blueprint("openapi", __name__, url_prefix="/api")
    document = files("daemon.http").joinpath("openapi.json").read_bytes()

    @blueprint.get("/swagger/doc.json")
    @blueprint.get("/v3/openapi.json")
    @needs(Scope.PUBLIC)
    async def show() -> Response:
        return Response(document, content_type="application/json")

    return blueprint
