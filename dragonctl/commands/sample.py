"""One look at all processes and viewers: from the API's answers to rows and JSON."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dragonctl import record, unit
from dragonctl.commands.live import lost, program
from dragonctl.commands.process_view import KIBIT, costs, rates
from dragonctl.errors import ClientError

if TYPE_CHECKING:
    from dragonctl.client import Client

ViewerKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen at ``time``, which is the wall clock in seconds.

    ``whep`` has the WebRTC state of each process that has one.
    """

    time: float
    processes: list[Any]
    whep: Mapping[str, Any]

    @property
    def sent(self) -> dict[ViewerKey, float]:
        """Bytes sent to each viewer until now."""
        return {
            (process_id, record.text(viewer, "id")): record.number(viewer, "bytes_sent") or 0.0
            for process_id, viewer in self.viewers
        }

    @property
    def viewers(self) -> list[tuple[str, Any]]:
        """Every viewer with the process that is watched."""
        return [
            (process_id, viewer)
            for process_id, state in self.whep.items()
            for viewer in record.items(state, "viewers")
        ]


def take(client: "Client", process_id: str | None, now: float) -> Sample:
    """Ask the server."""
    from dragonctl.client import process_path

    params = {"filter": "config,state"}
    if process_id is None:
        found = client.get("/api/v3/process", params=params)
        processes = found if isinstance(found, list) else []
    else:
        processes = [client.get(process_path(process_id), params=params)]
    return Sample(now, processes, dict(_whep(client, processes)))


def viewer_rates(sample: Sample, before: Sample | None) -> dict[ViewerKey, float]:
    """Bits per second to each viewer since the sample before."""
    if before is None or sample.time <= before.time:
        return {}
    earlier, seconds = before.sent, sample.time - before.time
    return {
        key: 8 * (sent - earlier[key]) / seconds
        for key, sent in sample.sent.items()
        if key in earlier and sent >= earlier[key]
    }


def as_json(sample: Sample, before: Sample | None) -> dict[str, Any]:
    """Write a sample for machines: bits, bytes and seconds."""
    speeds = viewer_rates(sample, before)
    return {
        "time": round(sample.time, 3),
        "processes": [_process_json(sample, process) for process in sample.processes],
        "viewers": [
            {"process_id": process_id}
            | (viewer if isinstance(viewer, dict) else {})
            | {"bitrate_bits": _rounded(speeds.get((process_id, record.text(viewer, "id"))))}
            for process_id, viewer in sample.viewers
        ],
    }


def process_rows(sample: Sample) -> list[list[str]]:
    """Write one line for each process."""
    rows = []
    for process in sample.processes:
        state = record.value(process, "state")
        is_running = record.text(state, "exec") == "running"
        nothing = [unit.NOTHING] * 3
        rows.append(
            [
                record.text(process, "id"),
                record.text(state, "order") or unit.NOTHING,
                record.text(state, "exec") or unit.NOTHING,
                unit.duration(record.number(state, "runtime_seconds")),
                *(rates(record.value(state, "progress")) if is_running else nothing),
                *costs(state, is_running=is_running),
                _viewers(sample, process),
            ]
        )
    return rows


def viewer_rows(sample: Sample, before: Sample | None) -> list[list[str]]:
    """Write one line for each viewer."""
    speeds = viewer_rates(sample, before)
    return [
        [
            process_id,
            record.text(viewer, "id")[:8],
            record.text(viewer, "state"),
            record.text(viewer, "address"),
            unit.duration(record.number(viewer, "connected_seconds")),
            unit.bitrate(speeds.get((process_id, record.text(viewer, "id")))),
            lost(viewer),
            unit.decimal(record.number(viewer, "jitter_ms"), " ms"),
            unit.decimal(record.number(viewer, "rtt_ms"), " ms", places=0),
            unit.decimal(record.number(viewer, "dropped_frames"), places=0),
            program(record.text(viewer, "user_agent")),
        ]
        for process_id, viewer in sample.viewers
    ]


def _whep(client: "Client", processes: Iterable[Any]) -> Iterable[tuple[str, Any]]:
    from dragonctl.client import process_path

    for process in processes:
        process_id = record.text(process, "id")
        if not record.flag(process, "config", "webrtc", "enabled"):
            continue
        try:
            state = client.get(process_path(process_id, "whep"))
        except ClientError as error:
            if not error.status:
                raise  # nobody answers any more
            continue  # stopped, or gone since
        if isinstance(state, dict):
            yield process_id, state


def _viewers(sample: Sample, process: Any) -> str:
    """Count the viewers, or say why there can be none."""
    if not record.flag(process, "config", "webrtc", "enabled"):
        return unit.NOTHING
    state = sample.whep.get(record.text(process, "id"))
    if state is None:
        return "off"
    word = record.text(state, "state")
    return word if word == "failed" else f"{len(record.items(state, 'viewers'))}"


def _process_json(sample: Sample, process: Any) -> dict[str, Any]:
    state = record.value(process, "state")
    kbit = record.number(state, "progress", "bitrate_kbit")
    whep = sample.whep.get(record.text(process, "id"))
    return {
        "id": record.text(process, "id"),
        "order": record.text(state, "order"),
        "exec": record.text(state, "exec"),
        "runtime_seconds": record.number(state, "runtime_seconds"),
        "restarts": record.number(state, "restarts"),
        "fps": record.number(state, "progress", "fps"),
        "bitrate_bits": _rounded(None if kbit is None else kbit * KIBIT),
        "speed": record.number(state, "progress", "speed"),
        "cpu_usage": record.number(state, "cpu_usage"),
        "memory_bytes": record.number(state, "memory_bytes"),
        "webrtc": record.text(whep, "state") or None,
        "viewers": None if whep is None else len(record.items(whep, "viewers")),
    }


def _rounded(value: float | None) -> int | None:
    return None if value is None else round(value)
