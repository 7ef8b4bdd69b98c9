"""Arguments and options that many commands share, and the way to the server."""

import os
from contextvars import ContextVar
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dragonctl.errors import ClientError

if TYPE_CHECKING:  # httpx takes a tenth of a second, which --help must not
    from dragonctl.client import Client

COMPLETION_TIMEOUT = 1.0  # seconds; a person waits with a finger on the key

allow_insecure: ContextVar[bool] = ContextVar("allow_insecure", default=False)


def connect(timeout: float | None = None) -> "Client":
    """Open the server of the environment or of the saved login."""
    from dragonctl import client, server

    found = server.find(os.environ, is_insecure=allow_insecure.get())
    return client.Client(found, timeout=client.TIMEOUT if timeout is None else timeout)


def json_or_text(words: str) -> Any:
    """Read what a person typed: JSON if it is, else the text itself."""
    import json

    try:
        return json.loads(words)
    except (ValueError, RecursionError):
        return words


def complete_process_id(incomplete: str) -> list[str]:
    """Ask the server which processes begin like this; no answer, no completion."""
    from dragonctl import record

    try:
        with connect(COMPLETION_TIMEOUT) as client:
            found = client.get("/api/v3/process", params={"filter": "none"})
    except ClientError:
        return []
    if not isinstance(found, list):
        return []
    ids = [record.text(process, "id") for process in found]
    return [known for known in ids if known.startswith(incomplete) and known.isprintable()]


ProcessId = Annotated[
    str,
    typer.Argument(
        metavar="PROCESS", help="The process's id.", autocompletion=complete_process_id
    ),
]
OptionalProcessId = Annotated[
    str | None,
    typer.Argument(
        metavar="PROCESS",
        help="Only this process.",
        show_default=False,
        autocompletion=complete_process_id,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON, for machines.")]
