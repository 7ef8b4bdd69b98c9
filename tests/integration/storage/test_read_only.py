"""A store that can be read but not written is served, log and all; no changes (ST7)."""

import asyncio
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.errors import ConflictError, StorageError
from daemon.storage.database import Database
from daemon.storage.lock import lock_directory
from daemon.storage.read_only import MEMORY, scratch
from daemon.storage.revocation import Revocations
from daemon.storage.schedule import run_backups
from tests.conftest import give_up

ADD = "INSERT INTO metadata (process_id, key, value) VALUES ('', ?, '1')"


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[Path]:
    """Mount a directory with a database whose last change is in its log only, read-only."""
    live, copy, place = tmp_path / "live", tmp_path / "copy", tmp_path / "sealed"
    copy.mkdir()
    place.mkdir()
    database = Database.open(live / "store.sqlite")
    asyncio.run(database.execute(ADD, ("promised",)))
    for name in ("store.sqlite", "store.sqlite-wal"):  # as a power cut would leave them
        shutil.copy(live / name, copy)
    database.close()
    mount = ["mount", "--bind", str(copy), str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        give_up(f"a read-only directory needs the right to mount: {done.stderr.strip()}")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True)
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


async def test_it_can_be_read_and_every_change_is_refused(sealed: Path) -> None:
    with lock_directory(sealed):
        database = Database.open(sealed / "store.sqlite")
        assert database.is_read_only
        assert await database.query("SELECT key FROM metadata") == [("promised",)]
        with pytest.raises(StorageError, match="read-only") as refused:
            await database.execute(ADD, ("more",))
        assert refused.value.reason == "read-only-store"
        revocations = Revocations(database)
        await revocations.load(0.0)
        assert await database.backup_changes() is None
        database.close()


async def test_it_can_be_read_where_no_disk_can_be_written(
    sealed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/proc"])
    database = Database.open(sealed / "store.sqlite")
    assert await database.query("SELECT key FROM metadata") == [("promised",)]
    database.close()
    place = scratch()
    assert place.parent == MEMORY
    place.rmdir()


def test_it_is_locked_all_the_same(sealed: Path) -> None:
    with lock_directory(sealed), pytest.raises(ConflictError):
        lock_directory(sealed)


def test_a_damaged_one_is_refused_for_it_cannot_be_restored(sealed: Path) -> None:
    (sealed.parent / "copy" / "store.sqlite").write_bytes(b"garbage" * 1000)
    (sealed.parent / "copy" / "store.sqlite-wal").unlink()
    with pytest.raises(StorageError, match="read-only"):
        Database.open(sealed / "store.sqlite")


async def test_backups_come_by_the_clock_when_something_changed(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "store.sqlite")

    def backups() -> list[Path]:
        return sorted((tmp_path / "backup").glob("*.sqlite"))

    async with asyncio.TaskGroup() as group:
        task = group.create_task(run_backups(database, 0.01))
        await database.execute(ADD, ("one",))
        async with asyncio.timeout(60):
            while not backups():  # noqa: ASYNC110 - the file is all there is to see
                await asyncio.sleep(0.01)
        [written] = backups()
        connection = sqlite3.connect(written)
        assert connection.execute("SELECT key FROM metadata").fetchall() == [("one",)]
        connection.close()
        task.cancel()
    await database.query("SELECT 1")  # behind whatever the task had begun
    assert await database.backup_changes() is None
    await database.execute(ADD, ("two",))
    assert await database.backup_changes() is not None
    database.close()
