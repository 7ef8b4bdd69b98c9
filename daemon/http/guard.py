"""The guard: who calls, from where, and whether this route is theirs; log in and refresh.

Every route names its scope by ``@needs``; one without a scope stops ``create_app``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, TypeVar

from quart import Blueprint, Quart, Response, current_app, g, jsonify, request
from werkzeug.exceptions import MethodNotAllowed

from daemon.auth import ACCESS, VIEW, Auth, Claims
from daemon.errors import AuthError, ForbiddenError, InvalidError, NotFoundError
from daemon.http.access import EVERYBODY, Access
from daemon.http.body import read_json

Network = IPv4Network | IPv6Network
View = TypeVar("View", bound=Callable[..., Any])

LOGIN_BODY = 4 * 1024  # bytes: a name and a password
QUERY_TOKEN = "token"  # noqa: S105 - the query's name for a viewer's token
FORWARDED_HOPS = 32  # more than any real chain of proxies
_BAD_TOKEN = "Missing or invalid JWT token"  # noqa: S105 - a sentence, datarhei's


class Scope(StrEnum):
    """What a route needs. PUBLIC: nothing. SESSION: its URL is the secret (see Guard)."""

    PROCESS_READ = "process:read"
    PROCESS_WRITE = "process:write"
    PROCESS_CONTROL = "process:control"
    WHEP_VIEW = "whep:view"
    CONFIG_READ = "config:read"
    CONFIG_WRITE = "config:write"
    SYSTEM_READ = "system:read"
    USER_WRITE = "user:write"
    PUBLIC = "public"
    SESSION = "session"


CHANGING = frozenset(Scope) - {
    Scope.PROCESS_READ, Scope.WHEP_VIEW, Scope.CONFIG_READ, Scope.SYSTEM_READ,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. ``claims`` is None for nobody, and for everybody when auth is off."""

    address: str
    claims: Claims | None
    is_auth_off: bool

    @property
    def is_known(self) -> bool:
        return self.is_auth_off or self.claims is not None

    @property
    def is_bound(self) -> bool:
        """Whether the token is for one process and nothing else."""
        return self.claims is not None and self.claims.process_id is not None

    @property
    def subject(self) -> str:
        return self.claims.subject if self.claims else ""

    @property
    def login_id(self) -> str:
        """What is revoked with this caller: the login's family, else the token; "": nobody."""
        return (self.claims.family or self.claims.token_id) if self.claims else ""

    def may(self, scope: Scope, process_id: str | None = None) -> bool:
        if self.is_auth_off:
            return True
        return self.claims is not None and self.claims.allows(scope.value, process_id)

    def require(self, scope: Scope, process_id: str | None = None) -> None:
        """Raise AuthError for nobody, ForbiddenError for somebody without the right."""
        if not self.is_known:
            raise AuthError(_BAD_TOKEN, reason="missing-or-invalid-token")
        if not self.may(scope, process_id):
            raise ForbiddenError(f"This token lacks {scope}.", reason="insufficient-scope")


def needs(scope: Scope) -> Callable[[View], View]:
    """Mark a view with the scope it needs; goes below the route decorator."""

    def mark(view: View) -> View:
        view.__dict__["scope"] = scope
        return view

    return mark


def scope_of(view: Callable[..., Any]) -> Scope | None:
    """Give the scope that ``needs`` put on a view."""
    scope = getattr(view, "scope", None)
    return scope if isinstance(scope, Scope) else None


def scope_now() -> Scope | None:
    """Give the scope of the current request's route; None: there is no such route."""
    if request.routing_exception is not None:
        return None
    scope = scope_of(current_app.view_functions[request.endpoint or ""])
    assert scope is not None, "create_app lets no route without a scope pass"
    return scope


def caller() -> Caller:
    """Who sent the current request."""
    found: Caller = g.caller
    return found


