"""Measure: the values of every metric now, from the system, processes, sessions and files."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil

from daemon.ffmpeg.progress import Progress, ProgressIO
from daemon.http.mounts import Storage
from daemon.log import redact
from daemon.metrics import Value
from daemon.restream.limits import machine_cpus
from daemon.restream.restreamer import Restreamer
from daemon.restream.shown import ProcessState
from daemon.restream.state import Exec
from daemon.session import Sessions
from daemon.storage.file import Usage

MIN_SECONDS = 0.5  # between two looks at the CPUs; less says nothing
MAX_PROCESSES = 200  # whose series are measured one by one


@dataclass(slots=True)
class _Cpu:
    """Shares of the CPUs' time between two looks."""

    before: tuple[float, ...] = ()
    shares: tuple[float, float, float, float] = (100.0, 0.0, 0.0, 0.0)
    looked_at: float = 0.0

    def look(self, now: float) -> None:
        if self.before and now - self.looked_at < MIN_SECONDS:
            return
        times = psutil.cpu_times()
        total = sum(times)
        idle = times.idle + getattr(times, "iowait", 0.0)
        sums = (idle, times.system, times.user, total)
        if self.before and total > self.before[3]:
            span = total - self.before[3]
            idle, system, user = (
                100 * (sums[place] - self.before[place]) / span for place in range(3)
            )
            self.shares = (idle, system, user, max(0.0, 100 - idle - system - user))
        self.before, self.looked_at = sums, now


@dataclass(slots=True)
class _Own:
    """What the daemon itself uses; its FFmpegs are in the state of their processes."""

    process: psutil.Process = field(default_factory=psutil.Process)
    cpu_percent: float = 0.0
    looked_at: float = 0.0

    def look(self, now: float) -> None:
        if now - self.looked_at < MIN_SECONDS:
            return
        self.cpu_percent = self.process.cpu_percent() / machine_cpus()
        self.looked_at = now


@dataclass
class Measure:
    """Called for a round of values; ``look_at_files`` before it, since that may block."""

    restreamer: Restreamer
    sessions: Sessions
    storage: Storage
    started_at: float = field(default_factory=time.monotonic)
    _cpu: _Cpu = field(default_factory=_Cpu)
    _own: _Own = field(default_factory=_Own)
    _usages: dict[str, Usage] = field(default_factory=dict)

    def __post_init__(self) -> None:
        now = time.monotonic()  # the first answer is the mean since now
        self._cpu.look(now)
        self._own.look(now)

    async def look_at_files(self) -> None:
        """Measure the file systems; the disk at most once in ten seconds."""
        self._usages = {
            "diskfs": await self.storage.disk.usage(),
            "memfs": await self.storage.memory.usage(),
        }

    def __call__(self) -> Iterator[Value]:
        now = time.monotonic()
        self._cpu.look(now)
        self._own.look(now)
        yield Value("uptime_uptime", now - self.started_at)
        yield from self._system()
        yield from self._files()
        yield from _sessions(self.sessions, now)
        yield from self._processes()

    def _system(self) -> Iterator[Value]:
        yield Value("cpu_ncpu", os.cpu_count() or 1)
        for name, share in zip(
            ("idle", "system", "user", "other"), self._cpu.shares, strict=True
        ):
            yield Value(f"cpu_{name}", share)
        yield Value("daemon_cpu", self._own.cpu_percent)
        yield Value("daemon_memory", self._own.process.memory_info().rss)
        memory = psutil.virtual_memory()
        yield Value("mem_total", memory.total)
        yield Value("mem_free", memory.available)
        for name, counters in psutil.net_io_counters(pernic=True).items():
            yield Value("net_rx", counters.bytes_recv, (("interface", name),))
            yield Value("net_tx", counters.bytes_sent, (("interface", name),))

    def _files(self) -> Iterator[Value]:
        root = str(self.storage.disk.root)
        try:
            disk = psutil.disk_usage(root)
        except OSError:
            pass  # it is gone, which is no reason to measure nothing else
        else:
            yield Value("disk_total", disk.total, (("path", root),))
            yield Value("disk_usage", disk.used, (("path", root),))
        for name, usage in self._usages.items():
            labels = (("name", name),)
            yield Value("filesystem_files", usage.files, labels)
            yield Value("filesystem_limit", usage.limit_bytes, labels)
            yield Value("filesystem_usage", usage.used_bytes, labels)

    def _processes(self) -> Iterator[Value]:
        states: Counter[Exec] = Counter()
        entered: Counter[Exec] = Counter()
        for number, process in enumerate(self.restreamer.processes()):
            state = process.state()
            states[state.exec] += 1
            entered.update(state.entered)
            if number < MAX_PROCESSES:
                yield from _process(process.id, state)
        for exec_state in Exec:
            labels = (("state", exec_state.value),)
            yield Value("restream_state", states[exec_state], labels)
            yield Value("ffmpeg_process", entered[exec_state], labels)


def _process(process_id: str, state: ProcessState) -> Iterator[Value]:
    common = (
        ("processid", process_id),
        ("state", state.exec.value),
        ("order", state.order.value),
    )
    values = {
        **_numbers(state.progress),
        "time": state.progress.time_seconds,
        "speed": state.progress.speed,
        "drop": state.progress.drop,
        "dup": state.progress.dup,
        "cpu": state.cpu_usage,
        "memory": state.memory_bytes,
        "restarts": state.restarts,
    }
    for name, value in values.items():
        yield Value("restream_process", value, (*common, ("name", name)))
    for one in Exec:
        labels = (("processid", process_id), ("state", one.value))
        yield Value("restream_process_states", state.entered.get(one, 0), labels)
    for kind, streams in (("input", state.progress.inputs), ("output", state.progress.outputs)):
        for stream in streams:
            yield from _stream(process_id, kind, stream)


def _stream(process_id: str, kind: str, stream: ProgressIO) -> Iterator[Value]:
    labels = (
        ("processid", process_id),
        ("type", kind),
        ("id", stream.id),
        ("address", redact(stream.address)),
        ("index", str(stream.index)),
        ("stream", str(stream.stream)),
        ("media", stream.type),
    )
    for name, value in _numbers(stream).items():
        yield Value("restream_io", value, (*labels, ("name", name)))


def _numbers(progress: Progress | ProgressIO) -> dict[str, float]:
    return {
        "frame": progress.frame,
        "fps": progress.fps,
        "packet": progress.packet,
        "q": progress.q,
        "size": progress.size_bytes,
        "bitrate": progress.bitrate_bits,
    }


def _sessions(sessions: Sessions, now: float) -> Iterator[Value]:
    for name in sessions.names():
        collector = sessions.collector(name)
        rx, tx = collector.bandwidth(now)
        total = collector.summary.total
        values = {
            "active": len(collector.active(now)),
            "limit": collector.max_sessions,
            "maxrxbitrate": 0,
            "maxtxbitrate": collector.max_tx_bits,
            "rxbitrate": rx * 8,
            "rxbytes": total.rx_bytes,
            "total": total.sessions,
            "txbitrate": tx * 8,
            "txbytes": total.tx_bytes,
        }
        for key, value in values.items():
            yield Value(f"session_{key}", value, (("collector", name),))
