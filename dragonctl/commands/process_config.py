"""A process config from a file and from options; datarhei's shape (datarhei-core.md b.1)."""

import json
import sys
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from dragonctl.errors import ClientError, ExitCode

MAX_FILE = 1024 * 1024  # bytes; the server takes no more
RECONNECT_DELAY = 5  # seconds
NULL_OUTPUT = {"id": "output_0", "address": "-", "options": ["-c", "copy", "-f", "null"]}

File = Annotated[
    str | None,
    typer.Option("--file", "-f", metavar="FILE", help="A config as JSON; - is stdin."),
]
Input = Annotated[str | None, typer.Option("--input", metavar="URL", help="What FFmpeg reads.")]
InputOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--input-option", metavar="WORD", help="One word before the input; may be repeated."
    ),
]
Output = Annotated[
    str | None,
    typer.Option("--output", metavar="URL", help="What FFmpeg writes; without it: nothing."),
]
OutputOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--output-option", metavar="WORD", help="One word before the output; may be repeated."
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="WORD", help="A global word of FFmpeg; may be repeated."),
]
Reference = Annotated[
    str | None, typer.Option("--reference", help="Free text; groups processes.")
]
Reconnect = Annotated[
    bool | None,
    typer.Option("--reconnect/--no-reconnect", help="Start again after FFmpeg ended."),
]
ReconnectDelay = Annotated[
    int | None,
    typer.Option("--reconnect-delay", metavar="SECONDS", min=0, help="Wait before that."),
]
StaleTimeout = Annotated[
    int | None,
    typer.Option(
        "--stale-timeout", metavar="SECONDS", min=0, help="Restart without progress; 0: never."
    ),
]


@dataclass(frozen=True, slots=True)
class Changes:
    """What the options say; None: nothing about this."""

    input: str | None = None
    input_options: list[str] | None = None
    output: str | None = None
    output_options: list[str] | None = None
    plain: dict[str, Any] = field(default_factory=dict)

    @property
    def needs_stored(self) -> bool:
        """Arrays replace each other whole, so what is in them must be known first."""
        return any((self.input, self.input_options, self.output, self.output_options))

    @property
    def is_empty(self) -> bool:
        return not self.needs_stored and not self._given()

    def apply(self, config: dict[str, Any]) -> dict[str, Any]:
        """Lay the options over a config. Raises ClientError."""
        changed = deepcopy(config)
        for name, value in self._given().items():
            block = changed.get(name)
            if isinstance(value, dict) and isinstance(block, dict):
                value = block | value
            changed[name] = value
        for name, address, options in (
            ("input", self.input, self.input_options),
            ("output", self.output, self.output_options),
        ):
            if address is not None or options:
                changed[name] = [_element(name, changed.get(name), address, options)]
        return changed

    def _given(self) -> dict[str, Any]:
        return {name: value for name, value in self.plain.items() if value is not None}


def fresh() -> dict[str, Any]:
    """Give what a process that was made by options starts from."""
    return {"reconnect": True, "reconnect_delay_seconds": RECONNECT_DELAY}


def with_output(config: dict[str, Any]) -> dict[str, Any]:
    """Add the null output where there is none: datarhei's model wants one."""
    return config if config.get("output") else config | {"output": [deepcopy(NULL_OUTPUT)]}


def read(name: str) -> dict[str, Any]:
    """Read a config from a file, or stdin for "-". Raises ClientError."""
    place = "stdin" if name == "-" else name
    try:
        if name == "-":
            data = sys.stdin.buffer.read(MAX_FILE + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise ClientError(f"{place} can't be read: {error.strerror}", ExitCode.USAGE) from None
    if len(data) > MAX_FILE:
        raise ClientError(f"{place} is longer than {MAX_FILE} bytes", ExitCode.USAGE)
    return _parse(data, place)


def _parse(data: bytes, place: str) -> dict[str, Any]:
    try:
        body = json.loads(data)
    except json.JSONDecodeError as error:
        where = f"{place}:{error.lineno}:{error.colno}"
        raise ClientError(f"{where}: not JSON: {error.msg}", ExitCode.USAGE) from None
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise ClientError(f"{place}: not JSON in UTF-8", ExitCode.USAGE) from None
    if isinstance(body, dict) and isinstance(body.get("config"), dict):
        body = body["config"]  # what `process show --json` writes
    if not isinstance(body, dict):
        text = f"{place}: a process config is a JSON object with id, input and output"
        raise ClientError(text, ExitCode.USAGE)
    return body


def _element(
    name: str, stored: Any, address: str | None, options: list[str] | None
) -> dict[str, Any]:
    elements = stored if isinstance(stored, list) else []
    if len(elements) > 1:
        text = f"the process has {len(elements)} {name}s: change them with -f"
        raise ClientError(text, ExitCode.USAGE)
    element = dict(elements[0]) if elements and isinstance(elements[0], dict) else {}
    element.setdefault("id", f"{name}_0")
    if address is not None:
        element["address"] = address
    if not element.get("address"):
        raise ClientError(f"--{name}-option needs --{name}", ExitCode.USAGE)
    if options:
        element["options"] = options
    element.setdefault("options", [])
    return element