class Guard:
    """Checks every request before its route runs."""

    def __init__(
        self,
        auth: Auth | None,
        *,
        trusted_proxies: tuple[str, ...] = (),
        is_session_strict: bool = False,
        access: Access = EVERYBODY,
    ) -> None:
        self._access = access
        self._auth = auth
        self._proxies = tuple(ip_network(text, strict=False) for text in trusted_proxies)
        self._is_session_strict = is_session_strict

    def check_request(self) -> None:
        """Set ``caller()``; raise if the route isn't theirs. For ``before_request``."""
        peer = plain_address(_socket_peer())
        g.is_proxied = _is_in(peer, self._proxies)
        address = self._forwarded_for(peer) if g.is_proxied else peer
        self._access.check(request.path, request.scheme, address)
        scope = self._scope()
        g.caller = Caller(address, self._claims(scope), is_auth_off=self._auth is None)
        if scope is None:
            self._check_unknown()
        elif scope is not Scope.PUBLIC:
            self._check_read_only(scope)
            view_args = request.view_args or {}
            caller().require(scope, view_args.get("process_id"))

    def _scope(self) -> Scope | None:
        """Find what the route needs; None: there is no such route."""
        scope = scope_now()
        if scope is Scope.SESSION:
            return Scope.WHEP_VIEW if self._is_session_strict else Scope.PUBLIC
        return scope

    def _check_read_only(self, scope: Scope) -> None:
        """In read-only mode the routes that change something aren't there, as in Core."""
        if not self._access.is_read_only or not caller().is_known:
            return
        is_change = request.method not in {"GET", "HEAD"} and scope in CHANGING
        if is_change or scope is Scope.CONFIG_WRITE:  # reload is a GET
            if request.path.startswith("/api/v3/fs/"):
                raise MethodNotAllowed(["GET", "HEAD"])
            raise NotFoundError("Not Found", reason="read-only")

    def _check_unknown(self) -> None:
        """Tell no stranger which routes exist."""
        if request.path.startswith("/api/") and not caller().is_known:
            raise AuthError(_BAD_TOKEN, reason="missing-or-invalid-token")

    def _claims(self, scope: Scope | None) -> Claims | None:
        uses = [ACCESS, VIEW]
        token = bearer_token()
        if token is None and scope is Scope.WHEP_VIEW:
            uses = [VIEW]
            token = query_token()
        if self._auth is None or token is None:
            return None
        try:
            return self._auth.verify(token, *uses)
        except AuthError:
            return None

    def _forwarded_for(self, peer: str) -> str:
        """Find the right-most hop that isn't a trusted proxy; left of it is hearsay."""
        listed = ",".join(request.headers.getlist("X-Forwarded-For"))
        hops = [hop.strip() for hop in listed.split(",")[-FORWARDED_HOPS:]]
        address = peer
        for hop in reversed(hops):
            candidate = plain_address(hop)
            if not _is_address(candidate):
                break
            address = candidate
            if not _is_in(candidate, self._proxies):
                break
        return address


def bearer_token() -> str | None:
    """Give the token of ``Authorization: Bearer`` (RFC 6750 section 2.1)."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def query_token() -> str | None:
    """Give the query's token: for watching only, since a query is kept and shared easily."""
    tokens = request.args.getlist(QUERY_TOKEN)
    return tokens[0] if len(tokens) == 1 and tokens[0] else None


def check_scopes(app: Quart) -> None:
    """Deny by default: raises AssertionError for a route that names no scope."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        assert scope_of(view) is not None, f"{rule.rule} ({rule.endpoint}) names no scope"


def routes(auth: Auth | None) -> Blueprint:
    """``/api/login`` and ``/api/login/refresh``; they don't exist when auth is off."""
    login = Blueprint("login", __name__, url_prefix="/api/login")

    @login.post("")
    @needs(Scope.PUBLIC)
    async def log_in() -> dict[str, str]:
        if auth is None:
            raise NotFoundError("Not Found")
        username, password = await _read_credentials()
        tokens = await auth.login(username, password, caller().address)
        return {"access_token": tokens.access, "refresh_token": tokens.refresh}

    @login.get("/refresh")
    @needs(Scope.PUBLIC)
    async def refresh() -> dict[str, str]:
        if auth is None:
            raise NotFoundError("Not Found")
        token = bearer_token()
        if token is None:
            raise AuthError(_BAD_TOKEN, reason="missing-or-invalid-token")
        tokens = await auth.refresh(token)
        return {"access_token": tokens.access, "refresh_token": tokens.refresh}

    @login.delete("")
    @needs(Scope.PUBLIC)
    async def log_out() -> Response:
        """End the login of this token: all its tokens, and who watches by them."""
        claims = caller().claims
        if auth is None or claims is None:
            raise AuthError(_BAD_TOKEN, reason="missing-or-invalid-token")
        await auth.revoke(claims)
        return jsonify("OK")

    return login


async def _read_credentials() -> tuple[str, str]:
    try:
        body = await read_json(LOGIN_BODY)
    except InvalidError as error:  # datarhei has one message for all of these
        raise InvalidError(
            "Missing authorization credentials", details=error.details, reason=error.reason
        ) from error
    if isinstance(body, dict):
        username, password = body.get("username"), body.get("password")
        if isinstance(username, str) and isinstance(password, str) and username and password:
            return username, password
    raise InvalidError("Missing authorization credentials", reason="missing-credentials")


def _socket_peer() -> str:
    """Give the address of the socket's other end; "" for a Unix socket."""
    client = request.scope.get("client")
    return client[0] if client else ""


def plain_address(text: str) -> str:
    """Without the IPv4-in-IPv6 form, so that one host has one name."""
    try:
        address = ip_address(text)
    except ValueError:
        return text
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_in(text: str, networks: tuple[Network, ...]) -> bool:
    return _is_address(text) and any(ip_address(text) in network for network in networks)
