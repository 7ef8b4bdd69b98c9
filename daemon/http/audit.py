"""Audit: a line for each change that was ordered: who, what, from where, how it went (K7)."""

import logging

from quart import Response, g, request

from daemon.http.guard import CHANGING, Caller, Scope, scope_now
from daemon.log import redact

log = logging.getLogger(__name__)


def note(response: Response) -> None:
    """Write the line, if this request was of somebody known and meant to change something."""
    scope = scope_now()
    who: Caller | None = g.get("caller")
    if who is None or not who.is_known or scope not in CHANGING:
        return
    if request.method in {"GET", "HEAD"} and scope is not Scope.CONFIG_WRITE:
        return  # but a reload is a GET
    log.info(
        "audit: %s %s by %s from %s: %d",
        request.method,
        redact(request.path),
        who.subject or "anybody",
        who.address or "this machine",
        response.status_code,
    )
