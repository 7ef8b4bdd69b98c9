"""process create, update, enable-webrtc, disable-webrtc: what changes a config."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dragonctl import record, render
from dragonctl.commands import process_config as given
from dragonctl.commands.option import Json, ProcessId, connect
from dragonctl.errors import ClientError, ExitCode

if TYPE_CHECKING:
    from dragonctl.client import Client


class InstantStart(StrEnum):
    """What who joins gets at once."""

    OFF = "off"
    KEYFRAME = "keyframe"
    GOP = "gop"


NewId = Annotated[
    str | None,
    typer.Argument(metavar="PROCESS", help="The new id; else the file's.", show_default=False),
]
WebRTC = Annotated[bool, typer.Option("--webrtc", help="With WebRTC, see enable-webrtc.")]
NoStart = Annotated[bool, typer.Option("--no-start", help="Don't start it yet.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``dragonctl process``."""
    app.command()(create)
    app.command()(update)
    app.command("enable-webrtc")(enable_webrtc)
    app.command("disable-webrtc")(disable_webrtc)


def create(
    process_id: NewId = None,
    *,
    file: given.File = None,
    input: given.Input = None,  # noqa: A002 - the option's name
    input_option: given.InputOptions = None,
    output: given.Output = None,
    output_option: given.OutputOptions = None,
    option: given.Options = None,
    reference: given.Reference = None,
    reconnect: given.Reconnect = None,
    reconnect_delay: given.ReconnectDelay = None,
    stale_timeout: given.StaleTimeout = None,
    webrtc: WebRTC = False,
    no_start: NoStart = False,
    json: Json = False,
) -> None:
    """Create and start a process by options or from JSON.

    Example: process create cam --input rtsp://host/1 --input-option -rtsp_transport
    --input-option tcp --webrtc
    """
    if file is None and input is None:
        text = "say what to read: --input URL, or -f FILE with a whole config"
        raise ClientError(text, ExitCode.USAGE)
    plain = {
        "id": process_id,
        "options": option or None,
        "reference": reference,
        "reconnect": reconnect,
        "reconnect_delay_seconds": reconnect_delay,
        "stale_timeout_seconds": stale_timeout,
        "webrtc": {"enabled": True} if webrtc else None,
        "autostart": False if no_start else None,
    }
    changes = given.Changes(input, input_option, output, output_option, plain)
    config = given.with_output(
        changes.apply(given.fresh() if file is None else given.read(file))
    )
    with connect() as client:
        made = client.post("/api/v3/process", config)
        _warn_about_webrtc(client, made)
    name = record.text(made, "id")
    render.done(f"{name}: created{'' if no_start else ' and started'}", made, is_json=json)


def update(
    process_id: ProcessId,
    *,
    file: given.File = None,
    rename: Annotated[str | None, typer.Option(help="Give it another id.")] = None,
    input: given.Input = None,  # noqa: A002 - the option's name
    input_option: given.InputOptions = None,
    output: given.Output = None,
    output_option: given.OutputOptions = None,
    option: given.Options = None,
    reference: given.Reference = None,
    reconnect: given.Reconnect = None,
    reconnect_delay: given.ReconnectDelay = None,
    stale_timeout: given.StaleTimeout = None,
    json: Json = False,
) -> None:
    """Change a process; what you don't name stays."""
    plain = {
        "id": rename,
        "options": option or None,
        "reference": reference,
        "reconnect": reconnect,
        "reconnect_delay_seconds": reconnect_delay,
        "stale_timeout_seconds": stale_timeout,
    }
    changes = given.Changes(input, input_option, output, output_option, plain)
    config = {} if file is None else given.read(file)
    if not config and changes.is_empty:
        text = "nothing to change: give -f FILE or an option, such as --input"
        raise ClientError(text, ExitCode.USAGE)
    with connect() as client:
        if changes.needs_stored:
            stored = client.get(_path(process_id, "config"))
            arrays = {name: record.items(stored, name) for name in ("input", "output")}
            config = arrays | config
        changed = _put(client, process_id, changes.apply(config))
    render.done(f"{record.text(changed, 'id')}: updated", changed, is_json=json)


def enable_webrtc(
    process_id: ProcessId,
    *,
    force_transcode: Annotated[
        bool | None,
        typer.Option(
            "--force-transcode/--no-force-transcode",
            help="Encode even what could be copied.",
            show_default=False,
        ),
    ] = None,
    vp8: Annotated[
        bool | None,
        typer.Option(
            "--vp8/--no-vp8",
            help="Make VP8 for viewers without H.264, while there are any.",
            show_default=False,
        ),
    ] = None,
    video_pt: Annotated[
        int | None,
        typer.Option("--video-pt", min=96, max=127, help="RTP payload type of the video leg."),
    ] = None,
    audio_pt: Annotated[
        int | None,
        typer.Option("--audio-pt", min=96, max=127, help="RTP payload type of the audio leg."),
    ] = None,
    instant_start: Annotated[
        InstantStart | None,
        typer.Option(
            "--instant-start", help="What who joins gets at once.", show_default=False
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Let browsers watch a process over WHEP."""
    block = {
        "enabled": True,
        "force_transcode": force_transcode,
        "vp8": None if vp8 is None else ("auto" if vp8 else "off"),
        "video_pt": video_pt,
        "audio_pt": audio_pt,
        "instant_start": instant_start,
    }
    known = {name: value for name, value in block.items() if value is not None}
    with connect() as client:
        changed = _put(client, process_id, {"webrtc": known})
        _warn_about_webrtc(client, changed)
    words = f"{process_id}: WebRTC is on; `dragonctl live {process_id}` shows its address"
    render.done(words, changed, is_json=json)


def disable_webrtc(process_id: ProcessId, *, json: Json = False) -> None:
    """End all WHEP sessions; other outputs go on."""
    with connect() as client:
        changed = _put(client, process_id, {"webrtc": {"enabled": False}})
    render.done(f"{process_id}: WebRTC is off", changed, is_json=json)


def _put(client: "Client", process_id: str, config: dict[str, Any]) -> Any:
    return client.put(_path(process_id), config)


def _path(process_id: str, *rest: str) -> str:
    from dragonctl.client import process_path

    return process_path(process_id, *rest)


def _warn_about_webrtc(client: "Client", config: Any) -> None:
    """Say it when a process wants WebRTC from a server that has it switched off."""
    if not record.flag(config, "webrtc", "enabled"):
        return
    try:
        subsystem = client.get("/api/v3/webrtc")
    except ClientError:
        return  # an old server, or a token that may not look: the change was made all the same
    if not record.flag(subsystem, "enabled"):
        why = record.text(subsystem, "reason") or "webrtc.enable is false"
        render.note(f"but WebRTC is off on this server ({why}): nobody can watch yet")
