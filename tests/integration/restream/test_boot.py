"""What a daemon finds when it starts: orders, strays, the work of a killed one."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.errors import InvalidError
from daemon.restream.config import ConfigIO, ProcessId
from daemon.restream.state import Exec, Order
from tests.integration.restream.house import INSTANCE, House, is_in, pid_of, reader
from tests.integration.restream.support import CAM, DEADLINE, exists, make_config, until

pytestmark = pytest.mark.slow


async def test_orders_and_metadata_survive_a_restart_of_the_daemon(house: House) -> None:
    async with house.open() as restreamer:
        await restreamer.add(make_config())
        await restreamer.add(make_config(id=ProcessId("b")))
        await restreamer.add(make_config(id=ProcessId("c"), autostart=False))
        await restreamer.command(ProcessId("b"), "stop")
        await restreamer.set_metadata(CAM, "key", {"deep": [1]})
        await restreamer.set_metadata(None, "system", "x")
        created = restreamer.get(CAM).created_at
        pid = await pid_of(restreamer)
    assert not exists(pid)
    async with house.open() as restreamer:
        await pid_of(restreamer)
        assert [process.id for process in restreamer.processes()] == ["b", "c", "cam"]
        assert [process.order for process in restreamer.processes()] == [
            Order.STOP, Order.STOP, Order.START,
        ]  # fmt: skip
        assert restreamer.metadata(CAM) == {"key": {"deep": [1]}}
        assert restreamer.metadata(None) == {"system": "x"}
        assert restreamer.get(CAM).created_at == created


async def test_a_lowered_limit_holds_back_processes_at_boot(house: House) -> None:
    async with house.open() as restreamer:
        await restreamer.add(make_config(id=ProcessId("a")))
        await restreamer.add(make_config(id=ProcessId("b")))
    async with house.open(max_processes=1) as restreamer:
        await pid_of(restreamer, "a")
        assert is_in(restreamer, Exec.FAILED, "b")
        assert "(1) reached" in restreamer.get(ProcessId("b")).state().last_logline


async def test_a_dangling_reference_fails_but_can_be_repaired_and_deleted(
    house: House,
) -> None:
    a, z = ProcessId("a"), ProcessId("z")
    async with house.open() as restreamer:
        output = (ConfigIO("out", "udp://127.0.0.1:5001"),)
        await restreamer.add(make_config(id=z, output=output))
        await restreamer.add(reader("a", "z"))
        await restreamer.delete(z)
    async with house.open() as restreamer:
        await until(lambda: is_in(restreamer, Exec.FAILED, "a"))
        state = restreamer.get(a).state()
        assert "unknown process 'z'" in state.last_logline
        assert state.order is Order.START
        with pytest.raises(InvalidError):
            await restreamer.command(a, "reload")
        await restreamer.update(a, make_config(id=a))
        await pid_of(restreamer, "a")
        await restreamer.delete(a)


def leftover(words: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start what a dead daemon could have left; it ignores SIGTERM already."""
    process = subprocess.Popen(
        words, env=environment, start_new_session=True, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    assert process.stderr.readline() == b"ready\n"
    return process


async def test_a_stray_of_an_earlier_daemon_is_ended_before_anything_starts(
    house: House, binary: Path
) -> None:
    environment = {"PATH": os.environ["PATH"], "DRAGONCTL_PROCESS": "cam#1"}
    words = [str(binary), "-script", "ignore TERM; say ready; wait"]
    mine = environment | {"DRAGONCTL_INSTANCE": INSTANCE}
    other = environment | {"DRAGONCTL_INSTANCE": "another"}
    with leftover(words, mine) as stray, leftover(words, other) as innocent:
        try:
            async with house.open():
                assert not exists(stray.pid)
                assert exists(innocent.pid)
        finally:
            stray.kill()
            innocent.kill()


DAEMON = """
import asyncio, sys
from pathlib import Path
from daemon.restream.restreamer import Restreamer
from daemon.restream.store import Store
from daemon.storage.database import Database
from tests.integration.restream.support import RecordedHooks

async def main(directory, binary, instance):
    restreamer = Restreamer(
        store=Store(Database.open(directory / "db.sqlite")), binary=binary,
        hooks=RecordedHooks(), work_dir=directory / "work", instance_id=instance)
    async with asyncio.TaskGroup() as group:
        group.create_task(restreamer.run())
        await restreamer.ready.wait()
        while True:
            pids = [process.state().pid for process in restreamer.processes()]
            frames = [process.state().progress.frame for process in restreamer.processes()]
            if all(pids) and all(frames):
                break
            await asyncio.sleep(0.01)
        print(*pids, flush=True)

asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
"""


@pytest.mark.usefixtures("short_ladder")
async def test_no_ffmpeg_outlives_a_killed_daemon_and_orders_come_back(house: House) -> None:
    ids = [ProcessId(f"p{number}") for number in range(4)]
    async with house.open() as restreamer:
        for process_id in ids:
            await restreamer.add(
                make_config("ignore INT,TERM; progress 1 0; wait", id=process_id)
            )
    words = [sys.executable, "-c", DAEMON, str(house.directory), str(house.binary), INSTANCE]
    daemon = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE)
    assert daemon.stdout is not None
    line = await asyncio.wait_for(daemon.stdout.readline(), DEADLINE)
    pids = [int(word) for word in line.split()]
    assert len(pids) == 4
    assert all(map(exists, pids))
    os.kill(daemon.pid, signal.SIGKILL)
    await until(lambda: not any(map(exists, pids)))
    await daemon.wait()
    async with house.open() as restreamer:
        for process_id in ids:
            await pid_of(restreamer, process_id)
