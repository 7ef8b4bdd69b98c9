"""What is special about some keys: secrets, those only a file may set, those without effect."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from daemon.config.model import Config
from daemon.config.rules import is_loopback

MASK = "***"

SECRETS = frozenset(
    {
        "api.auth.password",
        "api.auth.jwt.secret",
        "storage.memory.auth.password",
        "storage.s3.auth.password",
        "storage.s3.access_key_id",
        "storage.s3.secret_access_key",
        "rtmp.token",
        "srt.passphrase",
        "srt.token",
        "service.token",
    }
)

# Whoever holds a token must not choose the program that we run or where we write (K3).
FILE_ONLY = frozenset(
    {"ffmpeg.binary", "ffmpeg.policy", "ffmpeg.access.input.dirs", "db.dir", "storage.disk.dir"}
)

# Accepted and kept, because datarhei's clients send them, but without effect here.
NOT_ACTED_ON: Mapping[str, str] = MappingProxyType(
    {
        "update_check": "nothing is ever asked of the internet",
        "tls.email": "certificates are made elsewhere",
        "host": "no public names are needed",
        "api.auth.disable_localhost": "loopback callers log in like all others",
        "api.auth.auth0": "only local accounts",
        "storage.disk.cache": "the system's own cache is as good",
        "storage.s3": "no S3",
        "rtmp": "the RTMP server comes later",
        "srt": "the SRT server comes later",
        "playout": "needs a patched FFmpeg",
        "debug": "no profiling over HTTP",
        "sessions.persist": "counters begin anew with the daemon",
        "sessions.persist_interval_sec": "counters begin anew with the daemon",
        "service": "no cloud service",
        "router": "no static routes",
    }
)

# Protection that was asked for and isn't there: better no start than a false belief.
_PROTECTIONS = (
    ("tls.auto", "certificates aren't fetched here; give tls.cert_file and tls.key_file"),
)


def value_at(tree: Mapping[str, Any], dotted: str) -> Any:
    """Look up a dotted key in nested tables."""
    value: Any = tree
    for part in dotted.split("."):
        value = value[part]
    return value


def missing_protections(config: Config) -> dict[str, str]:
    """Keys that ask for a protection that we don't have, and what to do."""
    tree, default = config.model_dump(), Config().model_dump()
    return {
        key: why for key, why in _PROTECTIONS if value_at(tree, key) != value_at(default, key)
    }


def without_effect(config: Config) -> list[str]:
    """Say of each key that was set, but does nothing here, why."""
    tree, default = config.model_dump(), Config().model_dump()
    return [
        f"{key} is set, but has no effect: {why}"
        for key, why in NOT_ACTED_ON.items()
        if value_at(tree, key) != value_at(default, key)
    ]


def in_clear(config: Config) -> list[str]:
    """Say that secrets travel in clear text, if they do as far as we can know (H8).

    Behind ``api.trusted_proxies`` it is for the proxy to have TLS.
    """
    if is_loopback(config.address) or config.api.trusted_proxies:
        return []
    beside = "listen on 127.0.0.1 there" if config.tls.enable else "set tls"
    what = f"address {config.address} can be reached from outside without TLS"
    why = "passwords and tokens can be read on the way"
    return [f"{what}: {why}; {beside}, or name the proxy with TLS in api.trusted_proxies"]


def masked(config: Config) -> dict[str, Any]:
    """Give the configuration as JSON, with "***" for every secret that is set (K3)."""
    tree = config.model_dump(mode="json")
    for dotted in SECRETS:
        _mask(tree, dotted.split("."))
    return tree


def is_secret(path: tuple[str, ...]) -> bool:
    """Whether the value at this place is a secret; a place in a list is its number."""
    return ".".join(part for part in path if not part.isdigit()) in SECRETS


def _mask(node: Any, path: list[str]) -> None:
    if isinstance(node, list):
        for item in node:
            _mask(item, path)
    elif len(path) > 1:
        _mask(node[path[0]], path[1:])
    elif node[path[0]]:
        node[path[0]] = MASK
