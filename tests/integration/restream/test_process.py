"""One process and its child: starts, ends, and what users want in between."""

import asyncio
from pathlib import Path

import pytest

from daemon.restream.config import ProcessConfig, ProcessId
from daemon.restream.hooks import StopReason
from daemon.restream.state import Exec, Order
from daemon.restream.supervision import Supervision
from tests.integration.restream.support import (
    DEADLINE,
    RecordedHooks,
    exists,
    is_in,
    make_config,
    names_in,
    running,
    supervised,
    until,
)

pytestmark = pytest.mark.slow


async def test_a_started_process_runs_shows_progress_and_its_command(
    supervision: Supervision,
) -> None:
    async with supervised(make_config(), supervision) as process:
        pid = await running(process)
        state = process.state()
        assert state.exec is Exec.RUNNING
        assert state.command[0] == "-nostdin"
        assert state.command[-3:] == ("-progress", "pipe:3", "-nostats")
        assert state.command[3:8] == ("-i", "in.mp4", "-f", "null", "-")
        await until(lambda: process.state().memory_bytes > 0)
    assert not exists(pid)


@pytest.mark.parametrize(
    ("script", "state", "code"),
    [
        ("exit 0", Exec.FINISHED, 0),
        ("exit 255", Exec.FINISHED, 255),
        ("exit 1", Exec.FAILED, 1),
        ("exit 134", Exec.FAILED, 134),
        ("die 11", Exec.KILLED, -11),
        ("die 9", Exec.KILLED, -9),
    ],
)
async def test_an_exit_is_told_by_its_code(
    supervision: Supervision, hooks: RecordedHooks, script: str, state: Exec, code: int
) -> None:
    async with supervised(make_config(f"say goodbye; {script}"), supervision) as process:
        await until(lambda: hooks.ends)
        shown = process.state()
        assert (shown.exec, shown.exit_code, shown.pid) == (state, code, None)
        assert shown.last_logline == "goodbye"
        assert shown.reconnect_seconds == -1
        assert shown.order is Order.START
        end = hooks.ends[0]
        assert (end.exit_code, end.was_ordered, end.log) == (code, False, ("goodbye",))


async def test_a_start_waits_for_a_free_lane_and_can_be_stopped_meanwhile(
    supervision: Supervision, hooks: RecordedHooks
) -> None:
    supervision.lanes = asyncio.Semaphore(1)
    async with supervised(make_config(), supervision) as process:
        async with supervision.lanes:
            await until(lambda: hooks.calls == ["start"])
            process.receive_order(Order.STOP)
            assert await process.wait_idle(DEADLINE)
            assert process.state().pid is None
            process.receive_order(Order.START)
            await until(lambda: hooks.calls.count("start") == 2)
            assert is_in(process, Exec.STARTING)
        await running(process)


async def test_stop_ends_it_by_interrupt_and_stays_stopped(
    supervision: Supervision, hooks: RecordedHooks
) -> None:
    async with supervised(make_config(reconnect=True), supervision) as process:
        await running(process)
        process.receive_order(Order.STOP)
        assert is_in(process, Exec.FINISHING)
        assert await process.wait_idle(DEADLINE)
        state = process.state()
        assert (state.exec, state.exit_code, state.reconnect_seconds) == (
            Exec.FINISHED,
            255,
            -1,
        )
        assert hooks.calls == ["start", "running", "stop cam stop", "exit"]
        assert hooks.ends[0].was_ordered


async def test_restart_is_immediate_without_reconnect_and_keeps_the_history(
    supervision: Supervision, hooks: RecordedHooks
) -> None:
    config = make_config("say hello; progress 0 0.05")
    async with supervised(config, supervision) as process:
        first = await running(process)
        process.restart()
        assert is_in(process, Exec.FINISHING)
        await until(lambda: is_in(process, Exec.RUNNING))
        assert process.state().pid != first
        assert not exists(first)
        assert process.state().restarts == 0
        await until(lambda: process.state().last_logline == "hello")
        report = process.report()
        assert [run.prelude for run in report.history] == [("hello",)]
        assert hooks.calls == ["start", "running", "exit", "start", "running"]


async def test_never_two_at_once_and_the_last_config_wins(
    supervision: Supervision, tmp_path: Path
) -> None:
    lock, words = tmp_path / "lock", tmp_path / "words"

    def numbered(number: int) -> ProcessConfig:
        script = f"solo {lock}; arguments {words}; progress 0 0.05"
        return make_config(options=("-script", script, "-number", str(number)))

    async with supervised(numbered(0), supervision) as process:
        for number in range(1, 80):
            process.reconfigure(numbered(number), number, is_restart=True)
            await asyncio.sleep(0.02 * (number % 4))
        await until(lambda: words.exists() and '"79"' in words.read_text())
        await running(process)
    assert "lock.double" not in names_in(tmp_path)
    assert '"-number", "79"' in words.read_text().splitlines()[-1]


