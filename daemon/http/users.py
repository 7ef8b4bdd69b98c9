"""/api/v3/users and /api/v3/keys: who may log in, and the keys of their tokens."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from quart import Blueprint, Response, jsonify

from daemon.auth import Auth, Role, User, ViewerAccess
from daemon.errors import ConflictError
from daemon.http import audit
from daemon.http.body import parse_json, read, read_json
from daemon.http.guard import Scope, needs
from daemon.http.model import validated
from daemon.webrtc.subsystem import WebRTC

MAX_BODY = 8 * 1024  # bytes
Text = Annotated[str, Field(max_length=2048)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class NewUserModel(_Model):
    """Somebody to let in."""

    name: Text
    password: Annotated[Text, Field(repr=False)]
    role: Role = Role.OPERATOR


class ChangeModel(_Model):
    """What is to be different."""

    password: Annotated[Text | None, Field(repr=False)] = None
    role: Role | None = None


class RotateModel(_Model):
    """``now``: every token ends; else the old key counts until its last token has ended."""

    now: bool = False


def routes(auth: Auth | None, access: ViewerAccess | None, webrtc: WebRTC) -> Blueprint:
    """Build the blueprint; None: auth is off, and there are no users."""
    views = _Views(auth, access, webrtc)
    blueprint = Blueprint("users", __name__, url_prefix="/api/v3")
    blueprint.get("/users")(views.list_users)
    blueprint.post("/users")(views.add)
    blueprint.put("/users/<segment:user_name>")(views.change)
    blueprint.delete("/users/<segment:user_name>")(views.remove)
    blueprint.post("/keys")(views.rotate)
    return blueprint


class _Views:
    def __init__(self, auth: Auth | None, access: ViewerAccess | None, webrtc: WebRTC) -> None:
        self._auth = auth
        self._access = access
        self._webrtc = webrtc

    @needs(Scope.USER_WRITE)
    async def list_users(self) -> Response:
        return jsonify([_shown(user) for user in self._of().users.all()])

    @needs(Scope.USER_WRITE)
    async def add(self) -> Response:
        wanted = validated(NewUserModel, await read_json(MAX_BODY))
        audit.about(wanted.name)
        users = self._of().users
        return jsonify(_shown(await users.add(wanted.name, wanted.password, wanted.role)))

    @needs(Scope.USER_WRITE)
    async def change(self, user_name: str) -> Response:
        wanted = validated(ChangeModel, await read_json(MAX_BODY))
        users = self._of().users
        changed = await users.change(user_name, password=wanted.password, role=wanted.role)
        return jsonify(_shown(changed))

    @needs(Scope.USER_WRITE)
    async def remove(self, user_name: str) -> Response:
        await self._of().users.remove(user_name)
        if self._access is not None:
            await self._access.revoke_creator(user_name)
        return jsonify("OK")

    @needs(Scope.USER_WRITE)
    async def rotate(self) -> Response:
        data = await read(MAX_BODY)
        wanted = validated(RotateModel, parse_json(data) if data else {})
        last_end = await self._access.last_end() if self._access is not None else 0
        key = await self._of().rotate(at_once=wanted.now, last_end=last_end)
        if wanted.now:
            self._webrtc.end_all("token-revoked")
        return jsonify({"kid": key.kid, "created_at": key.created_at})

    def _of(self) -> Auth:
        if self._auth is None:
            raise ConflictError("auth is off: there are no users", reason="auth-off")
        return self._auth


def _shown(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "role": user.role.value,
        "created_at": user.created_at,
        "configured": user.is_configured,
    }
