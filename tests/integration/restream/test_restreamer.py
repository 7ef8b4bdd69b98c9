"""All processes together, with the real store and real children: changes by users."""

import asyncio
import os
import signal
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from daemon.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    NotReadyError,
    StorageError,
)
from daemon.restream import state
from daemon.restream.config import ConfigIO, ProcessConfig, ProcessId
from daemon.restream.host import Hosts
from daemon.restream.policy import Policy
from daemon.restream.state import Exec, Order
from daemon.restream.store import Store
from tests.integration.restream.house import House, is_in, pid_of, reader
from tests.integration.restream.support import (
    CAM,
    DEADLINE,
    RecordedHooks,
    exists,
    make_config,
    names_in,
    until,
)

pytestmark = pytest.mark.slow


async def test_a_stop_returns_when_it_has_ended(house: House) -> None:
    async with house.open() as restreamer:
        await restreamer.add(make_config())
        pid = await pid_of(restreamer)
        await restreamer.command(CAM, "stop")
        assert not exists(pid)
        assert is_in(restreamer, Exec.FINISHED)
        await restreamer.command(CAM, "restart")
        assert is_in(restreamer, Exec.FINISHED)
        await restreamer.command(CAM, "start")
        assert is_in(restreamer, Exec.STARTING)
        await pid_of(restreamer)


async def test_a_slow_stop_delays_nobody_else(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "_LADDER", ((state.Action.INTERRUPT, DEADLINE),))
    async with house.open() as restreamer:
        await restreamer.add(make_config("ignore INT; progress 0 0.05"))
        await restreamer.add(make_config(id=ProcessId("b")))
        pid = await pid_of(restreamer)
        async with asyncio.TaskGroup() as group:
            slow = group.create_task(restreamer.command(CAM, "stop"))
            await until(lambda: is_in(restreamer, Exec.FINISHING))
            await restreamer.command(ProcessId("b"), "stop")
            await restreamer.command(ProcessId("b"), "start")
            assert not slow.done()
            os.kill(pid, signal.SIGKILL)


async def test_an_unchanged_config_does_not_restart_a_changed_one_does(house: House) -> None:
    async with house.open() as restreamer:
        config = make_config()
        process = await restreamer.add(config)
        pid = await pid_of(restreamer)
        await restreamer.update(CAM, config)
        await restreamer.update(CAM, replace(config, stale_timeout_seconds=60, reconnect=True))
        assert is_in(restreamer, Exec.RUNNING)
        assert process.state().pid == pid
        created = process.created_at
        await restreamer.update(CAM, replace(config, reference="other"))
        assert is_in(restreamer, Exec.FINISHING)
        assert await pid_of(restreamer) != pid
        assert process.created_at == created
        assert process.order is Order.START


async def test_a_rename_moves_everything_along(house: House, hooks: RecordedHooks) -> None:
    new = ProcessId("new")
    async with house.open() as restreamer:
        await restreamer.add(make_config())
        await restreamer.set_metadata(CAM, "key", 1)
        pid = await pid_of(restreamer)
        await restreamer.update(CAM, make_config(id=new))
        with pytest.raises(NotFoundError):
            restreamer.get(CAM)
        await until(lambda: restreamer.get(new).state().exec is Exec.RUNNING)
        assert not exists(pid)
        assert restreamer.metadata(new) == {"key": 1}
        assert "stop cam rename" in hooks.calls
        await restreamer.add(make_config(autostart=False))
        with pytest.raises(ConflictError):
            await restreamer.update(CAM, make_config(id=new))
        with pytest.raises(ConflictError):
            await restreamer.add(make_config(id=new))
    async with house.open() as restreamer:
        assert [process.id for process in restreamer.processes()] == ["cam", "new"]


async def test_a_deleted_process_is_gone_and_its_id_free(house: House) -> None:
    async with house.open() as restreamer:
        for _ in range(2):
            await restreamer.add(make_config())
            await restreamer.set_metadata(CAM, "key", 1)
            pid = await pid_of(restreamer)
            await restreamer.delete(CAM)
            assert not exists(pid)
            assert restreamer.processes() == []
            with pytest.raises(NotFoundError):
                await restreamer.command(CAM, "start")
        assert names_in(house.directory / "work") == []
    async with house.open() as restreamer:
        assert restreamer.processes() == []


