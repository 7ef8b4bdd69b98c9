"""A child, a hook or the daemon itself that behaves badly in every known way."""

import asyncio
import math
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from daemon.errors import InvalidError
from daemon.restream import state
from daemon.restream.config import ProcessConfig
from daemon.restream.hooks import StopReason
from daemon.restream.limiter import StartLimiter
from daemon.restream.state import Exec, Order
from daemon.restream.supervision import Supervision
from tests.integration.restream.support import (
    DEADLINE,
    RecordedHooks,
    exists,
    is_in,
    make_config,
    make_supervision,
    names_in,
    running,
    supervised,
    until,
)

pytestmark = pytest.mark.slow


async def test_the_child_gets_its_own_session_directory_limits_and_environment(
    supervision: Supervision, work_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FFREPORT", "file=leak.log")
    monkeypatch.setenv("http_proxy", "http://proxy")
    async with supervised(make_config(), supervision) as process:
        pid = await running(process)
        proc = Path(f"/proc/{pid}")
        names = {
            pair.partition("=")[0]
            for pair in (proc / "environ").read_text().split("\0")
            if pair
        }
        assert names == {"PATH", "LANG", "HOME", "DRAGONCTL_INSTANCE", "DRAGONCTL_PROCESS"}
        assert "DRAGONCTL_PROCESS=cam#1\0" in (proc / "environ").read_text()
        assert os.getsid(pid) == pid == os.getpgid(pid)
        cwd = (proc / "cwd").readlink()
        assert cwd.parent == work_dir
        assert list(cwd.iterdir()) == []
        limits = (proc / "limits").read_text()
        assert "Max open files            1024                 1024" in limits
        assert "Max core file size        0                    0" in limits
        assert "NoNewPrivs:\t1" in (proc / "status").read_text()
        assert {int(fd.name) for fd in (proc / "fd").iterdir()} <= {0, 1, 2, 3}
    assert names_in(work_dir) == []


async def test_a_missing_binary_is_told_with_its_reason(
    work_dir: Path, tmp_path: Path, hooks: RecordedHooks
) -> None:
    supervision = make_supervision(tmp_path / "nothing", work_dir, hooks)
    async with supervised(make_config(), supervision) as process:
        await until(lambda: is_in(process, Exec.FAILED))
        state = process.state()
        assert "nothing: No such file or directory" in state.last_logline
        assert state.exit_code is None
        assert hooks.calls == ["start", "exit", "stop cam finished"]
        assert hooks.ends[0].exit_code is None


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [(b"", 0o644, "Permission denied"), (b"\x7fELF junk", 0o755, "Exec format error")],
)
async def test_a_useless_binary_is_told_with_its_reason(
    work_dir: Path, tmp_path: Path, hooks: RecordedHooks, content: bytes, mode: int, reason: str
) -> None:
    binary = tmp_path / "bad"
    binary.write_bytes(content)
    binary.chmod(mode)
    supervision = make_supervision(binary, work_dir, hooks)
    async with supervised(make_config(), supervision) as process:
        await until(lambda: is_in(process, Exec.FAILED))
        assert reason in process.state().last_logline


async def test_what_can_not_be_resolved_fails_with_the_reason_and_can_leave(
    binary: Path, work_dir: Path, hooks: RecordedHooks
) -> None:
    def refuse(config: ProcessConfig) -> ProcessConfig:
        raise InvalidError("Invalid process config", details=["unknown process 'x'"])

    supervision = make_supervision(binary, work_dir, hooks, resolve=refuse)
    async with supervised(make_config(reconnect=True), supervision) as process:
        await until(lambda: is_in(process, Exec.FAILED))
        state = process.state()
        assert state.last_logline == "unknown process 'x'"
        assert state.command == ()
        assert state.reconnect_seconds >= 0
        process.leave(StopReason.DELETE)
        await asyncio.wait_for(process.gone.wait(), DEADLINE)


@pytest.mark.parametrize(
    "script", ["ignore INT,TERM; progress 0 0.05", "progress 1 0; stop; wait"]
)
async def test_what_ignores_or_sleeps_through_signals_is_gone_in_time(
    supervision: Supervision, script: str
) -> None:
    async with supervised(make_config(script), supervision) as process:
        pid = await running(process)
        process.receive_order(Order.STOP)
        begin = time.monotonic()
        assert await process.wait_idle(DEADLINE)
        assert not exists(pid)
        killed = "ignore" in script
        assert is_in(process, Exec.KILLED if killed else Exec.FINISHED)
        assert time.monotonic() - begin > 6.5 or not killed


@pytest.mark.parametrize("verb", ["fork", "leave"])
async def test_a_grandchild_that_holds_the_pipes_delays_nothing(
    supervision: Supervision, verb: str
) -> None:
    script = f"{verb}; progress 0 0.05"
    async with supervised(make_config(script), supervision) as process:
        await running(process)
        grandchild = int(process.report().log[0].text.split()[1])
        try:
            process.receive_order(Order.STOP)
            assert await process.wait_idle(20)  # the grandchild holds the pipes for 60 s
            if verb == "fork":
                await until(lambda: not exists(grandchild), 20)
        finally:
            if exists(grandchild):
                os.kill(grandchild, signal.SIGKILL)


