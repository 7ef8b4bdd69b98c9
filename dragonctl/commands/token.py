"""token: addresses that let somebody watch one process without a login."""

import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dragonctl import record, render, unit
from dragonctl.commands.option import Json, complete_process_id, connect

if TYPE_CHECKING:
    from rich.console import RenderableType

SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
COLUMNS = ("token", "by", ">valid for", ">viewers", ">each")

app = typer.Typer(
    help="Addresses that let somebody watch without a login.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def seconds(words: str) -> int:
    """Read a time such as 90s, 15m, 1h or 7d; a plain number is seconds."""
    match = re.fullmatch(r"(\d{1,9})([smhd]?)", words.strip().lower(), re.ASCII)
    if match is None:
        raise typer.BadParameter("a time is a number with s, m, h or d, such as 90s, 1h or 7d")
    return int(match[1]) * SECONDS[match[2]]


Process = Annotated[
    str,
    typer.Option(
        metavar="PROCESS", help="The process's id.", autocompletion=complete_process_id
    ),
]
Time = Annotated[
    int, typer.Option(parser=seconds, metavar="TIME", help="How long it lets people in.")
]
ViewTime = Annotated[
    int,
    typer.Option(
        parser=seconds, metavar="TIME", help="How long each may watch; else as configured."
    ),
]
Viewers = Annotated[
    int, typer.Option(min=0, help="How many may watch at once; 0: as many as the process.")
]


@app.command()
def create(
    *,
    process: Process,
    ttl: Time = "1h",  # type: ignore[assignment] # typer gives it to the parser
    viewers: Viewers = 0,
    view_time: ViewTime = "0",  # type: ignore[assignment]
    json: Json = False,
) -> None:
    """Make an address that anybody can watch a process by.

    Whoever has the address can watch, until the time is over or the token is revoked.
    """
    from dragonctl.client import process_path

    wanted = {"ttl_seconds": ttl, "max_viewers": viewers, "max_view_seconds": view_time}
    with connect() as client:
        found = client.post(process_path(process, "token"), wanted)
    if not json:
        typer.echo(render.clean(record.text(found, "url")))  # in one piece, to be copied
    render.emit(found, lambda: _created(found), is_json=json)


@app.command("list")
def list_tokens(*, process: Process, json: Json = False) -> None:
    """List the tokens of a process that still count."""
    from dragonctl.client import process_path

    with connect() as client:
        found = client.get(process_path(process, "token"))
    render.emit(found, lambda: _listed(found), is_json=json)


@app.command()
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="TOKEN", help="Its id, from the list.")],
    *,
    process: Process,
    json: Json = False,
) -> None:
    """Revoke a token; who watches by it is cut off within ten seconds."""
    from dragonctl.client import process_path

    with connect() as client:
        client.delete(process_path(process, "token", token_id))
    render.done(f"{token_id}: revoked", {"id": token_id, "revoked": True}, is_json=json)


def _created(found: Any) -> "Iterator[RenderableType]":
    yield render.facts(
        [
            ("valid for", _left(found)),
            ("viewers", _limit(record.number(found, "max_viewers"))),
            ("token id", record.text(found, "id")),
        ]
    )


def _listed(found: Any) -> "Iterator[RenderableType]":
    tokens = found if isinstance(found, list) else []
    if not tokens:
        yield "no token counts"
        return
    rows = [
        (
            record.text(token, "id"),
            record.text(token, "created_by"),
            _left(token),
            _limit(record.number(token, "max_viewers")),
            unit.duration(record.number(token, "max_view_seconds") or None),
        )
        for token in tokens
    ]
    yield render.table(COLUMNS, rows)


def _left(token: Any) -> str:
    end = record.number(token, "expires_at")
    return unit.NOTHING if end is None else unit.duration(max(0.0, end - time.time()))


def _limit(count: float | None) -> str:
    return f"{count:.0f}" if count else "any number"
