"""process: list, look at and command processes; the app that ``process_edit`` adds to."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dragonctl import mask, record, render
from dragonctl.commands import metadata as notes
from dragonctl.commands import process_edit
from dragonctl.commands.live import drawn_plan
from dragonctl.commands.option import Json, ProcessId, connect
from dragonctl.commands.process_view import (
    drawn_probe,
    drawn_process,
    drawn_state,
    last_words,
    list_row,
)
from dragonctl.errors import ClientError
from dragonctl.follow import fresh_lines, pauses, until_interrupted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from dragonctl.client import Client

PROBE_TIMEOUT = 60.0  # seconds; the server gives up after 20 or so
COLUMNS = (
    "*process", "*reference", "order", "state", ">since", ">fps", ">bitrate", ">speed",
    "webrtc",
)  # fmt: skip

app = typer.Typer(
    help="Processes: FFmpeg children that the server supervises.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def path(process_id: str, *rest: str) -> str:
    """Give the API's path of a process."""
    from dragonctl.client import process_path

    return process_path(process_id, *rest)


@app.command("list")
def list_(
    *,
    reference: Annotated[str, typer.Option(help="Only those of this group.")] = "",
    json: Json = False,
) -> None:
    """List all processes with what they are doing."""
    params = {"filter": "config,state"} | ({"reference": reference} if reference else {})
    with connect() as client:
        found = client.get("/api/v3/process", params=params) or []

    def draw() -> "Iterator[RenderableType]":
        if found:
            yield render.table(COLUMNS, [list_row(process) for process in found])
            for words in filter(None, map(last_words, found)):
                yield render.cell(words, "red")
        else:
            yield "no processes yet: `dragonctl process create ID --input URL` makes one"

    render.emit(found, draw, is_json=json)


@app.command()
def show(process_id: ProcessId, *, json: Json = False) -> None:
    """Show what one process should do, and what it does."""
    with connect() as client:
        found = client.get(path(process_id))
        has_plan = not json and record.flag(found, "config", "webrtc", "enabled")
        plan = _plan(client, process_id) if has_plan else None

    def draw() -> "Iterator[RenderableType]":
        yield from drawn_process(found)
        yield from drawn_plan(plan)

    render.emit(found, draw, is_json=json)


def _plan(client: "Client", process_id: str) -> Any:
    """Ask what WebRTC makes of the input; None while there is no source, or for no eyes."""
    try:
        return client.get(path(process_id, "whep"))
    except ClientError as error:
        if error.status is None:
            raise
        return None


@app.command()
def state(process_id: ProcessId, *, json: Json = False) -> None:
    """Show state, progress and cost of FFmpeg."""
    with connect() as client:
        found = client.get(path(process_id, "state"))
    render.emit(found, lambda: drawn_state(found), is_json=json)


@app.command()
def config(process_id: ProcessId, *, json: Json = False) -> None:
    """Write the config as JSON, as create -f reads it."""
    with connect() as client:
        found = client.get(path(process_id, "config"))
    if json or not render.is_terminal():
        typer.echo(render.to_json(found))
        return
    shown = mask.mask_config(found)
    typer.echo(render.to_json(shown))
    if shown != found:
        render.note("passwords and keys are masked on a terminal; --json shows them")


@app.command()
def report(process_id: ProcessId, *, json: Json = False) -> None:
    """Write what FFmpeg said in this and earlier runs."""
    with connect() as client:
        found = client.get(path(process_id, "report"))
    if json:
        typer.echo(render.to_json(found))
        return
    for run in [*reversed(record.items(found, "history")), found]:
        began = record.number(run, "created_at")
        when = f"{datetime.fromtimestamp(began):%Y-%m-%d %H:%M:%S}" if began else "never"  # noqa: DTZ006 - local time, for a person
        typer.secho(f"run of {when}", bold=True)
        for line in all_lines(run):
            typer.echo(f"  {render.clean(str(line))}")


@app.command()
def log(
    process_id: ProcessId,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", help="Wait for more lines, until Ctrl-C.")
    ] = False,
    json: Json = False,
) -> None:
    """Write what FFmpeg says now."""
    with until_interrupted(), connect() as client:
        before: list[str] = []
        for _ in pauses(follow):
            run = client.get(path(process_id, "report"))
            lines = all_lines(run)
            for line in fresh_lines(before, lines):
                typer.echo(
                    render.to_json(line, is_compact=True) if json else render.clean(line)
                )
            before = lines


@app.command()
def probe(process_id: ProcessId, *, json: Json = False) -> None:
    """Look which streams the input has (up to 20 s)."""
    with connect() as client:
        found = client.get(path(process_id, "probe"), timeout=PROBE_TIMEOUT)
    render.emit(found, lambda: drawn_probe(found), is_json=json)
    if not record.items(found, "streams"):
        lines = [line for line in record.items(found, "log") if isinstance(line, str)]
        why = lines[-1] if lines else "FFmpeg said nothing"
        raise ClientError(f"{process_id}: the input gave no streams: {why}")


@app.command()
def start(process_id: ProcessId, *, json: Json = False) -> None:
    """Order a start; it holds until a stop."""
    _command(process_id, "start", is_json=json)


@app.command()
def stop(process_id: ProcessId, *, json: Json = False) -> None:
    """Order a stop; it holds until a start."""
    _command(process_id, "stop", is_json=json)


@app.command()
def restart(process_id: ProcessId, *, json: Json = False) -> None:
    """End FFmpeg and start it again; viewers stay connected."""
    _command(process_id, "restart", is_json=json)


@app.command()
def reload(process_id: ProcessId, *, json: Json = False) -> None:
    """Resolve the config anew and start again."""
    _command(process_id, "reload", is_json=json)


@app.command()
def delete(process_id: ProcessId, *, json: Json = False) -> None:
    """Stop a process and forget it."""
    with connect() as client:
        client.delete(path(process_id))
    render.done(f"{process_id}: deleted", {"id": process_id, "deleted": True}, is_json=json)


@app.command()
def metadata(
    process_id: ProcessId,
    key: notes.Key = None,
    value: notes.Value = None,
    *,
    unset: notes.Unset = False,
    json: Json = False,
) -> None:
    """Show or set notes of clients, as JSON."""
    notes.show_or_set(partial(path, process_id, "metadata"), key, value, unset=unset, json=json)


def all_lines(run: Any) -> list[str]:
    """Give what a run said, each line once: its beginning as far as the log lost it."""
    kept = {str(entry[1]) for entry in _entries(run)}
    lost = [str(line) for line in record.items(run, "prelude") if str(line) not in kept]
    return lost + log_lines(run)


def log_lines(run: Any) -> list[str]:
    """Give a run's log as lines of "12:04:05 text"."""
    return [f"{_clock(str(entry[0]))} {entry[1]}" for entry in _entries(run)]


def _entries(run: Any) -> list[list[Any]]:
    entries = record.items(run, "log")
    return [entry for entry in entries if isinstance(entry, list) and len(entry) == 2]


def _clock(seconds: str) -> str:
    try:
        return f"{datetime.fromtimestamp(float(seconds)):%H:%M:%S}"  # noqa: DTZ006 - local, for a person
    except (ValueError, OverflowError, OSError):
        return "--:--:--"


def _command(process_id: str, name: str, *, is_json: bool) -> None:
    with connect() as client:
        client.put(path(process_id, "command"), {"command": name})
    render.done(
        f"{process_id}: {name} ordered", {"id": process_id, "command": name}, is_json=is_json
    )


process_edit.register(app)