async def test_start_revives_what_died_and_cancels_the_wait(supervision: Supervision) -> None:
    config = make_config("exit 1", reconnect=True, reconnect_delay_seconds=60)
    async with supervised(config, supervision) as process:
        await until(lambda: process.state().exit_code == 1)
        assert 0 < process.state().reconnect_seconds <= 60
        process.receive_order(Order.START)
        assert is_in(process, Exec.STARTING)
        await until(lambda: is_in(process, Exec.FAILED))
        process.receive_order(Order.STOP)
        assert process.state().reconnect_seconds == -1


async def test_reconnect_waits_at_least_a_second_and_counts(
    supervision: Supervision, hooks: RecordedHooks
) -> None:
    async with supervised(make_config("exit 1", reconnect=True), supervision) as process:
        assert await until(lambda: len(hooks.ends) == 2) > 1
        assert process.state().restarts == 1


async def test_an_appended_output_is_in_the_command_before_our_progress(
    supervision: Supervision, hooks: RecordedHooks
) -> None:
    hooks.append = ("-f", "rtp", "udp://127.0.0.1:1")
    async with supervised(make_config(), supervision) as process:
        await running(process)
        command = process.state().command
        assert command[-7:-3] == ("-", "-f", "rtp", "udp://127.0.0.1:1")


async def test_stop_interrupts_a_start_that_is_still_preparing(
    supervision: Supervision, hooks: RecordedHooks
) -> None:
    hooks.blocks = asyncio.Event()
    async with supervised(make_config(), supervision) as process:
        await until(lambda: hooks.calls == ["start"])
        assert is_in(process, Exec.STARTING)
        process.receive_order(Order.STOP)
        assert await process.wait_idle(DEADLINE)
        assert is_in(process, Exec.FINISHED)
        assert hooks.calls == ["start", "stop cam stop", "exit"]


async def test_start_and_stop_in_one_breath_leave_nothing(supervision: Supervision) -> None:
    async with supervised(make_config(), supervision, Order.STOP) as process:
        for _ in range(5):
            process.receive_order(Order.START)
            process.receive_order(Order.STOP)
            process.receive_order(Order.START)
            process.receive_order(Order.STOP)
            assert await process.wait_idle(DEADLINE)
        assert process.state().pid is None


async def test_it_can_leave_in_any_state(
    supervision: Supervision, hooks: RecordedHooks
) -> None:
    async def leave(script: str, claim: str) -> None:
        config = make_config(script, reconnect=True, reconnect_delay_seconds=60)
        async with supervised(config, supervision) as process:
            await until(lambda: process.state().exec == claim)
            process.leave(StopReason.DELETE)
            await asyncio.wait_for(process.gone.wait(), DEADLINE)
            assert process.state().pid is None

    await leave("wait", "starting")
    await leave("wait", "running")
    await leave("exit 1", "failed")
    assert hooks.calls.count("stop cam delete") == 3


async def test_a_start_is_given_up_when_the_daemon_ends_in_that_moment(
    supervision: Supervision, hooks: RecordedHooks
) -> None:
    async with supervised(make_config(), supervision, Order.STOP) as process:
        process.receive_order(Order.START)
        await running(process)
        process.receive_order(Order.STOP)
        assert await process.wait_idle(DEADLINE)
        process.receive_order(Order.START)
        shown = process.state()
        assert (shown.exec, shown.pid, shown.progress.frame) == (Exec.STARTING, None, 0)
    assert not process.is_alive
    assert hooks.calls.count("start") == 1


async def test_a_rename_ends_the_run_under_the_old_name_first(
    supervision: Supervision, hooks: RecordedHooks
) -> None:
    async with supervised(make_config(), supervision) as process:
        await running(process)
        renamed = make_config(id=ProcessId("new"))
        process.reconfigure(renamed, 2, is_restart=True)
        await until(lambda: len(hooks.calls) == 7)
        assert hooks.calls[2:4] == ["stop cam rename", "update new"]
        assert hooks.ends[0].process_id == "cam"
        await running(process)


async def test_cancellation_ends_the_child_and_tells_the_hooks_first(
    supervision: Supervision, hooks: RecordedHooks
) -> None:
    async with supervised(make_config(), supervision) as process:
        pid = await running(process)
    assert not exists(pid)
    assert hooks.calls[-2:] == ["stop cam shutdown", "exit"]
    assert process.gone.is_set()


@pytest.mark.parametrize("script", ["progress 0 0.05", "exit 1"])
async def test_the_end_of_the_daemon_is_no_stop_to_who_looks(
    supervision: Supervision, script: str
) -> None:
    config = make_config(script, reconnect=True, reconnect_delay_seconds=60)
    async with supervised(config, supervision) as process:
        wanted = Exec.FAILED if script == "exit 1" else Exec.RUNNING
        await until(lambda: process.state().exec is wanted)
    assert (process.order, process.state().order) == (Order.START, Order.START)
    assert process.state().exec is Exec.FINISHING, "it comes back with the daemon"


async def test_a_hook_may_have_it_started_again_at_its_first_progress(
    supervision: Supervision, hooks: RecordedHooks
) -> None:
    hooks.restarts_on_media = 1
    async with supervised(make_config(), supervision) as process:
        await until(lambda: hooks.calls.count("running") == 2)
        assert hooks.ends[0].was_ordered
        await until(lambda: process.state().progress.frame > 0)
        assert hooks.restarts_on_media == -1  # asked once in each run