async def test_a_failing_hook_costs_its_own_outputs_only(
    supervision: Supervision, hooks: RecordedHooks, caplog: pytest.LogCaptureFixture
) -> None:
    hooks.append, hooks.fails = ("-f", "rtp", "udp://127.0.0.1:1"), True
    async with supervised(make_config(), supervision) as process:
        await running(process)
        assert "rtp" not in process.state().command
    assert "a bug in a hook" in caplog.text
    caplog.clear()


async def test_a_hook_may_ask_for_two_starts_in_a_row_not_more(
    supervision: Supervision, hooks: RecordedHooks
) -> None:
    hooks.blames_leg = True
    async with supervised(make_config("exit 1"), supervision) as process:
        await until(lambda: len(hooks.ends) == 3)
        assert is_in(process, Exec.FAILED)
        assert process.state().reconnect_seconds == -1


async def test_a_run_without_progress_is_stopped_as_stale(
    supervision: Supervision, hooks: RecordedHooks
) -> None:
    config = make_config("stall 0.05", stale_timeout_seconds=1)
    async with supervised(config, supervision) as process:
        assert await until(lambda: hooks.ends) > 1
        assert process.state().last_logline == "no progress for 1 s"
        assert hooks.ends[0].was_ordered
        assert is_in(process, Exec.FINISHED)


@pytest.mark.parametrize(
    ("script", "limits", "words"),
    [
        ("eat 120; wait", {"memory_bytes": 100 * 2**20, "waitfor_seconds": 1}, "memory limit"),
        ("spin", {"cpu_usage": 10.0}, "CPU limit"),
    ],
)
async def test_what_takes_more_than_its_limit_is_stopped(
    supervision: Supervision,
    hooks: RecordedHooks,
    script: str,
    limits: dict[str, Any],
    words: str,
) -> None:
    async with supervised(make_config(script, limits=limits), supervision) as process:
        await until(lambda: hooks.ends)
        assert words in process.state().last_logline


@pytest.mark.parametrize("kind", ["lines", "long", "nul", "invalid"])
async def test_a_flood_on_stderr_is_drained_without_harm(
    supervision: Supervision, kind: str, is_quiet: bool
) -> None:
    config = make_config(f"flood 64 {kind}; say; say done; progress 0 0.05")
    async with supervised(config, supervision) as process:
        await until(lambda: is_in(process, Exec.RUNNING))
        worst = 0.0
        while not process.state().progress.frame:
            begin = time.monotonic()
            await asyncio.sleep(0.01)
            worst = max(worst, time.monotonic() - begin - 0.01)
        assert worst < 0.25 or not is_quiet
        await until(lambda: any("not read" in line.text for line in process.report().log))
        await until(lambda: process.state().last_logline == "done")
        assert len(process.report().log) <= 50


async def test_an_unkillable_child_raises_the_alarm_and_blocks_its_slot(
    supervision: Supervision, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rungs = ((state.Action.KILL, 0.05), (state.Action.ALARM, math.inf))
    monkeypatch.setattr(state, "_LADDER", rungs)
    monkeypatch.setattr("daemon.restream.spawn.Child.send", lambda *_: None)
    async with supervised(make_config(), supervision) as process:
        pid = await running(process)
        process.receive_order(Order.STOP)
        await until(lambda: "survives SIGKILL" in process.state().last_logline)
        process.receive_order(Order.START)
        assert not await process.wait_idle(0.1)
        assert process.state().pid == pid
        os.kill(pid, signal.SIGKILL)
        await until(lambda: is_in(process, Exec.RUNNING))
        monkeypatch.undo()
    assert "survives SIGKILL" in caplog.text
    caplog.clear()


async def test_a_bug_in_the_supervision_fails_the_process_but_not_its_task(
    binary: Path, work_dir: Path, hooks: RecordedHooks, caplog: pytest.LogCaptureFixture
) -> None:
    class BrokenLimiter(StartLimiter):
        def reserve(self, now: float) -> float:
            raise LookupError("a bug")

    supervision = make_supervision(binary, work_dir, hooks, limiter=BrokenLimiter(0.0))
    async with supervised(make_config(), supervision) as process:
        await until(lambda: is_in(process, Exec.FAILED))
        assert "internal error" in process.state().last_logline
        process.leave(StopReason.DELETE)
        await asyncio.wait_for(process.gone.wait(), DEADLINE)
    assert "a bug" in caplog.text
    caplog.clear()


async def test_without_pidfds_children_are_reaped_too(
    supervision: Supervision, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.restream.spawn._open_pidfd", lambda pid: None)
    async with supervised(make_config(), supervision) as process:
        await running(process)
        process.receive_order(Order.STOP)
        assert await process.wait_idle(DEADLINE)
        assert process.state().exit_code == 255
