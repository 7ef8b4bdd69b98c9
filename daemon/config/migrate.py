"""Bodies of datarhei's older configurations, as version 3 says it (datarhei-core.md d.1)."""

from collections.abc import Mapping
from typing import Any

from daemon.config.model import VERSION
from daemon.config.rules import split_address
from daemon.errors import InvalidError

OLDEST = 1
_RTMP_BY_TLS = 2  # since this version RTMP by TLS has an address of its own
_CACHE_TYPES = 3  # since this version there are two lists of types


def to_current(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give a body of version 1, 2 or 3, or of none, as one of version 3.

    Raises InvalidError for another version.
    """
    version = body.get("version")
    if version is None:
        return body
    if type(version) is not int or not OLDEST <= version <= VERSION:
        why = f"version must be {OLDEST} to {VERSION}"
        raise InvalidError("Invalid config version", details=[why])
    current = dict(body)
    if version < _RTMP_BY_TLS and isinstance(body.get("rtmp"), Mapping):
        current["rtmp"] = _rtmp(body["rtmp"])
    if version < _CACHE_TYPES:
        current |= _with_cache_types(body)
    return current


def _rtmp(block: Mapping[str, Any]) -> dict[str, Any]:
    rtmp = dict(block)
    app, address = rtmp.get("app"), rtmp.get("address")
    if isinstance(app, str) and not app.startswith("/"):
        rtmp["app"] = f"/{app}"
    if rtmp.get("enable_tls") is True:
        rtmp["enable"] = True
        if isinstance(address, str):
            rtmp |= {"address_tls": address, "address": _port_below(address)}
    return rtmp


def _port_below(address: str) -> str:
    """Give the address beside one that TLS had; a bad one is for the validation."""
    try:
        _, port = split_address(address)
    except ValueError:
        return address
    return f"{address.rpartition(':')[0]}:{port - 1}" if port > 1 else address


def _with_cache_types(body: Mapping[str, Any]) -> dict[str, Any]:
    node: Any = body
    for name in ("storage", "disk", "cache", "types"):
        node = node.get(name) if isinstance(node, Mapping) else None
    if not isinstance(node, list):
        return {}
    storage = body["storage"]
    disk = storage["disk"]
    cache = disk["cache"] | {"types": {"allow": node}}
    return {"storage": storage | {"disk": disk | {"cache": cache}}}
