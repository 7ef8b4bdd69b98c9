"""What a JSON body changes: datarhei's merge, masked secrets, keys that only a file may set."""

from collections.abc import Iterator, Mapping
from typing import Any

from daemon.config.model import Block, Config
from daemon.config.notes import FILE_ONLY, MASK, is_secret
from daemon.config.toml import Path
from daemon.config.validate import Problems, dotted, merged, planted, validate
from daemon.errors import ConfigError

_NOT_SET_BY_CLIENTS = frozenset({"version", "created_at"})


def find_changes(
    body: Mapping[str, Any], shown: Mapping[str, Any], active: Config
) -> dict[Path, Any]:
    """Find the values that differ from what the client was ``shown``, by path.

    ``null`` and absent mean unchanged, so does the mask of a secret; unknown keys are ignored.
    Raises ConfigError with ``problems``.
    """
    problems: Problems = {}
    tree = active.model_dump(mode="json")
    changes: dict[Path, Any] = {}
    for path, value in _leaves(Config, body, (), problems):
        sent = _unmasked(value, _at(tree, path), path)
        if _is_same(sent, _at(tree, path)) or _is_same(sent, _at(shown, path)):
            continue
        if dotted(path) in FILE_ONLY:
            why = "can't be changed through the API; edit the file and restart"
            problems[dotted(path)] = [why]
        changes[path] = sent
    if not problems:
        _, problems = validate(merged(tree, planted(changes)))
    if problems:
        raise ConfigError("The configuration can't be used.", problems=problems)
    return changes


def _leaves(
    model: type[Block], body: Mapping[str, Any], above: Path, problems: Problems
) -> Iterator[tuple[Path, Any]]:
    """Every key that the body gives and we know."""
    for name, info in model.model_fields.items():
        path = (*above, name)
        value = body.get(name)
        if value is None or dotted(path) in _NOT_SET_BY_CLIENTS:
            continue
        kind = info.annotation
        if not (isinstance(kind, type) and issubclass(kind, Block)):
            # no key has fractions, and datarhei's Python client writes 0 as 0.0
            is_whole = type(value) is float and value.is_integer()
            yield path, int(value) if is_whole else value
        elif isinstance(value, Mapping):
            yield from _leaves(kind, value, path, problems)
        else:
            problems[dotted(path)] = ["must be an object"]


def _unmasked(sent: Any, stored: Any, path: Path) -> Any:
    """Put the stored secret wherever the client sent the mask back."""
    if sent == MASK and is_secret(path):
        return stored
    if isinstance(sent, dict) and isinstance(stored, dict):
        return {
            key: _unmasked(value, stored.get(key), (*path, key)) for key, value in sent.items()
        }
    if isinstance(sent, list) and isinstance(stored, list):
        padded = stored + [None] * (len(sent) - len(stored))
        return [_unmasked(item, old, path) for item, old in zip(sent, padded, strict=False)]
    return sent


def _is_same(sent: Any, known: Any) -> bool:
    """Equal, and not only as 1 equals True."""
    return type(sent) is type(known) and bool(sent == known)


def _at(tree: Mapping[str, Any], path: Path) -> Any:
    node: Any = tree
    for part in path:
        node = node[part]
    return node
