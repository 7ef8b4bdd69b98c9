"""sessions, metrics, rtmp and srt: what the server counts."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dragonctl import record, render, unit
from dragonctl.commands.option import Json, connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

COLLECTORS = ("hls", "webrtc", "hlsingress", "rtmp", "srt", "http", "https", "ffmpeg")


def sessions(
    collectors: Annotated[
        list[str] | None, typer.Argument(help="Only these, such as hls or webrtc.")
    ] = None,
    *,
    summary: Annotated[
        bool, typer.Option("--summary", help="Sums since the server's start.")
    ] = False,
    json: Json = False,
) -> None:
    """Show who watches and publishes now."""
    path = "/api/v3/session" if summary else "/api/v3/session/active"
    with connect() as client:
        found = client.get(path, params={"collectors": ",".join(collectors or COLLECTORS)})
    draw = _summary if summary else _sessions
    render.emit(found, lambda: draw(found), is_json=json)


def metrics(
    names: Annotated[
        list[str] | None, typer.Argument(help="Only these; without any, their descriptions.")
    ] = None,
    *,
    seconds: Annotated[
        int, typer.Option("--range", min=0, help="The last so many seconds, not only now.")
    ] = 0,
    json: Json = False,
) -> None:
    """Show metrics: current values, or what was kept of them."""
    with connect() as client:
        if not names:
            found = client.get("/api/v3/metrics")
            render.emit(found, lambda: _described(found), is_json=json)
            return
        wanted = [{"name": name} for name in names]
        body = {"timerange_sec": seconds, "interval_sec": 0, "metrics": wanted}
        found = client.post("/api/v3/metrics", body)
    render.emit(found, lambda: _values(found), is_json=json)


def rtmp(*, json: Json = False) -> None:
    """List publishing RTMP channels."""
    _channels("rtmp", is_json=json)


def srt(*, json: Json = False) -> None:
    """List SRT channels."""
    _channels("srt", is_json=json)


def _channels(server: str, *, is_json: bool) -> None:
    with connect() as client:
        found = client.get(f"/api/v3/{server}")
    render.emit(found, lambda: _channel_names(found), is_json=is_json)


def _channel_names(found: Any) -> "Iterator[RenderableType]":
    if isinstance(found, list):
        yield render.table(["channel"], [[record.text(one, "name")] for one in found])
        return
    publishers = record.value(found, "publisher")
    names = sorted(publishers) if isinstance(publishers, dict) else []
    yield render.table(["channel"], [[name] for name in names])


def _sessions(found: Any) -> "Iterator[RenderableType]":
    rows = [
        [
            collector,
            record.text(one, "reference"),
            record.text(one, "remote"),
            record.text(one, "local"),
            unit.size(record.number(one, "bytes_rx")),
            unit.size(record.number(one, "bytes_tx")),
            record.text(one, "extra")[:40],
        ]
        for collector, entries in (found.items() if isinstance(found, dict) else ())
        for one in (entries if isinstance(entries, list) else [])
    ]
    columns = ["collector", "reference", "remote", "local", ">in", ">out", "with"]
    yield render.table(columns, rows)


def _summary(found: Any) -> "Iterator[RenderableType]":
    rows = [
        [
            collector,
            _number(record.number(one, "active", "sessions")),
            _number(record.number(one, "summary", "sessions")),
            _number(record.number(one, "summary", "traffic_rx_mb")),
            _number(record.number(one, "summary", "traffic_tx_mb")),
        ]
        for collector, one in (found.items() if isinstance(found, dict) else ())
    ]
    yield render.table(["collector", ">now", ">in all", ">MiB in", ">MiB out"], rows)


def _described(found: Any) -> "Iterator[RenderableType]":
    rows = [
        [
            record.text(one, "name"),
            record.text(one, "description"),
            ", ".join(str(label) for label in record.items(one, "labels")),
        ]
        for one in (found if isinstance(found, list) else [])
    ]
    yield render.table(["name", "*what", "labels"], rows)


def _values(found: Any) -> "Iterator[RenderableType]":
    rows = []
    for series in record.items(found, "metrics"):
        labels = record.value(series, "labels")
        pairs = labels.items() if isinstance(labels, dict) else ()
        words = " ".join(f"{name}={value}" for name, value in pairs)
        values = [
            pair[1]
            for pair in record.items(series, "values")
            if isinstance(pair, list) and len(pair) == 2
        ]
        last = _number(values[-1]) if values else ""
        rows.append([record.text(series, "name"), words, last, str(len(values))])
    yield render.table(["name", "*labels", ">value", ">values"], rows)


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else ""
