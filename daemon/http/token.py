"""/api/v3/process/<id>/token: addresses that let somebody watch one process without a login."""

from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ConfigDict, Field
from quart import Blueprint, Response, jsonify

from daemon.auth import ViewerAccess, ViewerToken
from daemon.errors import ConflictError
from daemon.http.body import parse_json, read
from daemon.http.guard import QUERY_TOKEN, Scope, caller, needs
from daemon.http.model import validated
from daemon.http.process import find
from daemon.http.url import external_url
from daemon.restream.restreamer import Restreamer

MAX_BODY = 4 * 1024  # bytes
LONGEST = 366 * 86_400  # seconds
MOST_VIEWERS = 10_000


class TokenModel(BaseModel):
    """What a token is to allow. Seconds; 0 is no limit of its own."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    ttl_seconds: Annotated[int, Field(ge=1, le=LONGEST)] = 3600
    max_viewers: Annotated[int, Field(ge=0, le=MOST_VIEWERS)] = 0
    max_view_seconds: Annotated[int, Field(ge=0, le=LONGEST)] = 0


def routes(restreamer: Restreamer, access: ViewerAccess | None) -> Blueprint:
    """Build the blueprint; ``access`` None: auth is off, and nobody needs a token."""
    views = _Views(restreamer, access)
    blueprint = Blueprint(
        "token", __name__, url_prefix="/api/v3/process/<segment:process_id>/token"
    )
    blueprint.get("")(views.list_tokens)
    blueprint.post("")(views.create)
    blueprint.delete("/<segment:token_id>")(views.revoke)
    return blueprint


class _Views:
    def __init__(self, restreamer: Restreamer, access: ViewerAccess | None) -> None:
        self._restreamer = restreamer
        self._access = access

    @needs(Scope.PROCESS_CONTROL)
    async def list_tokens(self, process_id: str) -> Response:
        access = self._of(process_id)
        return jsonify([_shown(token) for token in await access.of_process(process_id)])

    @needs(Scope.PROCESS_CONTROL)
    async def create(self, process_id: str) -> Response:
        access = self._of(process_id)
        wanted = await _read_wanted()
        token, record = await access.create(
            process_id, created_by=caller().subject, **wanted.model_dump()
        )
        path = f"/api/v3/process/{quote(process_id, safe='')}/whep"
        url = f"{external_url(path)}?{urlencode({QUERY_TOKEN: token})}"
        answer = jsonify({"token": token, "url": url} | _shown(record))
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @needs(Scope.PROCESS_CONTROL)
    async def revoke(self, process_id: str, token_id: str) -> Response:
        await self._of(process_id).revoke(process_id, token_id)
        return jsonify("OK")

    def _of(self, process_id: str) -> ViewerAccess:
        find(self._restreamer, process_id)
        if self._access is None:
            text = "auth is off: everybody may watch, and no token is needed"
            raise ConflictError(text, reason="auth-off")
        return self._access


def _shown(token: ViewerToken) -> dict[str, Any]:
    return asdict(token)


async def _read_wanted() -> TokenModel:
    """Read the body; without one, all is as it is by default."""
    data = await read(MAX_BODY)
    return validated(TokenModel, parse_json(data) if data else {})
