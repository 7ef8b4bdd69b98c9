"""Exceptions -> status, headers and body: the only such table.

Bodies are datarhei's ``{code, message, details}`` plus ``reason``, a stable word; WHEP routes
answer them as problem details (RFC 9457).
"""

import json
import logging
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from quart import Quart, Response, request
from werkzeug.exceptions import HTTPException

from daemon.errors import (
    AuthError,
    ConfigError,
    ConflictError,
    DragonError,
    ForbiddenError,
    InvalidError,
    LimitError,
    NegotiationError,
    NotFoundError,
    NotReadyError,
    OverloadError,
    ProtocolError,
    StorageError,
    StorageFullError,
)
from daemon.http.guard import bearer_token, query_token

log = logging.getLogger(__name__)

STATUS: dict[type[Exception], HTTPStatus] = {
    AuthError: HTTPStatus.UNAUTHORIZED,
    ConfigError: HTTPStatus.CONFLICT,
    ConflictError: HTTPStatus.CONFLICT,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    InvalidError: HTTPStatus.BAD_REQUEST,
    LimitError: HTTPStatus.TOO_MANY_REQUESTS,
    NegotiationError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotFoundError: HTTPStatus.NOT_FOUND,
    NotReadyError: HTTPStatus.CONFLICT,
    OverloadError: HTTPStatus.SERVICE_UNAVAILABLE,
    ProtocolError: HTTPStatus.BAD_REQUEST,  # of these only SdpError reaches us
    StorageError: HTTPStatus.SERVICE_UNAVAILABLE,
    StorageFullError: HTTPStatus.INSUFFICIENT_STORAGE,
}
REASON_STATUS: dict[str, int] = {
    "stale-etag": HTTPStatus.PRECONDITION_FAILED,  # RFC 9725 section 4.3.1
    "session-limit": 509,  # as datarhei Core does it; no standard has the number
}
STORAGE_RETRY = 5  # seconds: long enough for a disk to come back, short enough to wait

# where another method is 404; files and WHEP have 405
_CORES_PATH = re.compile(r"^/api/(?!v3/fs/[^/]+/)(?!v3/process/[^/]+/whep(/|$))")
_WHEP_PATH = re.compile(r"^/api/v3/process/[^/]+/whep(/[^/]+){0,3}$")


@dataclass(frozen=True, slots=True)
class Failure:
    """What a client hears of one error."""

    status: int
    message: str
    reason: str
    details: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)


def register(app: Quart) -> None:
    """Answer every exception by this table, and an unforeseen one with a fixed 500."""
    app.register_error_handler(ConfigError, _answer_config)
    app.register_error_handler(DragonError, _answer_known)
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, _answer_unforeseen)


def describe(error: DragonError) -> Failure:
    """Look up what a client hears of an error that was raised on purpose."""
    kind = next(kind for kind in type(error).__mro__ if kind in STATUS)
    status = REASON_STATUS.get(error.reason, STATUS[kind])
    reason = error.reason or _slug(STATUS[kind].phrase)
    if status is HTTPStatus.UNAUTHORIZED:
        has_token = bearer_token() or query_token()
        challenge = 'Bearer error="invalid_token"' if has_token else "Bearer"
        details = [error.message, *error.details]
        return Failure(status, "Unauthorized", reason, details, {"WWW-Authenticate": challenge})
    return Failure(status, error.message, reason, error.details, _headers(error))


def _headers(error: DragonError) -> dict[str, str]:
    if isinstance(error, NotReadyError | LimitError):
        return {"Retry-After": str(max(1, round(error.retry_after)))}
    if isinstance(error, ForbiddenError):
        return {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
    if isinstance(error, StorageError) and not isinstance(error, StorageFullError):
        return {"Retry-After": str(STORAGE_RETRY)}
    return {}


async def _answer_known(error: DragonError) -> Response:
    return respond(describe(error))


async def _answer_config(error: ConfigError) -> Response:
    """Answer datarhei's exception to its own rule: key -> reasons, when we know the keys."""
    if not error.problems:
        return respond(describe(error))
    return _json(error.problems, STATUS[ConfigError])


async def _answer_http(error: HTTPException) -> Response:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    details = [] if error.description is None else [error.description]
    if status is HTTPStatus.METHOD_NOT_ALLOWED and _CORES_PATH.match(request.path):
        status = HTTPStatus.NOT_FOUND  # as Core and its clients have it (datarhei-core.md a.1)
    headers = {
        name: value
        for name, value in error.get_headers()
        if name in {"Allow", "Content-Range", "Retry-After", "WWW-Authenticate"}
    }
    return respond(Failure(status, status.phrase, _slug(status.phrase), details, headers))


async def _answer_unforeseen(error: Exception) -> Response:
    """Tell the client a number, and the log the rest."""
    correlation = secrets.token_hex(8)
    log.error(
        "request %s: %s failed unexpectedly", correlation, request.endpoint, exc_info=error
    )
    return respond(
        Failure(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "Internal error",
            "internal-error",
            [f"correlation id {correlation}: the daemon's log tells more"],
        )
    )


def respond(failure: Failure) -> Response:
    """Build the answer: problem details on WHEP routes, datarhei's shape on all others."""
    body: dict[str, Any] = {
        "code": int(failure.status),
        "message": failure.message,
        "details": failure.details,
        "reason": failure.reason,
    }
    if not _WHEP_PATH.match(request.path):
        return _json(body, failure.status, failure.headers)
    detail = " ".join([failure.message, *failure.details])
    problem = {
        "type": f"urn:dragonctl:problem:{failure.reason}",
        "title": failure.message,
        "status": int(failure.status),
        "detail": detail,
    }
    return _json(problem | body, failure.status, failure.headers, "application/problem+json")


def _json(
    body: Mapping[str, Any],
    status: int,
    headers: Mapping[str, str] | None = None,
    content_type: str = "application/json",
) -> Response:
    text = json.dumps(body, ensure_ascii=False) + "\n"
    return Response(text, int(status), dict(headers or {}), content_type=content_type)


def _slug(phrase: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", phrase.lower()).strip("-")
