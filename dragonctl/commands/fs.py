"""fs: files in memory and on the server's disk."""

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from dragonctl import record, render, unit
from dragonctl.commands.option import Json, connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Files on the server.")

Filesystem = Annotated[str, typer.Argument(help="mem, or disk.")]
Path_ = Annotated[str, typer.Argument(metavar="PATH", help="A path there, such as /a/b.txt.")]


def place(filesystem: str, path: str = "") -> str:
    """Give the place of a file in the API."""
    return f"/api/v3/fs/{quote(filesystem, safe='')}/{quote(path.lstrip('/'))}".rstrip("/")


@app.command()
def ls(
    filesystem: Annotated[
        str | None, typer.Argument(help="mem, or disk; without it, what there is.")
    ] = None,
    glob: Annotated[
        str, typer.Argument(help="Only these: * stays in a directory, ** doesn't.")
    ] = "",
    *,
    json: Json = False,
) -> None:
    """List files, or the file systems."""
    with connect() as client:
        if filesystem is None:
            found = client.get("/api/v3/fs")
        else:
            params = {"glob": glob, "sort": "name"}
            found = client.get(place(filesystem), params=params)
    draw = _filesystems if filesystem is None else _files
    render.emit(found, lambda: draw(found), is_json=json)


@app.command()
def get(
    filesystem: Filesystem,
    path: Path_,
    file: Annotated[
        Path | None, typer.Argument(help="Where to put it; without it, on stdout.")
    ] = None,
) -> None:
    """Read a file."""
    with connect() as client:
        if file is None:
            client.download(place(filesystem, path), sys.stdout.buffer)
            return
        with file.open("wb") as target:
            client.download(place(filesystem, path), target)


@app.command()
def put(
    filesystem: Filesystem,
    path: Path_,
    file: Annotated[
        Path, typer.Argument(help="The file to send.", exists=True, dir_okay=False)
    ],
    *,
    json: Json = False,
) -> None:
    """Write a file; who reads meanwhile gets the old one."""
    with connect() as client, file.open("rb") as source:
        client.upload(place(filesystem, path), source)
    render.done(f"{filesystem}:{path}: written", {"path": path, "written": True}, is_json=json)


@app.command()
def rm(filesystem: Filesystem, path: Path_, *, json: Json = False) -> None:
    """Delete a file."""
    with connect() as client:
        client.delete(place(filesystem, path))
    render.done(f"{filesystem}:{path}: deleted", {"path": path, "deleted": True}, is_json=json)


def _filesystems(found: object) -> "Iterator[RenderableType]":
    entries = found if isinstance(found, list) else []
    rows = [[record.text(one, key) for key in ("name", "type", "mount")] for one in entries]
    yield render.table(["name", "type", "served below"], rows)


def _files(found: object) -> "Iterator[RenderableType]":
    entries = found if isinstance(found, list) else []
    rows = [
        [
            record.text(one, "name"),
            unit.size(record.number(one, "size_bytes")),
            _time(record.number(one, "last_modified")),
        ]
        for one in entries
    ]
    yield render.table(["name", ">size", "changed"], rows)


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M:%S}"  # noqa: DTZ006 - local, for a person
