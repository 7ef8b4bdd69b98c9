"""Nested values -> Config, or the reasons why not, by dotted key."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from daemon.config.environment import leaves
from daemon.config.model import Block, Config
from daemon.config.notes import is_secret, missing_protections
from daemon.config.rules import is_loopback, kind_of

Problems = dict[str, list[str]]

_WANTED = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "string_type": "text",
    "model_type": "a table",
    "dict_type": "a table",
}


def validate(values: Mapping[str, Any]) -> tuple[Config | None, Problems]:
    """Give the Config, or None and why."""
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        return None, _collect(error.errors())
    problems = _check_together(config)
    return (None, problems) if problems else (config, {})


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both trees in one; tables merge, all else is replaced."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        is_table = isinstance(value, Mapping) and isinstance(old, Mapping)
        result[key] = merged(old, value) if is_table and old is not None else value
    return result


def planted(flat: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    """Grow a tree from values by path."""
    tree: dict[str, Any] = {}
    for path, value in flat.items():
        node = tree
        for part in path[:-1]:
            node = node.setdefault(part, {})
        node[path[-1]] = value
    return tree


def dotted(path: Sequence[str | int]) -> str:
    """Name a key as users do."""
    return ".".join(str(part) for part in path)


def _collect(errors: list[ErrorDetails]) -> Problems:
    problems: Problems = {}
    for error in errors:
        path = tuple(str(part) for part in error["loc"])
        if path[-1:] and path[-1].isdigit() and dotted(path[:-1]) in leaves():
            path = path[:-1]  # an item of a list: the reason shows which
        problems.setdefault(dotted(path), []).append(_reason(error, path))
    return problems


def _reason(error: ErrorDetails, path: tuple[str, ...]) -> str:
    kind = error["type"]
    if kind == "refused":
        return str(error["ctx"]["why"])
    if kind == "extra_forbidden":
        return f"unknown key{_suggestion(path)}"
    wanted = _WANTED.get(kind)
    if wanted is None:
        return error["msg"][:1].lower() + error["msg"][1:]
    if is_secret(path):
        return f"must be {wanted}"  # what it is would end up in a log
    return f"must be {wanted}, not {kind_of(error['input'])}"


def _suggestion(path: tuple[str, ...]) -> str:
    """Guess what was meant: a neighbour that is spelt alike, or the same name elsewhere."""
    neighbours = _names(Config, path[:-1])
    close = get_close_matches(path[-1], neighbours, n=1, cutoff=0.6)
    if close:
        return f'; did you mean "{dotted((*path[:-1], close[0]))}"?'
    elsewhere = [key for key in leaves() if key.rpartition(".")[2] == path[-1]]
    return f'; did you mean "{elsewhere[0]}"?' if len(elsewhere) == 1 else ""


def _names(model: Any, path: tuple[str, ...]) -> list[str]:
    """List the keys of the table at ``path``."""
    for part in path:
        if not part.isdigit():
            model = model.model_fields[part].annotation
        model = _block_in(model) or model
    is_block = isinstance(model, type) and issubclass(model, Block)
    return list(model.model_fields) if is_block else []


def _block_in(kind: Any) -> type[Block] | None:
    """Find the model of the items of a list of tables."""
    return next(
        (item for item in get_args(kind) if isinstance(item, type) and issubclass(item, Block)),
        None,
    )


def _check_together(config: Config) -> Problems:
    """Check what no key can know alone."""
    return {key: [why] for key, why in _conflicts(config)}


def _servers(config: Config) -> Iterator[tuple[str, bool]]:
    """Name the switches of servers that we don't have yet."""
    yield "rtmp.enable", config.rtmp.enable
    yield "rtmp.enable_tls", config.rtmp.enable_tls
    yield "srt.enable", config.srt.enable


def _conflicts(config: Config) -> Iterator[tuple[str, str]]:
    yield from missing_protections(config).items()
    if not config.api.auth.enable and not is_loopback(config.address):
        why = "can be reached from outside, so api.auth.enable must be true"
        yield "address", f"{config.address} {why} (or listen on 127.0.0.1)"
    if not config.storage.memory.auth.enable and not is_loopback(config.address):
        why = "can be reached from outside, so storage.memory.auth.enable must be true"
        yield "storage.memory.auth.enable", f"{config.address} {why}"
    for name, is_on in _servers(config):
        if is_on:
            server = name.partition(".")[0].upper()
            yield name, f"the {server} server isn't there yet; it comes with a later version"
    yield from _tls_conflicts(config)
    if config.api.auth.enable and not config.api.auth.username:
        yield "api.auth.username", "must not be empty while api.auth.enable is true"
    if config.playout.enable and config.playout.min_port >= config.playout.max_port:
        yield "playout.min_port", "must be less than playout.max_port"


def _tls_conflicts(config: Config) -> Iterator[tuple[str, str]]:
    tls = config.tls
    if not tls.enable:
        return
    for key, name in (("tls.cert_file", tls.cert_file), ("tls.key_file", tls.key_file)):
        if not name:
            yield key, "must name a file while tls.enable is true"
        elif not Path(name).is_file():
            yield key, f"{name} is no file"
    if tls.address == config.address:
        yield "tls.address", "must not be the same as address"
    if not config.api.auth.enable and not is_loopback(tls.address):
        why = "can be reached from outside, so api.auth.enable must be true"
        yield "tls.address", f"{tls.address} {why} (or listen on 127.0.0.1)"
