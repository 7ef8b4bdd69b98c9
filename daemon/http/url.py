"""Where a client reaches us: addresses and paths as it sees them, proxies included."""

import re

from quart import g, request

_PREFIX = re.compile(r"^(/[A-Za-z0-9._~-]{1,64}){1,8}$")
_HOST = re.compile(r"^[A-Za-z0-9._~-]{1,253}(:\d{1,5})?$|^\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?$")


def external_path(path: str) -> str:
    """Put before a path of ours what the server and a trusted proxy put before it."""
    prefix = request.root_path
    forwarded = request.headers.get("X-Forwarded-Prefix", "").rstrip("/")
    if g.is_proxied and _PREFIX.match(forwarded):
        prefix = forwarded + prefix
    return prefix + path


def external_url(path: str) -> str:
    """Give the whole address of a path by the name that the client called us."""
    scheme, host = request.scheme, request.host
    if g.is_proxied:
        scheme = request.headers.get("X-Forwarded-Proto", scheme).lower()
        host = request.headers.get("X-Forwarded-Host", host)
    if scheme not in {"http", "https"} or not _HOST.match(host):
        return external_path(path)
    return f"{scheme}://{host}{external_path(path)}"
