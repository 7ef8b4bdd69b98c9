"""import: take over the processes, metadata and configuration of a datarhei Core."""

import json as jsons
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dragonctl import core_config, core_database, render
from dragonctl.commands.option import Json, connect
from dragonctl.errors import ClientError, ExitCode

if TYPE_CHECKING:
    from rich.console import RenderableType

    from dragonctl.client import Client

MAX_FILE = 64 * 1024 * 1024  # bytes
CONFLICT = 409

Report = list[dict[str, str]]


def import_core(
    database: Annotated[
        Path | None,
        typer.Argument(metavar="DB.JSON", help="The Core's database, version 4."),
    ] = None,
    *,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="CONFIG.JSON", help="The Core's config, version 1 to 3."
        ),
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it. Without this, only say what would be done.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Overwrite processes that exist here already.")
    ] = False,
    json: Json = False,
) -> None:
    """Take over a datarhei Core's processes and configuration.

    First without --apply: nothing is changed, and the report says what can't be taken over.
    """
    if database is None and config is None:
        raise ClientError("give a database, or --config, or both", ExitCode.USAGE)
    wanted = core_database.read(_load(database)) if database else None
    tree = _load(config) if config else None
    with connect() as client:
        report = _take_config(client, tree, is_applied=apply) if tree is not None else []
        if wanted is not None:
            report += _take_database(client, wanted, is_applied=apply, is_replacing=replace)
    is_good = not any(row["result"] == "refused" for row in report)
    found = {"applied": apply, "good": is_good, "report": report}
    render.emit(found, lambda: _drawn(report), is_json=json)
    if not apply and not json:
        render.note("nothing was changed; --apply does it")
    if not is_good:
        raise typer.Exit(ExitCode.BAD)


def _load(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise ClientError(f"{path} is larger than {MAX_FILE} bytes", ExitCode.USAGE)
        return jsons.loads(data)
    except OSError as error:
        raise ClientError(f"{path}: {error.strerror}", ExitCode.USAGE) from None
    except (ValueError, RecursionError):
        raise ClientError(f"{path} is not JSON", ExitCode.USAGE) from None


def _row(what: str, result: str, note: str = "") -> dict[str, str]:
    return {"what": what, "result": result, "note": note}


# -- the database


def _take_database(
    client: "Client", wanted: core_database.Database, *, is_applied: bool, is_replacing: bool
) -> Report:
    from dragonctl import record

    found = client.get("/api/v3/process", params={"filter": "none"})
    existing = {record.text(one, "id") for one in found if isinstance(found, list)}
    report = [_row("process", "refused", problem) for problem in wanted.problems]
    ours = {one.id for one in wanted.processes}
    for process in wanted.processes:
        what = f"process {process.id}"
        notes = "; ".join(process.notes)
        is_there = process.id in existing
        if is_there and not is_replacing:
            report.append(_row(what, "skipped", "it exists already (--replace overwrites it)"))
            continue
        refused = (
            _send(client, process, is_there=is_there)
            if is_applied
            else _check(client, process, ours)
        )
        word = "replaced" if is_there else "taken"
        report.append(_row(what, "refused" if refused else word, refused or notes))
    return report + _take_metadata(client, wanted.metadata, is_applied=is_applied)


def _check(client: "Client", process: core_database.Found, ours: set[str]) -> str:
    """Ask the server whether it would take this; why not, "" if it would.

    What refers to another process of the import can't be checked before that one is there.
    """
    if process.references & ours:
        return ""
    return _refusal(lambda: client.post("/api/v3/process/validate", process.config))


def _send(client: "Client", process: core_database.Found, *, is_there: bool) -> str:
    from dragonctl.client import process_path

    def send() -> None:
        if is_there:
            client.put(process_path(process.id), process.config)
            command = "start" if process.is_started else "stop"
            client.put(process_path(process.id, "command"), {"command": command})
        else:
            client.post("/api/v3/process", process.config)
        for key, value in process.metadata.items():
            if value is not None:
                client.put(process_path(process.id, "metadata", key), value)

    return _refusal(send)


def _take_metadata(client: "Client", metadata: dict[str, Any], *, is_applied: bool) -> Report:
    from urllib.parse import quote

    report = []
    for key, value in metadata.items():
        path = f"/api/v3/metadata/{quote(key, safe='')}"
        refused = _refusal(lambda: client.put(path, value)) if is_applied else ""  # noqa: B023
        report.append(_row(f"metadata {key}", "refused" if refused else "taken", refused))
    return report


def _refusal(call: Any) -> str:
    """Do it; the server's reason if it refuses. Not being there is no refusal."""
    try:
        call()
    except ClientError as error:
        if error.status is None or error.code is ExitCode.UNREACHABLE:
            raise
        return error.message
    return ""


# -- the configuration


def _take_config(client: "Client", tree: Any, *, is_applied: bool) -> Report:
    from dragonctl import record

    shown = record.value(client.get("/api/v3/config"), "config")
    wanted = core_config.changes(tree, shown)
    report = []
    for key in [key for key in wanted if key in core_config.FILE_ONLY]:
        words = f"{core_config.words(key, wanted.pop(key))}: set it in config.toml by hand"
        report.append(_row(key, "skipped", words))
    notes = _leave_out_refused(client, wanted, report)
    report += [
        _row(key, "taken", core_config.words(key, value)) for key, value in wanted.items()
    ]
    report += [_row("config", "note", note) for note in notes]
    if is_applied and wanted:
        client.put("/api/v3/config", core_config.body(wanted))
        report.append(_row("config", "stored", "`dragonctl config reload` makes it run"))
    return report


def _leave_out_refused(client: "Client", wanted: dict[str, Any], report: Report) -> list[str]:
    """Ask what the server would say; gives its notes on what is left."""
    from dragonctl import record

    while wanted:
        try:
            answer = client.put("/api/v3/config?validate=true", core_config.body(wanted))
        except ClientError as error:
            refused = [key for key in wanted if f"{key}: " in error.message]
            if error.status != CONFLICT or not refused:
                raise
            for key in refused:
                del wanted[key]
                why = error.message.partition(f"{key}: ")[2].partition("; ")[0]
                report.append(_row(key, "refused", why))
        else:
            return [str(note) for note in record.items(answer, "notes")]
    return []


def _drawn(report: Report) -> "Iterator[RenderableType]":
    if not report:
        yield "there is nothing to take over"
        return
    rows = [(row["what"], row["result"], row["note"]) for row in report]
    yield render.table(("what", "result", "*note"), rows)
