"""Limits hold for as long as they may be exceeded; starts take turns."""

import os
import resource

import pytest

from daemon.restream.config import ConfigLimits
from daemon.restream.limiter import BURST, RATE, StartLimiter
from daemon.restream.limits import MIB, LimitWatch, Sampler, Usage, machine_cpus

HEAVY = Usage(memory_bytes=300 * MIB)
LIGHT = Usage(memory_bytes=100 * MIB)
BUSY = Usage(cpu_percent=60.0)


def watch(waitfor_seconds: int) -> LimitWatch:
    return LimitWatch(ConfigLimits(50.0, 200 * MIB, waitfor_seconds))


def test_without_waiting_the_first_sample_over_the_limit_counts() -> None:
    assert watch(0).check(HEAVY, 0.0) == "memory limit exceeded: 300 MiB of 200 MiB"
    assert watch(0).check(BUSY, 0.0) == "CPU limit exceeded: 60.0 % of 50.0 %"


def test_the_limit_itself_is_allowed() -> None:
    assert watch(0).check(Usage(200 * MIB, 50.0), 0.0) == ""


def test_it_must_be_exceeded_without_a_break() -> None:
    limits = watch(3)
    assert [limits.check(HEAVY, float(second)) for second in range(3)] == [""] * 3
    assert limits.check(LIGHT, 3.0) == ""
    assert [limits.check(HEAVY, float(second)) for second in range(4, 7)] == [""] * 3
    assert limits.check(HEAVY, 7.0) != ""


def test_memory_and_cpu_are_timed_apart() -> None:
    limits = watch(2)
    assert limits.check(HEAVY, 0.0) == limits.check(BUSY, 1.0) == limits.check(BUSY, 2.0) == ""
    assert "CPU" in limits.check(BUSY, 3.0)


def test_no_limit_is_never_exceeded() -> None:
    assert LimitWatch(ConfigLimits()).check(Usage(2**60, 1e6), 1e9) == ""


def test_a_sample_measures_memory_and_a_dead_pid_uses_nothing() -> None:
    usage = Sampler(os.getpid(), 0.0).sample(1e9)
    assert usage.memory_bytes > MIB
    assert usage.cpu_percent == pytest.approx(0, abs=0.1)
    assert Sampler(2**22 + 1, 0.0).sample(1.0) == Usage()


def test_a_machine_has_cpus() -> None:
    assert 0 < machine_cpus() <= (os.cpu_count() or 1)


def test_a_burst_goes_at_once_then_starts_take_turns() -> None:
    limiter = StartLimiter(0.0)
    waits = [limiter.reserve(0.0) for _ in range(BURST + 4)]
    assert waits == [0.0] * BURST + [1 / RATE, 2 / RATE, 3 / RATE, 4 / RATE]


def test_turns_come_back_with_time_but_never_more_than_a_burst() -> None:
    limiter = StartLimiter(0.0)
    for _ in range(BURST):
        limiter.reserve(0.0)
    assert limiter.reserve(1 / RATE) == 0.0
    waits = [limiter.reserve(1000.0) for _ in range(BURST + 1)]
    assert waits == [0.0] * BURST + [1 / RATE]


def test_when_no_file_can_be_opened_a_process_is_not_blamed() -> None:
    sampler = Sampler(os.getpid(), 0.0)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        during = sampler.sample(1.0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert during == Usage()
    assert sampler.sample(2.0).memory_bytes > 0
