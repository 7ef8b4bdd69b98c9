"""A damaged database: never silently empty, never deleted (ST5, FI30)."""

import asyncio
import logging
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.errors import StorageError
from daemon.storage.backup import KEPT
from daemon.storage.database import Database

ADD = "INSERT INTO metadata (process_id, key, value) VALUES ('', ?, '1')"


def keys(path: Path) -> set[bytes]:
    connection = sqlite3.connect(path)
    connection.text_factory = bytes
    found = {key for (key,) in connection.execute("SELECT key FROM metadata")}
    connection.close()
    return found


def count(path: Path) -> int:
    connection = sqlite3.connect(path)
    [(rows,)] = connection.execute("SELECT count(*) FROM metadata").fetchall()
    connection.close()
    return int(rows)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


@pytest.fixture
def content(path: Path) -> bytes:
    """Write a database with 300 keys and one backup of them; gives its bytes."""

    async def fill() -> None:
        await database.transaction([(ADD, (f"key {number}",)) for number in range(300)])

    database = Database.open(path)
    asyncio.run(fill())
    database.close()
    return path.read_bytes()


def aside(path: Path) -> list[Path]:
    return sorted(path.parent.glob("store.sqlite.damaged-*Z"))


def test_damage_is_said_aloud_and_the_backup_takes_its_place(
    content: bytes, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = content[:4096] + b"\xaa" * 4096 + content[8192:]
    path.write_bytes(damaged)
    with caplog.at_level(logging.ERROR):
        database = Database.open(path)
    database.close()
    assert database.recovered_from is not None
    assert len(keys(path)) == 300
    assert [file.read_bytes() for file in aside(path)] == [damaged]
    assert "is damaged" in caplog.text
    assert "changes made after that backup are lost" in caplog.text


def test_a_sound_start_recovers_nothing(content: bytes, path: Path) -> None:
    database = Database.open(path)
    database.close()
    assert content
    assert database.recovered_from is None
    assert aside(path) == []


@pytest.mark.parametrize(
    "damage",
    [lambda _: b"", lambda content: content[:100], lambda _: b"no database" * 100],
    ids=["emptied", "cut", "overwritten"],
)
def test_nothing_is_ever_silently_empty(
    damage: Callable[[bytes], bytes], content: bytes, path: Path
) -> None:
    path.write_bytes(damage(content))
    Database.open(path).close()
    assert len(keys(path)) == 300
    assert len(aside(path)) == 1


def test_a_missing_database_is_restored(content: bytes, path: Path) -> None:
    assert content
    path.unlink()
    Database.open(path).close()
    assert len(keys(path)) == 300


@pytest.mark.slow
def test_cut_anywhere_it_is_recovered(content: bytes, path: Path) -> None:
    for size in range(0, len(content), 512):
        path.write_bytes(content[:size])
        database = Database.open(path)
        database.close()
        assert len(keys(path)) == 300, size
        assert database.recovered_from is not None, size


@pytest.mark.slow
def test_flipped_bits_are_recovered_refused_or_harmless(content: bytes, path: Path) -> None:
    dice = random.Random(1)
    for _ in range(150):
        damaged = bytearray(content)
        place = dice.randrange(len(content))
        damaged[place] ^= 1 << dice.randrange(8)
        path.write_bytes(damaged)
        try:
            Database.open(path).close()
        except StorageError:
            assert path.read_bytes() == damaged
            continue
        # A changed letter can't be seen: one key may be wrong, but none is gone
        assert count(path) == 300, place
        assert len(keys(path)) >= 299, place


def test_without_a_good_backup_the_start_is_refused_and_nothing_touched(
    content: bytes, path: Path
) -> None:
    for backup in (path.parent / "backup").iterdir():
        backup.write_bytes(b"bad too")
    damaged = b"\0" * len(content)
    path.write_bytes(damaged)
    with pytest.raises(StorageError, match="no good backup"):
        Database.open(path)
    assert path.read_bytes() == damaged
    assert aside(path) == []


def test_a_bad_backup_is_passed_over_for_an_older_good_one(content: bytes, path: Path) -> None:
    (path.parent / "backup" / "store-99991231T000000.sqlite").write_bytes(content[:5000])
    path.write_bytes(b"")
    Database.open(path).close()
    assert len(keys(path)) == 300


def test_a_backup_of_a_clock_that_was_ahead_is_not_the_newest(
    content: bytes, path: Path
) -> None:
    directory = path.parent / "backup"
    for number in range(KEPT):
        ahead = directory / f"store-99991231T0000{number:02}.000000Z.sqlite"
        next(directory.glob("store-2*")).replace(ahead)
        database = Database.open(path)
        asyncio.run(database.execute(ADD, (f"after {number}",)))
        database.close()
    assert len(keys(path)) == 300 + KEPT
    for backup in sorted(directory.glob("store-2*"))[:-1]:
        backup.unlink()
    path.write_bytes(content[:4096])
    Database.open(path).close()
    assert len(keys(path)) == 300 + KEPT


def test_only_the_newest_backups_are_kept(content: bytes, path: Path) -> None:
    assert content
    for _ in range(KEPT):
        Database.open(path).close()
    backups = sorted((path.parent / "backup").iterdir())
    assert len(backups) == KEPT
    assert {backup.stat().st_mode & 0o777 for backup in backups} == {0o600}
    assert all(len(keys(backup)) == 300 for backup in backups)


async def test_a_backup_can_be_taken_while_the_database_is_in_use(path: Path) -> None:
    database = Database.open(path)
    await database.execute(ADD, ("live",))
    backup = await database.backup()
    await database.execute(ADD, ("later",))
    assert keys(backup) == {b"live"}
    database.close()


def test_no_room_for_a_backup_does_not_stop_the_start(
    content: bytes, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert content
    directory = path.parent / "backup"
    for backup in directory.iterdir():
        backup.unlink()
    directory.rmdir()
    directory.write_text("in the way")
    Database.open(path).close()
    assert len(keys(path)) == 300
    assert "no backup of the store was written" in caplog.text
