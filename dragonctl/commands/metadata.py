"""metadata: notes that clients keep at the server, about the system or about a process."""

from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer

from dragonctl import render
from dragonctl.commands.option import Json, connect, json_or_text
from dragonctl.errors import ClientError, ExitCode

Key = Annotated[str | None, typer.Argument(help="Only this one.")]
Value = Annotated[str | None, typer.Argument(help="Set it: JSON, or else plain text.")]
Unset = Annotated[bool, typer.Option("--unset", help="Take the key away.")]


def metadata(
    key: Key = None, value: Value = None, *, unset: Unset = False, json: Json = False
) -> None:
    """Show or set notes of clients about the whole system, as JSON."""
    from dragonctl.client import system_path

    show_or_set(partial(system_path, "metadata"), key, value, unset=unset, json=json)


def show_or_set(
    place: Callable[..., str], key: str | None, value: str | None, *, unset: bool, json: bool
) -> None:
    """Do what the words ask for; ``place`` gives the path of all notes, or of a key's."""
    if unset and (key is None or value is not None):
        raise ClientError("--unset takes a key and no value", ExitCode.USAGE)
    target = place() if key is None else place(key)
    with connect() as client:
        if unset:
            found = client.put_null(target)
        elif value is not None:
            found = client.put(target, json_or_text(value))
        else:
            found = client.get(target)
    typer.echo(render.to_json(found, is_compact=json))
