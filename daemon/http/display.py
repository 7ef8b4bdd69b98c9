"""States, reports and probes as JSON, for screens: datarhei's names and units.

What FFmpeg was told and what it said may hold passwords; all of it goes through the redactor.
"""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from daemon.ffmpeg.probe import Probe, ProbeStream
from daemon.ffmpeg.progress import Progress, ProgressIO
from daemon.http.schema import config_json, decimal, number
from daemon.log import is_secret_name, redact
from daemon.restream.process import Process
from daemon.restream.report import Report
from daemon.restream.shown import ProcessState

KIB = 1024
PARTS = frozenset({"config", "state", "report", "metadata"})

# FFmpeg options whose value holds secrets though their name doesn't say so
SECRET_OPTIONS = frozenset({"-headers", "-srtp_in_params", "-srtp_out_params"})


def process_json(
    process: Process, metadata: dict[str, Any] | None, parts: Iterable[str] = PARTS
) -> dict[str, Any]:
    """One record of ``GET /process``, with the wanted parts only."""
    record: dict[str, Any] = {
        "id": process.config.id,
        "type": "ffmpeg",
        "reference": process.config.reference,
        "created_at": int(process.created_at),
        "updated_at": int(process.updated_at),
    }
    wanted = frozenset(parts)
    if "config" in wanted:
        record["config"] = config_json(process.config)
    if "state" in wanted:
        record["state"] = state_json(process.state())
    if "report" in wanted:
        record["report"] = report_json(process.report())
    if "metadata" in wanted:
        record["metadata"] = metadata or None
    return record


def state_json(state: ProcessState) -> dict[str, Any]:
    """Write a state; pid, exit_code and restarts are ours, the rest is datarhei's."""
    return {
        "order": state.order.value,
        "exec": state.exec.value,
        "runtime_seconds": state.runtime_seconds,
        "reconnect_seconds": state.reconnect_seconds,
        "last_logline": redact(state.last_logline),
        "progress": progress_json(state.progress),
        "memory_bytes": state.memory_bytes,
        "cpu_usage": number(state.cpu_usage),
        "command": redact_command(state.command),
        "pid": state.pid,
        "exit_code": state.exit_code,
        "restarts": state.restarts,
    }


def redact_command(command: Iterable[str]) -> list[str]:
    """Mask secrets in an argument list, also those that only the option before gives away."""
    shown: list[str] = []
    before = ""
    for argument in command:
        is_value = before in SECRET_OPTIONS or is_secret_name(before)
        shown.append("***" if before.startswith("-") and is_value else redact(argument))
        before = argument.partition(":")[0]  # "-key:v" has a stream specifier
    return shown


def progress_json(progress: Progress) -> dict[str, Any]:
    """Write progress: KiB and kbit of 1024, as datarhei Core counts them."""
    return {
        "inputs": [_progress_io_json(item) for item in progress.inputs],
        "outputs": [_progress_io_json(item) for item in progress.outputs],
        "frame": progress.frame,
        "packet": progress.packet,
        "fps": number(progress.fps),
        "q": number(progress.q),
        "size_kb": progress.size_bytes // KIB,  # whole: typed clients read no other
        "time": number(progress.time_seconds),
        "bitrate_kbit": number(progress.bitrate_bits / KIB),
        "speed": number(progress.speed),
        "drop": progress.drop,
        "dup": progress.dup,
    }


def report_json(report: Report) -> dict[str, Any]:
    """Write the report of this run, with those before it as ``history``."""
    return _run_json(report) | {"history": [_run_json(run) for run in report.history]}


def _run_json(report: Report) -> dict[str, Any]:
    return {
        "created_at": report.created_at,
        "prelude": [redact(line) for line in report.prelude],
        "log": [[str(int(line.time)), redact(line.text)] for line in report.log],
    }


def probe_json(probe: Probe) -> dict[str, Any]:
    """Write a probe; why it failed stands at the end of its log."""
    lines = [*probe.log, probe.error] if probe.error else list(probe.log)
    return {
        "streams": [_probe_stream_json(stream) for stream in probe.streams],
        "log": [redact(line) for line in lines],
    }


def _probe_stream_json(stream: ProbeStream) -> dict[str, Any]:
    numbers = {
        name: number(value) for name, value in asdict(stream).items() if type(value) is float
    }
    return (
        asdict(stream)
        | numbers
        | {"url": redact(stream.url), "language": stream.language or "und"}
    )


def _progress_io_json(item: ProgressIO) -> dict[str, Any]:
    """Write one stream; the fields of the other kind of media are left out when empty."""
    rate = (item.framerate_min, item.framerate_max, item.framerate_avg)
    fields: dict[str, Any] = {
        "id": item.id,
        "address": redact(item.address),
        "index": item.index,
        "stream": item.stream,
        "format": item.format,
        "type": item.type,
        "codec": item.codec,
        "coder": item.coder,
        "frame": item.frame,
        "keyframe": item.keyframe,
        "framerate": dict(zip(("min", "max", "avg"), map(decimal, rate), strict=True)),
        "fps": decimal(item.fps),
        "packet": item.packet,
        "pps": decimal(item.pps),
        "size_kb": item.size_bytes // KIB,
        "bitrate_kbit": decimal(item.bitrate_bits / KIB),
        "extradata_size_bytes": item.extradata_size_bytes,
        "avstream": None,
        "q": decimal(item.q),
    }
    names = ("pix_fmt", "width", "height", "sampling_hz", "layout", "channels")
    media = {name: getattr(item, name) for name in names}
    return fields | {name: value for name, value in media.items() if value}
