"""A datarhei Core's database, version 4, as configs of the API; what is lost is said."""

from dataclasses import dataclass, field
from typing import Any

from dragonctl import record
from dragonctl.errors import ClientError, ExitCode

VERSION = 4
MIB = 1024 * 1024
# addresses that only datarhei's own FFmpeg can open
PATCHED = ("avstream:", "playout:")
_KNOWN = frozenset(
    {
        "id", "reference", "ffversion", "input", "output", "options", "reconnect",
        "reconnect_delay_seconds", "autostart", "stale_timeout_seconds", "limit_cpu_usage",
        "limit_memory_bytes", "limit_waitfor_seconds", "type",
    }
)  # fmt: skip
_COPIED = (
    "reference", "options", "reconnect", "reconnect_delay_seconds", "stale_timeout_seconds",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """One process: what the API is to be sent, and what an operator should know."""

    id: str
    config: dict[str, Any]
    metadata: dict[str, Any]
    is_started: bool
    notes: list[str] = field(default_factory=list)

    @property
    def references(self) -> set[str]:
        """The processes whose outputs are inputs here."""
        addresses = (record.text(one, "address") for one in self.config["input"])
        return {
            address[1:].rpartition(":output=")[0] for address in addresses if address[:1] == "#"
        }


@dataclass(frozen=True, slots=True)
class Database:
    """What a database holds, in an order in which each process finds those it refers to."""

    processes: list[Found]
    metadata: dict[str, Any]
    problems: list[str]


def read(tree: Any) -> Database:
    """Convert; raises ClientError for what is no database of version 4."""
    version = record.value(tree, "version")
    stored = record.value(tree, "process")
    if version != VERSION or not isinstance(stored, dict):
        text = f"this is no database of datarhei Core, version {VERSION}"
        advice = "start a Core 16 on it once, which brings it up to date"
        found = f" (it says {version})" if isinstance(version, int) else ""
        raise ClientError(f"{text}{found}: {advice}", ExitCode.BAD)
    processes, problems = [], []
    for key, entry in stored.items():
        try:
            processes.append(_process(key, entry, _object(tree, "metadata", "process", key)))
        except _UnusableError as error:
            problems.append(f"{key}: {error}")
    return Database(_in_order(processes), _object(tree, "metadata", "system"), problems)


class _UnusableError(Exception):
    """An entry that can't be taken over, and why."""


def _process(key: str, entry: Any, metadata: dict[str, Any]) -> Found:
    stored = record.value(entry, "config")
    if not isinstance(stored, dict):
        raise _UnusableError("it has no config")
    order = record.text(entry, "order")
    config = {name: stored[name] for name in _COPIED if stored.get(name) is not None}
    config |= {
        "id": record.text(stored, "id") or key,
        "type": "ffmpeg",
        "input": [_io(one) for one in record.items(stored, "input")],
        "output": [_io(one) for one in record.items(stored, "output")],
        "autostart": order == "start",
        "limits": _limits(stored),
    }
    if not config["input"] or not config["output"]:
        raise _UnusableError("it has no input or no output")
    return Found(config["id"], config, metadata, order == "start", _notes(stored, config))


def _limits(stored: dict[str, Any]) -> dict[str, Any]:
    octets = record.number(stored, "limit_memory_bytes") or 0
    return {
        "cpu_usage": record.number(stored, "limit_cpu_usage") or 0,
        "memory_mbytes": -(-int(octets) // MIB),  # rounded up: never less than it had
        "waitfor_seconds": record.number(stored, "limit_waitfor_seconds") or 0,
    }


def _io(stored: Any) -> dict[str, Any]:
    element = {
        "id": record.text(stored, "id"),
        "address": record.text(stored, "address"),
        "options": record.items(stored, "options"),
    }
    cleanup = record.items(stored, "cleanup")
    return element | {"cleanup": cleanup} if cleanup else element


def _notes(stored: dict[str, Any], config: dict[str, Any]) -> list[str]:
    notes = []
    constraint = record.text(stored, "ffversion")
    if constraint:
        notes.append(f"ffversion {constraint} is dropped: any FFmpeg from 5.1 on will do")
    notes += [f"{name} is unknown here and dropped" for name in sorted({*stored} - _KNOWN)]
    for element in (*config["input"], *config["output"]):
        address = element["address"]
        if address.startswith(PATCHED):
            notes.append(f"{address.partition(':')[0]}: needs datarhei's own FFmpeg")
        notes += [
            f"{{{name}}} needs the {name.upper()} server"
            for name in ("rtmp", "srt")
            if f"{{{name}" in address
        ]
    return notes


def _in_order(processes: list[Found]) -> list[Found]:
    """Referred-to processes first; those that go round in circles last, as they are."""
    waiting = {one.id: one for one in processes}
    ordered: list[Found] = []
    while waiting:
        ready = [
            one for one in waiting.values() if not (one.references - {one.id}) & waiting.keys()
        ]
        for one in ready or list(waiting.values()):
            ordered.append(one)
            del waiting[one.id]
    return ordered


def _object(tree: Any, *path: str) -> dict[str, Any]:
    found = record.value(tree, *path)
    return found if isinstance(found, dict) else {}
