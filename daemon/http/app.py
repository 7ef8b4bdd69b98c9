"""create_app(): every blueprint behind the guard, errors and headers by one rule each."""

from collections.abc import Iterator
from dataclasses import dataclass

from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable
from hypercorn.typing import Scope as ASGIScope
from quart import Blueprint, Quart, Response, request
from quart.json.provider import DefaultJSONProvider

from daemon.auth import Auth, ViewerAccess
from daemon.http import (
    about,
    absent,
    audit,
    config,
    encoding,
    errors,
    events,
    files,
    guard,
    log,
    metadata,
    metrics,
    openapi,
    poster,
    process,
    prometheus,
    session,
    skills,
    token,
    ui,
    users,
    webrtc,
    whep,
    whep_events,
)
from daemon.http.about import About
from daemon.http.access import EVERYBODY, Access
from daemon.http.body import check_headers
from daemon.http.config import ConfigService
from daemon.http.cors import Cors
from daemon.http.dashboard import Dashboard
from daemon.http.guard import Guard, Scope, needs
from daemon.http.hls import Hls
from daemon.http.live import Live
from daemon.http.metrics import Metrics
from daemon.http.mounts import Storage
from daemon.http.path import FilePath, PublicPath, Segment, raw_path
from daemon.http.skills import SkillsCache
from daemon.http.upload import Connection, Request
from daemon.log import LogBuffer
from daemon.restream.restreamer import Restreamer
from daemon.session import Sessions
from daemon.webrtc.subsystem import WebRTC

BODY_TIMEOUT = 10  # seconds for a whole body to arrive
RESPONSE_TIMEOUT = 30  # seconds for a client to take its answer


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes call. ``auth`` None: auth is off and everything is open.

    ``is_session_strict``: PATCH and DELETE of a WHEP session need the token of who opened
    it, not its URL only.
    ``trusted_proxies``: networks whose X-Forwarded-* headers count. ``is_counting``:
    viewers of HLS become sessions, but for the networks ``ignored_viewers``.
    ``frame_ancestors``: origins whose pages may show the UI in a frame.
    """

    restreamer: Restreamer
    webrtc: WebRTC
    auth: Auth | None
    config_service: ConfigService
    skills: SkillsCache
    log_buffer: LogBuffer
    about: About
    live: Live
    storage: Storage
    sessions: Sessions
    metrics: Metrics
    viewer_access: ViewerAccess | None = None
    is_counting: bool = True
    ignored_viewers: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    is_session_strict: bool = False
    access: Access = EVERYBODY
    viewers_per_address: int = 8
    cors_origins: tuple[str, ...] = ("*",)
    frame_ancestors: tuple[str, ...] = ()
    has_prometheus: bool = False


class Json(DefaultJSONProvider):
    """JSON in the order of our fields."""

    sort_keys = False


class App(Quart):
    """Quart, with routes that see the path as it was sent."""

    json_provider_class = Json
    asgi_http_class = Connection
    request_class = Request

    async def asgi_app(
        self, scope: ASGIScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": raw_path(scope)}
        await super().asgi_app(scope, receive, send)


def create_app(services: Services) -> Quart:
    """Build the application. Raises AssertionError if a route names no scope."""
    app = App(__name__, static_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=None,  # each route has its own limit, and ``upload`` is in the way
        BODY_TIMEOUT=BODY_TIMEOUT,
        RESPONSE_TIMEOUT=RESPONSE_TIMEOUT,
        PROVIDE_AUTOMATIC_OPTIONS=False,  # WHEP answers its own; preflights come before routes
    )
    app.url_map.converters |= {"segment": Segment, "file": FilePath, "public": PublicPath}
    app.url_map.merge_slashes = False  # "//" is another path, not a redirect
    for blueprint in _blueprints(services):
        app.register_blueprint(blueprint)
    guard.check_scopes(app)
    for part in (services.live.statistics, services.live.egress):
        part.set_up(is_counting=services.is_counting, ignored=services.ignored_viewers)
    errors.register(app)
    _watch(app, services)
    return app


def _blueprints(services: Services) -> Iterator[Blueprint]:
    yield _ping()
    yield about.routes(services.about)
    yield guard.routes(services.auth)
    yield process.routes(services.restreamer, _forgetter(services.viewer_access))
    yield token.routes(services.restreamer, services.viewer_access)
    yield users.routes(services.auth, services.viewer_access, services.webrtc)
    yield metadata.routes(services.restreamer)
    ownership = whep.Ownership(services.webrtc, is_strict=services.is_session_strict)
    yield whep.routes(services.webrtc, services.viewers_per_address, ownership)
    yield whep_events.routes(services.live.whep_events, ownership)
    yield webrtc.routes(services.webrtc)
    yield poster.routes(services.webrtc)
    dashboard = Dashboard(services.metrics, services.about)
    yield prometheus.routes(
        services.restreamer, services.webrtc, dashboard, is_on=services.has_prometheus
    )
    yield events.routes(services.live.feed, services.auth)
    yield skills.routes(services.skills)
    yield config.routes(services.config_service)
    yield log.routes(services.log_buffer)
    yield openapi.routes()
    yield ui.routes(services.frame_ancestors)
    counted = services.sessions if services.is_counting else None
    yield files.routes(services.storage, Hls(counted, services.ignored_viewers))
    yield session.routes(services.sessions, services.restreamer)
    yield metrics.routes(services.metrics)
    yield absent.routes()


def _forgetter(access: ViewerAccess | None) -> process.Forget:
    async def forget(process_id: str) -> None:
        if access is not None:
            await access.revoke_process(process_id)

    return forget


def _watch(app: Quart, services: Services) -> None:
    """Check each request before its route, and finish each answer."""
    cors = Cors(services.cors_origins)
    door = Guard(
        services.auth,
        trusted_proxies=services.trusted_proxies,
        is_session_strict=services.is_session_strict,
        access=services.access,
    )

    # coroutines: Quart would run plain functions in a thread
    @app.before_request
    async def check() -> Response | None:
        check_headers()
        preflight = cors.answer_preflight()
        if preflight is None:
            door.check_request()
        return preflight

    @app.after_request
    async def finish(response: Response) -> Response:
        if request.scheme == "https":
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        audit.note(response)
        return await encoding.finish(cors.finish(response))


def _ping() -> Blueprint:
    blueprint = Blueprint("ping", __name__)

    @blueprint.get("/ping")
    @needs(Scope.PUBLIC)
    async def ping() -> Response:
        return Response("pong", content_type="text/plain; charset=utf-8")

    return blueprint
