"""File and environment -> Loaded; a mistake is told with file, line, key and reason."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from daemon.config import toml
from daemon.config.environment import CONFIG_FILE, Environment, read
from daemon.config.model import Config
from daemon.config.notes import in_clear, without_effect
from daemon.config.validate import Problems, merged, planted, validate
from daemon.errors import ConfigError

MAX_FILE = 1024 * 1024  # bytes; the example with all its comments has a hundredth
FILE_NAME = "config.toml"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What holds, where it came from, and what the operator should hear.

    ``path`` need not exist: then the defaults hold, and the first change creates it.
    ``is_named``: somebody said which file, so it must exist.
    ``overrides`` are the keys that the environment decides, under datarhei's names.
    """

    config: Config
    path: Path
    overrides: tuple[str, ...]
    text: str
    warnings: tuple[str, ...] = ()
    is_named: bool = False


def load(path: Path | None, environ: Mapping[str, str]) -> Loaded:
    """Read the file that was named, else CORE_CONFIGFILE, else config.toml in ``db.dir``.

    Blocks. A file that was named must exist. Raises ConfigError.
    """
    named = path or _named(environ)
    place = named or default_path(environ)
    found = parse(read_text(place, must_exist=named is not None), place, environ)
    return replace(found, is_named=named is not None)


def default_path(environ: Mapping[str, str]) -> Path:
    """Where the file is when nobody says."""
    return Path(environ.get("CORE_DB_DIR") or Config().db.dir) / FILE_NAME


def read_text(path: Path, *, must_exist: bool = False) -> str:
    """Read the file's text, "" if it isn't there. Blocks. Raises ConfigError."""
    try:
        data = _read_bytes(path)
    except FileNotFoundError:
        if not must_exist:
            return ""
        raise ConfigError(
            f"{path}: no such file; `dragonctl config init` writes a new one"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    try:
        return toml.decode(data)
    except toml.TomlError as fault:
        raise _located(path, fault) from None


def parse(text: str, path: Path, environ: Mapping[str, str]) -> Loaded:
    """Text and environment, validated together. Raises ConfigError."""
    try:
        values = toml.parse(text)
    except toml.TomlError as fault:
        raise _located(path, fault) from None
    environment = read(environ)
    tree = merged(values, planted(_by_path(environment)))
    config, problems = validate(tree)
    problems |= {key: [why] for key, why in environment.problems.items()}
    if config is None or problems:
        raise explain(problems, text, path, environment)
    warnings = (*environment.warnings, *without_effect(config), *in_clear(config))
    return Loaded(config, path, environment.overrides, text, warnings)


def explain(problems: Problems, text: str, path: Path, environment: Environment) -> ConfigError:
    """One error that names the place of every problem."""
    places = toml.lines(text)
    told = [
        f"{_place(key, places, path, environment)}: {key}: {why}"
        for key, reasons in problems.items()
        for why in reasons
    ]
    if len(told) == 1:
        error = ConfigError(told[0])
    else:
        error = ConfigError(f"{path}: {len(told)} problems", details=told)
    error.problems = problems
    return error


def _place(
    key: str, places: Mapping[toml.Path, int], path: Path, environment: Environment
) -> str:
    """Who said it: a variable, or a line of the file, if need be that of the table above."""
    if key in environment.variables:
        return f"environment variable {environment.variables[key]}"
    parts = tuple(key.split("."))
    for end in range(len(parts), 0, -1):
        if parts[:end] in places:
            return f"{path}:{places[parts[:end]]}"
    return str(path)


def _by_path(environment: Environment) -> dict[tuple[str, ...], Any]:
    return {tuple(key.split(".")): value for key, value in environment.values.items()}


def _named(environ: Mapping[str, str]) -> Path | None:
    name = environ.get(CONFIG_FILE)
    return Path(name) if name else None


def _located(path: Path, fault: toml.TomlError) -> ConfigError:
    place = f":{fault.line}" if fault.line else ""
    place += f":{fault.column}" if fault.column else ""
    return ConfigError(f"{path}{place}: {fault.why}")


def _read_bytes(path: Path) -> bytes:
    """Read a regular file of bounded size; a FIFO or device would hang us."""
    with open(path, "rb", opener=_open) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ConfigError(f"{path}: not a regular file")
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise ConfigError(f"{path}: larger than {MAX_FILE} bytes, which no configuration is")
    return data


def _open(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NONBLOCK)
