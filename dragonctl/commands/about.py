"""about, log and skills: the server itself."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dragonctl import record, render, unit
from dragonctl.commands.option import Json, connect
from dragonctl.errors import ClientError, ExitCode
from dragonctl.follow import fresh_lines, pauses, until_interrupted

if TYPE_CHECKING:
    from rich.console import RenderableType

LEVEL_STYLES = {"ERROR": "red", "WARN": "yellow", "DEBUG": "bright_black"}


def about(*, json: Json = False) -> None:
    """Show which server this is, and its WebRTC state."""
    with connect() as client:
        found = client.get("/api")
        if not record.text(found, "app"):
            text = f"{client.url} answers, but not with dragonctl's API: check the address"
            raise ClientError(text, ExitCode.UNREACHABLE)
        if not record.text(found, "id"):
            client.get("/api/v3/webrtc")  # renews the token, or says why not
            found = client.get("/api")
        try:
            webrtc = client.get("/api/v3/webrtc")
        except ClientError:
            webrtc = None  # a datarhei Core has none
        whole = found | {"url": client.url, "webrtc": webrtc}
    render.emit(whole, lambda: _about(whole), is_json=json)


def log(
    *,
    follow: Annotated[
        bool, typer.Option("--follow", help="Wait for more lines, until Ctrl-C.")
    ] = False,
    json: Json = False,
) -> None:
    """Write the server's last log lines."""
    with until_interrupted(), connect() as client:
        before: list[str] = []
        for _ in pauses(follow):
            found = client.get("/api/v3/log", params={"format": "raw"})
            entries = found if isinstance(found, list) else []
            lines = [render.to_json(entry, is_compact=True) for entry in entries]
            fresh = len(fresh_lines(before, lines))
            for entry in entries[len(entries) - fresh :]:
                _echo(entry, is_json=json)
            before = lines


def skills(
    *,
    reload: Annotated[
        bool, typer.Option("--reload", help="Ask FFmpeg again, after it was replaced.")
    ] = False,
    json: Json = False,
) -> None:
    """Show what the server's FFmpeg can do."""
    with connect() as client:
        found = client.get("/api/v3/skills/reload" if reload else "/api/v3/skills")
    render.emit(found, lambda: _skills(found), is_json=json)


def _about(found: Any) -> "Iterator[RenderableType]":
    webrtc = record.value(found, "webrtc")
    product = " ".join(
        filter(None, (record.text(found, "product", key) for key in ("name", "version")))
    )
    state = "on" if record.flag(webrtc, "enabled") else "off"
    viewers = record.number(webrtc, "viewers")
    candidates = [str(one) for one in record.items(webrtc, "candidates")]
    yield render.facts(
        [
            ("URL", record.text(found, "url")),
            ("server", product or record.text(found, "app")),
            ("API", f"datarhei Core {record.text(found, 'version', 'number')}"),
            ("name", record.text(found, "name")),
            ("id", record.text(found, "id")),
            ("up for", unit.duration(record.number(found, "uptime_seconds"))),
            ("WebRTC", state if webrtc is not None else ""),
            ("because", record.text(webrtc, "reason")),
            ("viewers", "" if viewers is None else f"{viewers:.0f}"),
            ("candidates", ", ".join(candidates)),
            *(("ALARM", record.text(one, "text")) for one in record.items(found, "alarms")),
        ]
    )


def _echo(entry: Any, *, is_json: bool) -> None:
    if is_json:
        typer.echo(render.to_json(entry, is_compact=True))
        return
    level = record.text(entry, "level").upper()
    time = record.text(entry, "ts")
    words = f"{time} {level:5} {record.text(entry, 'component')}: "
    line = render.clean(words + record.text(entry, "message"))
    typer.secho(line, fg=LEVEL_STYLES.get(level))
    for more in record.text(entry, "exception").splitlines():
        typer.echo(f"    {render.clean(more)}")


def _skills(found: Any) -> "Iterator[RenderableType]":
    yield render.facts(
        [
            ("FFmpeg", record.text(found, "ffmpeg", "version")),
            ("compiler", record.text(found, "ffmpeg", "compiler")),
            ("H.264 encoders", _coders(found, "video", "h264")),
            ("Opus encoders", _coders(found, "audio", "opus")),
            ("acceleration", _names(record.items(found, "hwaccels")) or "none"),
            ("inputs", _names(record.items(found, "protocols", "input"))),
            ("outputs", _names(record.items(found, "protocols", "output"))),
            ("filters", f"{len(record.items(found, 'filter'))}"),
        ]
    )


def _coders(found: Any, kind: str, codec: str) -> str:
    for entry in record.items(found, "codecs", kind):
        if record.text(entry, "id") == codec:
            return ", ".join(str(coder) for coder in record.items(entry, "encoders")) or "none"
    return "none"


def _names(entries: list[Any]) -> str:
    return ", ".join(filter(None, (record.text(entry, "id") for entry in entries)))
