"""viewers: who watches, over all processes, and how to send somebody away."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dragonctl import record, render, unit
from dragonctl.commands.live import lost, program
from dragonctl.commands.option import Json, OptionalProcessId, connect
from dragonctl.errors import ClientError

if TYPE_CHECKING:
    from rich.console import RenderableType

PATH = "/api/v3/webrtc/viewers"
COLUMNS = (
    "viewer", "*process", "state", "*address", ">for", ">first", ">sent", ">lost", ">jitter",
    ">rtt", ">nack", ">hits", ">pli", ">dropped", "codecs", "*user", "program",
)  # fmt: skip

app = typer.Typer(
    help="Viewers: who watches, and how well.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("list")
def list_viewers(process_id: OptionalProcessId = None, *, json: Json = False) -> None:
    """List who watches, and how well each is served."""
    with connect() as client:
        found = client.get(PATH)
    viewers = [
        viewer
        for viewer in (found if isinstance(found, list) else [])
        if process_id in (None, record.text(viewer, "process_id"))
    ]
    render.emit(viewers, lambda: _listed(viewers), is_json=json)


@app.command()
def kick(
    viewer_ids: Annotated[
        list[str], typer.Argument(metavar="VIEWER...", help="Their ids, from the list.")
    ],
    *,
    json: Json = False,
) -> None:
    """End viewers' sessions. A player whose token is still good may come back."""
    from dragonctl.client import quoted

    failed: ClientError | None = None
    with connect() as client:
        for viewer_id in viewer_ids:
            try:
                client.delete(f"{PATH}/{quoted(viewer_id)}")
            except ClientError as error:
                if not error.status:
                    raise
                failed = error
                render.note(f"{viewer_id}: {error.message}")
            else:
                told = {"id": viewer_id, "kicked": True}
                render.done(f"{viewer_id}: sent away", told, is_json=json)
    if failed is not None:
        raise typer.Exit(failed.code)


def _listed(viewers: list[Any]) -> "Iterator[RenderableType]":
    if viewers:
        yield render.table(COLUMNS, [_row(viewer) for viewer in viewers])
    else:
        yield "nobody is watching"


def _row(viewer: Any) -> list[str]:
    def milliseconds(name: str, places: int = 0) -> str:
        return unit.decimal(record.number(viewer, name), " ms", places=places)

    def whole(name: str) -> str:
        return unit.decimal(record.number(viewer, name), places=0)

    hits = record.number(viewer, "nack_hit_ratio")
    codecs = record.value(viewer, "codecs")
    return [
        record.text(viewer, "id"),
        record.text(viewer, "process_id"),
        record.text(viewer, "state"),
        record.text(viewer, "address"),
        unit.duration(record.number(viewer, "connected_seconds")),
        milliseconds("first_rtp_ms"),
        unit.size(record.number(viewer, "bytes_sent")),
        lost(viewer),
        milliseconds("jitter_ms", places=1),
        milliseconds("rtt_ms"),
        whole("nacks"),
        unit.decimal(None if hits is None else 100 * hits, " %", places=0),
        whole("plis"),
        whole("dropped_frames"),
        "+".join(map(str, codecs.values())) if isinstance(codecs, dict) else unit.NOTHING,
        record.text(viewer, "subject"),
        program(record.text(viewer, "user_agent")),
    ]
