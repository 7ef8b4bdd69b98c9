"""CORE_* variables over the file, named as datarhei Core names them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from typing import Any, get_args, get_origin

from daemon.config.model import Block, Config
from daemon.config.rules import shorten

PREFIX = "CORE_"
CONFIG_FILE = "CORE_CONFIGFILE"  # read by load(), not a key
ELSEWHERE = frozenset({CONFIG_FILE})

# Where datarhei's variable isn't the key in upper case.
VARIABLES = {
    "ffmpeg.max_processes": "CORE_FFMPEG_MAXPROCESSES",
    "metrics.range_sec": "CORE_METRICS_RANGE_SECONDS",
    "metrics.interval_sec": "CORE_METRICS_INTERVAL_SECONDS",
}
OLDER = {"RS_USERNAME": "api.auth.username", "RS_PASSWORD": "api.auth.password"}

# Where the name in ``overrides`` isn't the key.
OVERRIDES = {
    "metrics.range_sec": "metrics.range_seconds",
    "metrics.interval_sec": "metrics.interval_seconds",
    "storage.disk.cache.types.allow": "storage.disk.cache.type.allow",
    "storage.disk.cache.types.block": "storage.disk.cache.type.block",
}

_YES = frozenset({"1", "t", "true", "yes", "on"})
_NO = frozenset({"0", "f", "false", "no", "off"})
_NO_VARIABLE = frozenset({"version", "created_at"})


@dataclass(slots=True)
class Environment:
    """What the variables say: values by key, who said it, and what can't be."""

    values: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def overrides(self) -> tuple[str, ...]:
        return tuple(OVERRIDES.get(key, key) for key in sorted(self.values))


@cache
def leaves(model: type[Block] = Config, prefix: str = "") -> Mapping[str, Any]:
    """List the type of every key that isn't a table, by its dotted name."""
    return dict(_leaves(model, prefix))


def _leaves(model: type[Block], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, info in model.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, Block):
            yield from _leaves(kind, f"{prefix}{name}.")
        else:
            yield prefix + name, kind


@cache
def known() -> Mapping[str, str]:
    """Key by variable. Keys that hold tables or lists of tables have none."""
    named = {
        VARIABLES.get(key, PREFIX + key.upper().replace(".", "_")): key
        for key, kind in leaves().items()
        if key not in _NO_VARIABLE and (kind in {bool, int, str} or _is_texts(kind))
    }
    return {**OLDER, **named}


def read(environ: Mapping[str, str]) -> Environment:
    """Pick our variables; an empty one counts as not set."""
    found = Environment()
    for variable, key in known().items():
        text = environ.get(variable, "")
        if not text:
            continue
        found.variables[key] = variable
        try:
            found.values[key] = _parse(text, key)
        except ValueError as error:
            found.problems[key] = str(error)
    found.warnings = [
        f"{variable} is not a variable that we know{_suggestion(variable)}"
        for variable in sorted(environ)
        if variable.startswith(PREFIX) and variable not in known().keys() | ELSEWHERE
    ]
    return found


def _parse(text: str, key: str) -> Any:
    kind = leaves()[key]
    if kind is bool:
        return _flag(text)
    if kind is int:
        return _number(text)
    if kind is str:
        return text
    separator = None if key.startswith("ffmpeg.access.") else ","
    return [item for part in text.split(separator) if (item := part.strip())]


def _flag(text: str) -> bool:
    word = text.strip().lower()
    if word not in _YES | _NO:
        raise ValueError(f"must be true or false, not {shorten(text)}")
    return word in _YES


def _number(text: str) -> int:
    digits = text.strip().removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
        raise ValueError(f"must be a whole number, not {shorten(text)}")
    return int(text)


def _is_texts(kind: Any) -> bool:
    if get_origin(kind) is not tuple:
        return False
    item = get_args(kind)[0]
    return (get_args(item) or (item,))[0] is str


def _suggestion(variable: str) -> str:
    close = get_close_matches(variable, known(), n=1, cutoff=0.8)
    return f"; did you mean {close[0]}?" if close else ""
