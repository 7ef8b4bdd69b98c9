"""How processes, states and probes look."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dragonctl import mask, record, render, unit

if TYPE_CHECKING:
    from rich.console import RenderableType

KIBIT = 1024  # datarhei counts kbit and kB by 1024


def list_row(process: Any) -> list[str]:
    """One line of ``process list``."""
    state = record.value(process, "state")
    progress = record.value(state, "progress")
    is_running = record.text(state, "exec") == "running"
    has_webrtc = record.flag(process, "config", "webrtc", "enabled")
    return [
        record.text(process, "id"),
        record.text(process, "reference"),
        record.text(state, "order") or unit.NOTHING,
        record.text(state, "exec") or unit.NOTHING,
        unit.duration(record.number(state, "runtime_seconds")),
        *(rates(progress) if is_running else [unit.NOTHING] * 3),
        "on" if has_webrtc else unit.NOTHING,
    ]


def last_words(process: Any) -> str:
    """Say why a process doesn't run that should; "" if it does."""
    state = record.value(process, "state")
    words = record.text(state, "last_logline")
    if record.text(state, "exec") not in {"failed", "killed"} or not words:
        return ""
    return f"{record.text(process, 'id')}: {words}"


def rates(progress: Any) -> list[str]:
    """Give frames per second, bitrate and speed."""
    kbit = record.number(progress, "bitrate_kbit")
    return [
        unit.decimal(record.number(progress, "fps")),
        unit.bitrate(kbit * KIBIT if kbit else None),  # 0: FFmpeg can't tell, as with HLS
        unit.decimal(record.number(progress, "speed"), "x", places=2),
    ]


def costs(state: Any, *, is_running: bool) -> list[str]:
    """Give CPU and memory."""
    if not is_running:
        return [unit.NOTHING] * 2
    return [
        unit.decimal(record.number(state, "cpu_usage"), " %"),
        unit.size(record.number(state, "memory_bytes")),
    ]


def drawn_process(process: Any) -> "Iterator[RenderableType]":
    """Draw everything about one process but its log."""
    config = record.value(process, "config")
    yield render.facts(
        [
            ("id", record.text(process, "id")),
            ("reference", record.text(process, "reference")),
            *_addresses(config, "input"),
            *_addresses(config, "output"),
            ("webrtc", _webrtc(config)),
            ("reconnect", _reconnect(config)),
            ("stale after", _seconds(config, "stale_timeout_seconds", "never")),
            ("limits", _limits(config)),
            ("created", _date(record.number(process, "created_at"))),
            ("updated", _date(record.number(process, "updated_at"))),
            *_state_facts(record.value(process, "state")),
        ]
    )


def drawn_state(state: Any) -> "Iterator[RenderableType]":
    """Draw a state, with one line for each stream."""
    yield render.facts(_state_facts(state))
    progress = record.value(state, "progress")
    rows = [
        _stream_row(direction, stream)
        for direction in ("input", "output")
        for stream in record.items(progress, f"{direction}s")
    ]
    if rows:
        yield ""
        yield render.table(("direction", "id", ">stream", "type", "codec", "what"), rows)


def drawn_probe(found: Any) -> "Iterator[RenderableType]":
    """Draw the streams of an input."""
    rows = [
        [
            _place(stream),
            record.text(stream, "type"),
            record.text(stream, "codec"),
            record.text(stream, "profile") or unit.NOTHING,
            _what(stream),
            _kilobits(record.number(stream, "bitrate_kbps")),
            {True: "yes", False: "no"}.get(record.value(stream, "has_b_frames"), unit.NOTHING),
        ]
        for stream in record.items(found, "streams")
    ]
    if rows:
        columns = (">stream", "type", "codec", "profile", "what", ">bitrate", "b-frames")
        yield render.table(columns, rows)


