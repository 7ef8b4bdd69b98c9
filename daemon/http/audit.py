"""Audit: a line for each change that was ordered: who, what, from where, how it went (K7)."""

import logging

from quart import Response, g, request

from daemon.http.guard import CHANGING, Caller, Scope, scope_now
from daemon.log import redact

log = logging.getLogger(__name__)


def about(name: str) -> None:
    """Say what this request is about, where its path doesn't."""
    g.audit_name = name


def note(response: Response) -> None:
    """Write the line, if this request was of somebody known and meant to change something."""
    scope = scope_now()
    who: Caller | None = g.get("caller")
    if who is None or not who.is_known or scope not in CHANGING:
        return
    if request.method in {"GET", "HEAD"} and scope is not Scope.CONFIG_WRITE:
        return  # but a reload is a GET
    name = g.get("audit_name", "")
    log.info(
        "audit: %s %s%s by %s from %s: %d",
        request.method,
        redact(request.path),
        f" ({redact(name)})" if name else "",
        who.subject or "anybody",
        who.address or "this machine",
        response.status_code,
    )
