"""live: where to watch a process, what is done to its tracks and why, who is watching."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

from dragonctl import record, render, unit
from dragonctl.commands.option import Json, ProcessId, connect
from dragonctl.errors import ClientError, ExitCode

if TYPE_CHECKING:
    from rich.console import RenderableType

    from dragonctl.client import Client

VIEWER_COLUMNS = (
    "viewer", "state", "*address", ">for", ">sent", ">lost", ">rtt", ">nack", ">pli",
    "*user", "program",
)  # fmt: skip


def live(process_id: ProcessId, *, json: Json = False) -> None:
    """Show WHEP address, plan and viewers of a process."""
    with connect() as client:
        found = fetch(client, process_id)
    render.emit(found, lambda: drawn(found), is_json=json)
    if record.text(found, "state") in {"off", "failed"}:
        raise typer.Exit(ExitCode.BAD)


def fetch(client: "Client", process_id: str) -> dict[str, Any]:
    """Ask for a process's WebRTC state. Raises ClientError that says why there is none."""
    from dragonctl.client import NOT_FOUND, process_path

    path = process_path(process_id, "whep")
    try:
        found = client.get(path)
    except ClientError as error:
        if error.status != NOT_FOUND:
            raise
        raise _missing(client, process_id, error) from None
    if not isinstance(found, dict) or "viewers" not in found:
        text = f"{client.url} doesn't tell the state of WebRTC: this token may only watch"
        raise ClientError(text, ExitCode.UNREACHABLE)
    # the server knows the path; only we know by which address it is reached
    return found | {"url": client.url + path}


def drawn(found: Any) -> "Iterator[RenderableType]":
    """Draw a process's WebRTC state."""
    state, reason = record.text(found, "state"), record.text(found, "reason")
    yield render.facts(
        [
            ("process", record.text(found, "process_id")),
            ("state", state),
            ("reason", reason),
            ("WHEP URL", record.text(found, "url")),
            ("VP8", _vp8(found)),
        ]
    )
    yield from drawn_plan(found)
    viewers = record.items(found, "viewers")
    yield ""
    if viewers:
        yield render.table(VIEWER_COLUMNS, [viewer_row(viewer) for viewer in viewers])
    else:
        yield "nobody is watching"


def drawn_plan(found: Any) -> "Iterator[RenderableType]":
    """Draw what is done with each track, and why; nothing if nothing is planned."""
    plan = [_plan_row(found, track) for track in record.items(found, "plan")]
    if plan:
        yield ""
        yield render.table(
            ("track", "plan", "source", ">bitrate", ">last packet", "*why"), plan
        )


def viewer_row(viewer: Any) -> list[str]:
    """One line of a table of viewers."""
    return [
        record.text(viewer, "id")[:8],
        record.text(viewer, "state"),
        record.text(viewer, "address"),
        unit.duration(record.number(viewer, "connected_seconds")),
        unit.size(record.number(viewer, "bytes_sent")),
        lost(viewer),
        unit.decimal(record.number(viewer, "rtt_ms"), " ms", places=0),
        *(_whole(record.number(viewer, name)) for name in ("nacks", "plis")),
        record.text(viewer, "subject"),
        program(record.text(viewer, "user_agent")),
    ]


def lost(viewer: Any) -> str:
    """Give the share of packets that were lost on the way."""
    packets = record.number(viewer, "packets_sent") or 0
    gone = record.number(viewer, "packets_lost") or 0
    return unit.decimal(100 * gone / packets, " %") if packets else unit.NOTHING


def program(user_agent: str) -> str:
    """Name a browser as people do; anything else by its first word."""
    for mark, name in (
        ("Edg/", "Edge"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ):
        _, found, rest = user_agent.partition(mark)
        if found:
            if name == "Safari":
                rest = user_agent.partition("Version/")[2]
            return f"{name} {rest.partition('.')[0].partition(' ')[0]}".rstrip()
    return user_agent.partition(" ")[0]


def _plan_row(found: Any, track: Any) -> list[str]:
    kind = record.text(track, "kind")
    leg = record.value(found, "source", kind)
    reasons = [
        f"{record.text(reason, 'code')}: {record.text(reason, 'text')}"
        for reason in record.items(track, "reasons")
    ]
    return [
        kind,
        record.text(track, "action"),
        record.text(track, "codec") or unit.NOTHING,
        unit.bitrate(record.number(leg, "bitrate_bits")),
        _ago(record.number(leg, "last_packet_seconds")),
        "; ".join(reasons),
    ]


def _vp8(found: Any) -> str:
    """Say how the encoder for viewers without H.264 does; "" while nobody needs it."""
    state, reason = record.text(found, "vp8", "state"), record.text(found, "vp8", "reason")
    if state in {"", "off"}:
        return ""
    return f"{state}: {reason}" if reason else state


def _ago(seconds: float | None) -> str:
    if seconds is None:
        return unit.NOTHING
    return "now" if seconds < 1 else f"{unit.duration(seconds)} ago"


def _whole(number: float | None) -> str:
    return unit.NOTHING if number is None else f"{number:,.0f}"


def _missing(client: "Client", process_id: str, error: ClientError) -> ClientError:
    """Find out whether it is the process, its switch or the whole subsystem."""
    from dragonctl.client import NOT_FOUND, process_path

    try:
        config = client.get(process_path(process_id, "config"))
    except ClientError as second:
        if second.status != NOT_FOUND:
            return error
        text = f"no process {process_id!r} at {client.url}: `dragonctl process list`"
        return ClientError(f"{text} shows which there are", status=NOT_FOUND)
    if not record.flag(config, "webrtc", "enabled"):
        advice = f"`dragonctl process enable-webrtc {process_id}` switches it on"
        return ClientError(f"{process_id} has WebRTC switched off: {advice}", status=NOT_FOUND)
    return error
