"""Metrics: what is measured, and how it went during the last minutes (datarhei-core.md a.4).

The names are datarhei Core's, and clients know exactly these.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

MAX_SAMPLES = 200_000  # values in the history, whatever range and interval say


@dataclass(frozen=True, slots=True)
class Metric:
    """What a name means; ``labels`` tell its series apart."""

    name: str
    description: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Value:
    """One value of one series."""

    name: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one series, each with its time in Unix seconds, oldest first."""

    name: str
    labels: tuple[tuple[str, str], ...]
    values: tuple[tuple[float, float], ...]


Labels = tuple[tuple[str, str], ...]
Fits = Callable[[str], bool]
Measure = Callable[[], Iterable[Value]]
_COLLECTOR = ("collector",)

METRICS = (
    Metric("cpu_idle", "Idle time of all CPUs, in percent"),
    Metric("cpu_ncpu", "Number of CPUs"),
    Metric("cpu_other", "Time of all CPUs for anything else, in percent"),
    Metric("cpu_system", "Time of all CPUs in the kernel, in percent"),
    Metric("cpu_user", "Time of all CPUs in programs, in percent"),
    Metric("daemon_cpu", "CPU time of the daemon itself, in percent of the whole machine"),
    Metric("daemon_memory", "Resident memory of the daemon itself, in bytes"),
    Metric("disk_total", "Size of the disk of the data, in bytes", ("path",)),
    Metric("disk_usage", "Used bytes of the disk of the data", ("path",)),
    Metric("ffmpeg_process", "Changes to each state, of the processes there are", ("state",)),
    Metric("filesystem_files", "Number of files", ("name",)),
    Metric("filesystem_limit", "Limit in bytes, 0 is none", ("name",)),
    Metric("filesystem_usage", "Used bytes", ("name",)),
    Metric("mem_free", "Free memory, in bytes"),
    Metric("mem_total", "Memory, in bytes"),
    Metric("net_rx", "Received bytes", ("interface",)),
    Metric("net_tx", "Sent bytes", ("interface",)),
    Metric(
        "restream_io",
        "Progress of an input or output",
        ("processid", "type", "id", "address", "index", "stream", "media", "name"),
    ),
    Metric(
        "restream_process", "Progress of a process", ("processid", "state", "order", "name")
    ),
    Metric(
        "restream_process_states", "Changes to each state of a process", ("processid", "state")
    ),
    Metric("restream_state", "Number of processes in each state", ("state",)),
    Metric("session_active", "Sessions that go on", _COLLECTOR),
    Metric("session_limit", "Limit of sessions, 0 is none", _COLLECTOR),
    Metric("session_maxrxbitrate", "Limit of what comes in, in bit/s, 0 is none", _COLLECTOR),
    Metric("session_maxtxbitrate", "Limit of what goes out, in bit/s, 0 is none", _COLLECTOR),
    Metric("session_rxbitrate", "What comes in, in bit/s", _COLLECTOR),
    Metric("session_rxbytes", "Bytes that came in", _COLLECTOR),
    Metric("session_total", "Sessions since the start", _COLLECTOR),
    Metric("session_txbitrate", "What goes out, in bit/s", _COLLECTOR),
    Metric("session_txbytes", "Bytes that went out", _COLLECTOR),
    Metric("uptime_uptime", "Seconds since the start of the daemon"),
)
NAMES = frozenset(metric.name for metric in METRICS)


class History:
    """The values of the last ``range_seconds``, one of each series every ``interval_seconds``.

    Without ``is_kept`` only the current values can be asked for.
    """

    def __init__(
        self, measure: Measure, *, is_kept: bool, range_seconds: int, interval_seconds: int
    ) -> None:
        self._measure = measure
        self._rounds: deque[tuple[float, tuple[Value, ...]]] = deque()
        self._size = 0
        self.set_up(is_kept, range_seconds, interval_seconds)

    def set_up(self, is_kept: bool, range_seconds: int, interval_seconds: int) -> None:
        """Take other settings; the values that they cover stay."""
        self.is_kept = is_kept
        self.range_seconds = range_seconds if is_kept else 0
        self.interval_seconds = interval_seconds if is_kept else 0
        if not is_kept:
            self._rounds.clear()
            self._size = 0

    def take(self, now: float) -> None:
        """Measure once; ``now`` in Unix seconds."""
        values = tuple(self._measure())
        self._rounds.append((now, values))
        self._size += len(values)
        while self._rounds and (
            self._rounds[0][0] < now - self.range_seconds or self._size > MAX_SAMPLES
        ):
            self._size -= len(self._rounds.popleft()[1])

    def query(
        self,
        wanted: Iterable[tuple[str, Mapping[str, Fits]]],
        *,
        range_seconds: float,
        interval_seconds: float,
        now: float,
    ) -> list[Series]:
        """Give the series that names and labels select; range 0 is the current value only."""
        filters = [(name, labels) for name, labels in wanted if name in NAMES]
        rounds = [(now, tuple(self._measure()))]
        if range_seconds > 0:
            kept = [item for item in self._rounds if item[0] >= now - range_seconds]
            rounds = _thinned(kept, interval_seconds) or rounds
        found: dict[tuple[str, Labels], list[tuple[float, float]]] = {}
        for name, labels in filters:
            for at, values in rounds:
                for value in values:
                    if value.name == name and _is_match(value.labels, labels):
                        points = found.setdefault((name, value.labels), [])
                        if not points or points[-1][0] < at:
                            points.append((at, value.value))
        return [Series(name, labels, tuple(points)) for (name, labels), points in found.items()]


def _is_match(labels: Labels, wanted: Mapping[str, Fits]) -> bool:
    has = dict(labels)
    return all(fits(has.get(name, "")) for name, fits in wanted.items())


def _thinned(
    rounds: list[tuple[float, tuple[Value, ...]]], interval_seconds: float
) -> list[tuple[float, tuple[Value, ...]]]:
    """Leave out what is closer together than that."""
    kept: list[tuple[float, tuple[Value, ...]]] = []
    for item in rounds:
        if not kept or item[0] - kept[-1][0] >= interval_seconds:
            kept.append(item)
    return kept
