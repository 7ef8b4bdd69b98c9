"""A datarhei Core's configuration, version 1 to 3: what differs from the server's, by key."""

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
    """Find what differs, by dotted key, as version 3 has it. Raises ClientError for others."""
    return {
        key: value
        for key, value in _leaves(_current(tree), ())
        if key not in _OWN and value is not None and value != _at(shown, key)
    }


def _current(tree: Any) -> Mapping[str, Any]:
    from daemon.config.migrate import to_current
    from daemon.errors import InvalidError

    if isinstance(tree, dict) and tree.get("version") is not None:
        try:
            return to_current(tree)
        except InvalidError:
            pass
    raise ClientError(
        f"this is no configuration of datarhei Core, version 1 to {VERSION}", ExitCode.BAD
    )


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