async def test_a_failed_commit_changes_nothing(
    house: House, hooks: RecordedHooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house.open() as restreamer:
        process = await restreamer.add(make_config())
        pid = await pid_of(restreamer)
        before = list(hooks.calls)

        async def fail(*_: Any, **__: Any) -> None:
            raise StorageError("the disk is full")

        for name in ("save", "rename", "set_order", "delete", "set_metadata"):
            monkeypatch.setattr(Store, name, fail)
        changed = make_config("wait", reference="x")
        for change in (
            restreamer.add(make_config(id=ProcessId("b"))),
            restreamer.update(CAM, changed),
            restreamer.update(CAM, replace(changed, id=ProcessId("new"))),
            restreamer.command(CAM, "stop"),
            restreamer.delete(CAM),
            restreamer.set_metadata(CAM, "key", 1),
        ):
            with pytest.raises(StorageError):
                await change
        assert [p.id for p in restreamer.processes()] == ["cam"]
        assert process.config == make_config()
        assert (process.order, process.state().pid) == (Order.START, pid)
        assert restreamer.metadata(CAM) == {}
        assert hooks.calls == before
        monkeypatch.undo()
        await restreamer.add(make_config(id=ProcessId("b")))


async def test_a_change_is_finished_even_if_its_caller_goes_away(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()
    save = Store.save

    async def slow(self: Store, *args: Any, **values: Any) -> None:
        entered.set()
        await leave.wait()
        await save(self, *args, **values)

    async with house.open() as restreamer:
        monkeypatch.setattr(Store, "save", slow)
        async with asyncio.TaskGroup() as group:
            caller = group.create_task(restreamer.add(make_config()))
            await entered.wait()
            caller.cancel()
        leave.set()
        await until(restreamer.processes)
        await pid_of(restreamer)


async def test_too_many_processes_are_refused_with_the_number(house: House) -> None:
    b = ProcessId("b")
    async with house.open(max_processes=1) as restreamer:
        await restreamer.add(make_config())
        with pytest.raises(InvalidError, match=r"\(1\) reached"):
            await restreamer.add(make_config(id=b))
        await restreamer.add(make_config(id=b, autostart=False))
        with pytest.raises(InvalidError, match=r"\(1\) reached"):
            await restreamer.command(b, "start")
        await restreamer.command(CAM, "start")
        await restreamer.command(CAM, "stop")
        await restreamer.command(b, "start")


async def test_there_is_an_end_to_how_many_processes_there_may_be(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.restream.restreamer.MAX_PROCESSES", 1)
    async with house.open() as restreamer:
        await restreamer.add(make_config(autostart=False))
        with pytest.raises(InvalidError, match="no more than 1 processes"):
            await restreamer.add(make_config(id=ProcessId("b"), autostart=False))
        await restreamer.update(CAM, make_config(autostart=False, reference="x"))


async def test_a_name_that_has_come_to_lead_elsewhere_is_refused_at_the_start(
    house: House,
) -> None:
    leads_to = ["10.0.0.7"]
    policy = Policy(networks=(ip_network("169.254.0.0/16"),))
    source = ConfigIO("in", "rtsp://camera.test/1")
    async with house.open(policy=policy, hosts=Hosts(lambda _: leads_to)) as restreamer:
        await restreamer.add(make_config(input=(source,)))
        await pid_of(restreamer)
        await restreamer.command(CAM, "stop")
        leads_to[:] = ["169.254.169.254"]
        await restreamer.command(CAM, "start")
        await until(lambda: is_in(restreamer, Exec.FAILED))
        said = restreamer.get(CAM).state().last_logline
        assert "camera.test is 169.254.169.254" in said
        with pytest.raises(InvalidError):
            await restreamer.update(CAM, make_config(input=(source,), reference="x"))


async def test_unknown_processes_and_commands_are_refused(house: House) -> None:
    async with house.open() as restreamer:
        await restreamer.add(make_config(autostart=False))
        with pytest.raises(InvalidError):
            await restreamer.command(CAM, "explode")
        for call in (
            restreamer.command(ProcessId("x"), "start"),
            restreamer.delete(ProcessId("x")),
            restreamer.update(ProcessId("x"), make_config()),
            restreamer.set_metadata(ProcessId("x"), "key", 1),
        ):
            with pytest.raises(NotFoundError):
                await call
        with pytest.raises(NotFoundError):
            restreamer.metadata(ProcessId("x"))
    with pytest.raises(NotReadyError):
        await restreamer.add(make_config())


async def test_a_reference_is_resolved_at_each_start(house: House) -> None:
    def writer(address: str) -> ProcessConfig:
        return make_config(id=ProcessId("z"), output=(ConfigIO("out", address),))

    async with house.open() as restreamer:
        with pytest.raises(InvalidError, match="unknown process 'z'"):
            await restreamer.add(reader("a", "z"))
        await restreamer.add(writer("udp://127.0.0.1:5001"))
        process = await restreamer.add(reader("a", "z"))
        await pid_of(restreamer, "a")
        assert "udp://127.0.0.1:5001" in process.state().command
        await restreamer.update(ProcessId("z"), writer("udp://127.0.0.1:5002"))
        assert "udp://127.0.0.1:5001" in process.state().command
        await restreamer.command(ProcessId("a"), "reload")
        await until(lambda: "udp://127.0.0.1:5002" in process.state().command)
        with pytest.raises(InvalidError, match="go round"):
            await restreamer.update(ProcessId("z"), replace(reader("z", "a")))


async def test_many_failures_at_once_are_one_alarm(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("daemon.restream.alarm.INTERVAL", 0.05)
    async with house.open() as restreamer:
        for number in range(4):
            await restreamer.add(make_config("exit 1", id=ProcessId(f"bad{number}")))
        await restreamer.add(make_config())
        await until(restreamer.alarms)
        assert [alarm.code for alarm in restreamer.alarms()] == ["many-failures"]
        said = [line for line in caplog.messages if line.startswith("restream: alarm:")]
        assert len(said) == 1
        for number in range(4):
            await restreamer.command(ProcessId(f"bad{number}"), "stop")
        await until(lambda: restreamer.alarms() == [])


@pytest.mark.usefixtures("short_ladder")
async def test_what_a_user_stops_is_no_failure(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.restream.alarm.INTERVAL", 0.05)
    async with house.open() as restreamer:
        names = [ProcessId(f"p{number}") for number in range(4)]
        for name in names:
            await restreamer.add(make_config("ignore INT,TERM; progress 0 0.05", id=name))
            await pid_of(restreamer, name)
        for name in names:
            await restreamer.command(name, "restart")
        assert restreamer._shared.alarm._failed == {}
