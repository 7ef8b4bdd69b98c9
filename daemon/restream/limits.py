"""What one FFmpeg uses, and whether that is too much (P5, datarhei-core.md c.6)."""

import os
from dataclasses import dataclass
from pathlib import Path

import psutil

from daemon.restream.config import ConfigLimits

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """Resident memory, and CPU in percent of the whole machine."""

    memory_bytes: int = 0
    cpu_percent: float = 0.0


class Sampler:
    """Reads what one pid uses. One that is gone, or can't be read, uses nothing."""

    def __init__(self, pid: int, now: float) -> None:
        self._at = now
        self._cpu_seconds = 0.0
        self._process: psutil.Process | None = None
        try:
            self._process = psutil.Process(pid)
        except (psutil.Error, OSError):
            return

    def sample(self, now: float) -> Usage:
        """CPU is the mean since the sample before."""
        if self._process is None or now <= self._at:
            return Usage()
        try:
            with self._process.oneshot():
                times = self._process.cpu_times()
                memory = self._process.memory_info().rss
        except (psutil.Error, OSError):
            return Usage()
        seconds = times.user + times.system
        percent = 100 * (seconds - self._cpu_seconds) / (now - self._at) / machine_cpus()
        self._at, self._cpu_seconds = now, seconds
        return Usage(memory, max(0.0, percent))


class LimitWatch:
    """Says when a limit was exceeded in every sample for as long as it may be."""

    def __init__(self, limits: ConfigLimits) -> None:
        self._limits = limits
        self._memory_since: float | None = None
        self._cpu_since: float | None = None

    def check(self, usage: Usage, now: float) -> str:
        """Give the reason to stop it, or nothing."""
        limits = self._limits
        is_over = 0 < limits.memory_bytes < usage.memory_bytes
        self._memory_since = _since(self._memory_since, now, is_over=is_over)
        is_over = 0 < limits.cpu_usage < usage.cpu_percent
        self._cpu_since = _since(self._cpu_since, now, is_over=is_over)
        if self._is_due(self._memory_since, now):
            used, limit = usage.memory_bytes / MIB, limits.memory_bytes / MIB
            return f"memory limit exceeded: {used:.0f} MiB of {limit:.0f} MiB"
        if self._is_due(self._cpu_since, now):
            return f"CPU limit exceeded: {usage.cpu_percent:.1f} % of {limits.cpu_usage:.1f} %"
        return ""

    def _is_due(self, since: float | None, now: float) -> bool:
        return since is not None and now - since >= self._limits.waitfor_seconds


def machine_cpus() -> float:
    """How many CPUs make 100 %: all of them, or the quota of our cgroup if that is less."""
    count = float(os.cpu_count() or 1)
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return min(count, int(quota) / int(period))
    except (OSError, ValueError):  # no cgroup v2 here, or the word "max"
        return count


def _since(since: float | None, now: float, *, is_over: bool) -> float | None:
    if not is_over:
        return None
    return now if since is None else since