def _state_facts(state: Any) -> list[tuple[str, str]]:
    progress = record.value(state, "progress")
    fps, bitrate, speed = rates(progress)
    cpu, memory = costs(state, is_running=True)
    wait = record.number(state, "reconnect_seconds")
    restarts, pid = record.number(state, "restarts"), record.number(state, "pid")
    exit_code = record.number(state, "exit_code")
    is_running = record.text(state, "exec") == "running"
    return [
        ("order", record.text(state, "order")),
        ("state", record.text(state, "exec")),
        ("since", unit.duration(record.number(state, "runtime_seconds"))),
        ("next try in", unit.duration(wait) if wait is not None and wait >= 0 else ""),
        (
            "last exit code" if pid else "exit code",
            "" if exit_code is None else f"{exit_code:.0f}",
        ),
        ("restarts", f"{restarts:.0f}" if restarts else ""),
        ("pid", f"{pid:.0f}" if pid else ""),
        ("progress", _joined(f"{fps} fps", bitrate, f"speed {speed}") if is_running else ""),
        ("frames", _frames(progress) if is_running else ""),
        ("cost", f"{cpu} CPU, {memory}" if is_running else ""),
        ("last words", record.text(state, "last_logline")),
        ("command", " ".join(str(word) for word in record.items(state, "command"))),
    ]


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part != unit.NOTHING)


def _frames(progress: Any) -> str:
    frames = record.number(progress, "frame") or 0
    drop, dup = record.number(progress, "drop") or 0, record.number(progress, "dup") or 0
    position = unit.duration(record.number(progress, "time"))
    return f"{frames:,.0f} ({position}), {drop:,.0f} dropped, {dup:,.0f} doubled"


def _addresses(config: Any, direction: str) -> Iterator[tuple[str, str]]:
    for element in record.items(config, direction):
        options = [str(word) for word in record.items(element, "options")]
        address = mask.mask(record.text(element, "address"))
        yield direction, " ".join([*mask.mask_arguments(options), address])


def _webrtc(config: Any) -> str:
    if not record.flag(config, "webrtc", "enabled"):
        return "off"
    force = record.flag(config, "webrtc", "force_transcode")
    words = "on, always encodes" if force else "on"
    return words if record.text(config, "webrtc", "vp8") != "off" else f"{words}, without VP8"


def _reconnect(config: Any) -> str:
    if not record.flag(config, "reconnect"):
        return "no"
    return f"after {_seconds(config, 'reconnect_delay_seconds', '0 s')}"


def _limits(config: Any) -> str:
    cpu = record.number(config, "limits", "cpu_usage")
    memory = record.number(config, "limits", "memory_mbytes")
    parts = [f"{cpu:g} % CPU"] if cpu else []
    parts += [f"{memory:g} MiB"] if memory else []
    return ", ".join(parts)


def _seconds(config: Any, name: str, nothing: str) -> str:
    return unit.duration(seconds) if (seconds := record.number(config, name)) else nothing


def _date(seconds: float | None) -> str:
    if not seconds:
        return ""
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M:%S}"  # noqa: DTZ006 - local, for a person


def _stream_row(direction: str, stream: Any) -> list[str]:
    return [
        direction,
        record.text(stream, "id"),
        _place(stream),
        record.text(stream, "type"),
        record.text(stream, "codec"),
        _what(stream),
    ]


def _place(stream: Any) -> str:
    index, number = record.number(stream, "index"), record.number(stream, "stream")
    return f"{index or 0:.0f}:{number or 0:.0f}"


def _what(stream: Any) -> str:
    """Say what kind of picture or sound: 1280x720 at 25 fps; 48000 Hz stereo."""
    width, height = record.number(stream, "width"), record.number(stream, "height")
    hertz = record.number(stream, "sampling_hz")
    if width and height:
        fps = record.number(stream, "fps")
        return f"{width:.0f}x{height:.0f}" + (f" at {fps:g} fps" if fps else "")
    if hertz:
        return f"{hertz:.0f} Hz {record.text(stream, 'layout')}".rstrip()
    return ""


def _kilobits(kilobits: float | None) -> str:
    return unit.bitrate(kilobits * 1000) if kilobits else unit.NOTHING
