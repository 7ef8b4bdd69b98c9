"""config: check or make a file here, or show what a server runs with."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

import dragonctl
from dragonctl import record, render
from dragonctl.commands.option import Json, connect
from dragonctl.errors import ClientError, ExitCode

EXAMPLE = "config.example.toml"
FILE_NAME = "config.toml"
VERSION = 3
MAX_VALUE = 64 * 1024  # characters

app = typer.Typer(
    help="The server's configuration.", no_args_is_help=True, rich_markup_mode=None
)


@app.command()
def check(
    file: Annotated[
        Path | None,
        typer.Argument(help="Else CORE_CONFIGFILE, else config.toml in db.dir."),
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Check a TOML file as the start would.

    Environment variables CORE_* count, too.
    """
    from daemon import config as settings
    from daemon import errors

    try:
        loaded = settings.load(file, os.environ)
    except errors.ConfigError as error:
        problems = error.details or [error.message]
        if json:
            found = {"good": False, "message": error.message, "problems": problems}
            typer.echo(render.to_json(found))
        for line in dict.fromkeys([error.message, *(error.details if not json else [])]):
            render.note(line)
        raise typer.Exit(ExitCode.BAD) from None
    body = {
        "good": True,
        "path": str(loaded.path),
        "overrides": list(loaded.overrides),
        "warnings": list(loaded.warnings),
    }
    words = f"{loaded.path}: good" if loaded.path.exists() else "no file: the defaults hold"
    render.done(words, body, is_json=json)
    if json:
        return
    if loaded.overrides:
        typer.echo(f"from the environment: {', '.join(loaded.overrides)}")
    for warning in loaded.warnings:
        render.note(warning)


@app.command()
def show(*, json: Json = False) -> None:
    """Show what the server runs with, secrets masked."""
    with connect() as client:
        found = client.get("/api/v3/config")
    if json:
        typer.echo(render.to_json(found))
        return
    overrides = {str(name) for name in record.items(found, "overrides")}
    for line in as_toml(record.value(found, "config") or {}, overrides):
        typer.echo(render.clean(line))
    updated, loaded = record.text(found, "updated_at"), record.text(found, "loaded_at")
    if updated > loaded:  # RFC 3339 in UTC sorts as time does
        render.note("changed since it was loaded: a reload will make it run")


@app.command("get")
def get_key(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Such as webrtc.public_ip.")],
    *,
    json: Json = False,
) -> None:
    """Write one value of the server's configuration, or a whole table."""
    with connect() as client:
        value = _known(record.value(client.get("/api/v3/config"), "config"), key)
    if json:
        typer.echo(render.to_json(value))
    elif isinstance(value, dict):
        for line in as_toml(value, set()):
            typer.echo(render.clean(line))
    else:
        typer.echo(render.clean(value if isinstance(value, str) else _literal(value)))


@app.command("set")
def set_key(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Such as webrtc.public_ip.")],
    value: Annotated[
        str, typer.Argument(help="As in TOML; text needs no quotes. -: read it from stdin.")
    ],
    *,
    reload: Annotated[bool, typer.Option("--reload", help="Make it run at once, too.")] = False,
    json: Json = False,
) -> None:
    """Store one value in the server's file; a reload takes it."""
    with connect() as client:
        known = _known(record.value(client.get("/api/v3/config"), "config"), key)
        if isinstance(known, dict):
            raise ClientError(f"{key} is a table: name one of its keys", ExitCode.USAGE)
        if value == "-":  # a secret shall not be in the command line
            value = sys.stdin.readline(MAX_VALUE).rstrip("\r\n")
        body: dict[str, Any] = {"version": VERSION}
        *above, name = key.split(".")
        node = body
        for part in above:
            node = node.setdefault(part, {})
        node[name] = _parsed(value, known)
        client.put("/api/v3/config", body)
        if reload:
            client.get("/api/v3/config/reload")
    words = f"{key}: stored" if not reload else f"{key}: stored, and running"
    render.done(words, {"key": key, "reloaded": reload}, is_json=json)
    if not reload:
        render.note("`dragonctl config reload` makes it run")


@app.command("reload")
def reload_config(*, json: Json = False) -> None:
    """Make the server run with what its file says now."""
    with connect() as client:
        client.get("/api/v3/config/reload")
    render.done("reloaded", {"reloaded": True}, is_json=json)


def _known(config: Any, key: str) -> Any:
    """Look a key up. Raises ClientError for none."""
    value = record.value(config, *key.split("."))
    if value is None:
        text = f"there is no key {key}: `dragonctl config show` lists them"
        raise ClientError(text, ExitCode.USAGE)
    return value


def _parsed(words: str, known: Any) -> Any:
    """Read a value as TOML writes it; text may go without its quotes."""
    import tomllib

    try:
        parsed = tomllib.loads(f"value = {words}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = None
    if isinstance(known, str) and not isinstance(parsed, str):
        return words
    if parsed is None:
        text = f"{words} is no value: write it as in TOML, such as true, 8 or ['a', 'b']"
        raise ClientError(text, ExitCode.USAGE)
    return parsed


@app.command()
def init(
    file: Annotated[Path, typer.Argument(help="Where to write it.")] = Path(FILE_NAME),
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Write over a file that is there.")
    ] = False,
    json: Json = False,
) -> None:
    """Write a file with every key, its default and what it means."""
    text = example()
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (os.O_TRUNC if force else os.O_EXCL)
    try:
        with os.fdopen(os.open(file, flags, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise ClientError(f"{file} exists already: name another, or say --force") from None
    except OSError as error:
        raise ClientError(f"{file} can't be written: {error.strerror}") from None
    words = f"{file} written; `dragonctl serve --config {file}` uses it"
    render.done(words, {"path": str(file)}, is_json=json)


def example() -> str:
    """Give the example that comes with the package, or lies in the checkout."""
    package = Path(dragonctl.__file__).parent
    for path in (package / EXAMPLE, package.parent / EXAMPLE):
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise ClientError(f"{EXAMPLE} is missing from this installation: install dragonctl anew")


def as_toml(config: dict[str, Any], overrides: set[str], prefix: str = "") -> Iterator[str]:
    """Write a configuration as TOML; tables after plain keys, as TOML wants it."""
    tables = {name: value for name, value in config.items() if isinstance(value, dict)}
    plain = {name: value for name, value in config.items() if name not in tables}
    if prefix and (plain or not config):
        yield ""
        yield f"[{prefix}]"
    for name, value in plain.items():
        dotted = f"{prefix}.{name}" if prefix else name
        source = "  # from the environment" if dotted in overrides else ""
        yield f"{name} = {_literal(value)}{source}"
    for name, value in tables.items():
        yield from as_toml(value, overrides, f"{prefix}.{name}" if prefix else name)


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{name} = {_literal(item)}" for name, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        return f"[{', '.join(_literal(item) for item in value)}]"
    return render.to_json(value, is_compact=True)
