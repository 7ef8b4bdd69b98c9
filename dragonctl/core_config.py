"""A datarhei Core's configuration, version 3: what differs from the server's, key by key."""

from collections.abc import Iterator, Mapping
from typing import Any

from dragonctl import record
from dragonctl.errors import ClientError, ExitCode
from dragonctl.mask import MASK, is_secret_option

VERSION = 3
# the server takes these from its own file only; the rest is each installation's own
FILE_ONLY = frozenset({"ffmpeg.binary", "db.dir", "storage.disk.dir", "storage.mimetypes_file"})
_OWN = frozenset({"version", "created_at", "id"})


def changes(tree: Any, shown: Any) -> dict[str, Any]:
    """Find what differs, by dotted key. Raises ClientError for another version."""
    version = record.value(tree, "version")
    if version != VERSION or not isinstance(tree, dict):
        text = f"this is no configuration of datarhei Core, version {VERSION}"
        advice = "start a Core 16 with it once, which brings it up to date"
        raise ClientError(f"{text}: {advice}", ExitCode.BAD)
    return {
        key: value
        for key, value in _leaves(tree, ())
        if key not in _OWN and value is not None and value != _at(shown, key)
    }


def body(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Grow the body of a PUT from dotted keys."""
    tree: dict[str, Any] = {"version": VERSION}
    for key, value in wanted.items():
        *above, name = key.split(".")
        node = tree
        for part in above:
            node = node.setdefault(part, {})
        node[name] = value
    return tree


def words(key: str, value: Any) -> str:
    """Write a value for a screen."""
    return MASK if is_secret_option(key.rpartition(".")[2]) and value else repr(value)


def _leaves(tree: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        path = (*above, name)
        if isinstance(value, dict) and ".".join(path) != "router.routes":
            yield from _leaves(value, path)
        else:
            yield ".".join(path), value


def _at(tree: Any, key: str) -> Any:
    return record.value(tree, *key.split("."))
