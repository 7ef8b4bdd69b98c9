"""Door: what the HTTP server lets through to the application, and the access log.

Hypercorn takes HTTP/2 on every cleartext port, and h11 takes a length given twice; neither can
be switched off there (RFC 9110 section 15.5.20, RFC 9112 section 6.1).
"""

import logging
import time
from http import HTTPStatus

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    ASGISendEvent,
    HTTPScope,
    Scope,
)

from daemon.log import redact

log = logging.getLogger(__name__)


class Door:
    """An ASGI application around another."""

    def __init__(self, app: ASGIFramework) -> None:
        self._app = app

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000, "reason": ""})
        elif scope["type"] == "http":
            await self._pass(scope, receive, send)

    async def _pass(
        self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        begin = time.monotonic()
        status = 0
        is_body_read = _has_no_body(scope)

        async def note() -> ASGIReceiveEvent:
            nonlocal is_body_read
            event = await receive()
            if event["type"] == "http.request" and not event["more_body"]:
                is_body_read = True
            return event

        async def watch(event: ASGISendEvent) -> None:
            nonlocal status
            if event["type"] == "http.response.start":
                status = event["status"]
                if not is_body_read:
                    # the rest of the body is in the way of a next request: say that we hang up
                    event["headers"] = [*event["headers"], (b"connection", b"close")]
            await send(event)

        refusal = refuse(scope)
        try:
            if refusal is None:
                await self._app(scope, note, watch)
            else:
                await _answer(refusal, watch)
        finally:
            _log_access(scope, status, time.monotonic() - begin)


def _has_no_body(scope: HTTPScope) -> bool:
    lengths = {name.lower(): value for name, value in scope["headers"]}
    is_empty = lengths.get(b"content-length", b"0") == b"0"
    return is_empty and b"transfer-encoding" not in lengths


def refuse(scope: HTTPScope) -> HTTPStatus | None:
    """Tell why a request must not reach the application; None: it may."""
    if not scope["http_version"].startswith("1"):
        return HTTPStatus.MISDIRECTED_REQUEST
    names = {name.lower() for name, _ in scope["headers"]}
    if {b"content-length", b"transfer-encoding"} <= names:
        return HTTPStatus.BAD_REQUEST  # two lengths: somebody between us may believe the other
    return None


async def _answer(status: HTTPStatus, send: ASGISendCallable) -> None:
    headers = [(b"content-length", b"0"), (b"connection", b"close")]
    if status is HTTPStatus.MISDIRECTED_REQUEST:
        headers = headers[:1]  # HTTP/2 has no such header (RFC 9113 section 8.2.2)
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _log_access(scope: HTTPScope, status: int, seconds: float) -> None:
    if not log.isEnabledFor(logging.DEBUG):
        return
    target = scope["raw_path"].decode("latin-1")
    if scope["query_string"]:
        target += "?" + scope["query_string"].decode("latin-1")
    client = scope["client"][0] if scope["client"] else "-"
    log.debug(
        "%s %s %s %d in %.0f ms", client, scope["method"], redact(target), status, seconds * 1e3
    )
