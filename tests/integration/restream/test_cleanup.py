"""Clean-up rules under supervision: once a second, and when a process or the daemon ends."""

from pathlib import Path
from typing import Any

import pytest

from daemon.restream.config import ConfigCleanup, ConfigIO, ProcessId
from daemon.restream.policy import Policy
from daemon.restream.state import Order
from daemon.storage.disk import DiskFilesystem
from tests.integration.restream.house import House, pid_of
from tests.integration.restream.support import CAM, make_config, names_in, until

FILES = ("cam_1.ts", "cam_2.ts", "cam_3.ts", "other.ts")


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    root = tmp_path / "disk"
    root.mkdir()
    for name in FILES:
        (root / name).write_bytes(b"x")
    return root


def ruled(script: str = "progress 0 0.05", **rule: Any) -> Any:
    cleanup = (ConfigCleanup("diskfs:/{processid}_*.ts", **rule),)
    output = ConfigIO("out", "-", ("-f", "null"), cleanup)
    return make_config(script, output=(output,))


async def test_only_so_many_files_stay(house: House, disk: Path) -> None:
    async with house.open(filesystems={"disk": DiskFilesystem(disk)}) as restreamer:
        await restreamer.add(ruled(max_files=1))
        await until(lambda: len(names_in(disk)) == 2)
    assert "other.ts" in names_in(disk)


async def test_a_deletion_purges_after_ffmpeg_has_ended(house: House, disk: Path) -> None:
    async with house.open(filesystems={"disk": DiskFilesystem(disk)}) as restreamer:
        await restreamer.add(ruled(purge_on_delete=True))
        await pid_of(restreamer)
        assert len(names_in(disk)) == len(FILES)
        await restreamer.delete(CAM)
        await until(lambda: names_in(disk) == ["other.ts"])


async def test_a_change_that_starts_anew_purges_and_another_does_not(
    house: House, disk: Path
) -> None:
    async with house.open(filesystems={"disk": DiskFilesystem(disk)}) as restreamer:
        await restreamer.add(ruled(purge_on_delete=True))
        await pid_of(restreamer)
        same = ruled(purge_on_delete=True, max_files=3)
        await restreamer.update(CAM, same)
        assert len(names_in(disk)) == len(FILES)
        await restreamer.update(CAM, ruled("progress 0 0.04", purge_on_delete=True))
        await until(lambda: names_in(disk) == ["other.ts"])


async def test_the_end_of_the_daemon_purges(house: House, disk: Path) -> None:
    async with house.open(filesystems={"disk": DiskFilesystem(disk)}) as restreamer:
        await restreamer.add(ruled(purge_on_delete=True))
        await pid_of(restreamer)
    assert names_in(disk) == ["other.ts"]


async def test_a_full_disk_stops_who_writes_to_it_and_nobody_else(
    house: House, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.restream.full.PERIOD", 0.01)
    monkeypatch.setattr("daemon.storage.disk.USAGE_SECONDS", 0.0)
    filesystem = DiskFilesystem(disk)
    reader = ProcessId("reader")
    output = ConfigIO("out", f"{disk}/film.ts", ("-f", "mpegts"))
    async with house.open(
        filesystems={"disk": filesystem}, policy=Policy(disk_dir=disk)
    ) as restreamer:
        await restreamer.add(make_config(output=(output,)))
        await restreamer.add(make_config(id=reader))
        await pid_of(restreamer)
        await pid_of(restreamer, reader)
        assert restreamer.alarms() == []
        filesystem.limit_bytes = len(FILES)
        await until(lambda: restreamer.get(CAM).state().order is Order.STOP)
        await until(lambda: not restreamer.get(CAM).is_alive)
        [alarm] = restreamer.alarms()
        assert alarm.code == "disk-full"
        assert "the disk is full" in restreamer.get(CAM).state().last_logline
        assert restreamer.get(reader).state().order is Order.START
        filesystem.limit_bytes = 100
        await until(lambda: restreamer.alarms() == [])
    async with house.open() as restreamer:
        assert restreamer.get(CAM).order is Order.STOP  # durable, as the answer to a user's is
