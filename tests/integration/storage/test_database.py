"""The database keeps what it promised, and says so when it can't."""

import asyncio
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.errors import StorageError, StorageFullError
from daemon.storage import schema
from daemon.storage.database import Database
from daemon.storage.revocation import Revocations

ADD = "INSERT INTO metadata (process_id, key, value) VALUES ('', ?, '1')"
KEYS = "SELECT key FROM metadata ORDER BY key"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "store.sqlite"


@pytest.fixture
def open_database(path: Path) -> Iterator[Callable[[], Database]]:
    opened: list[Database] = []

    def open_it() -> Database:
        opened.append(Database.open(path))
        return opened[-1]

    yield open_it
    for database in opened:
        database.close()


Open = Callable[[], Database]


async def keys(database: Database) -> list[str]:
    return [key for (key,) in await database.query(KEYS)]


async def test_what_was_written_is_there_after_a_restart(open_database: Open) -> None:
    database = open_database()
    assert await database.execute(ADD, ("a",)) == 1
    database.close()
    assert await keys(open_database()) == ["a"]


async def test_files_are_private_and_the_settings_durable(
    open_database: Open, path: Path
) -> None:
    database = open_database()
    await database.execute(ADD, ("a",))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {
        "store.sqlite": 0o600,
        "store.sqlite-wal": 0o600,
        "store.sqlite-shm": 0o600,
    }
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert await database.query("PRAGMA synchronous") == [(2,)]
    assert await database.query("PRAGMA journal_mode") == [("wal",)]
    assert await database.query("PRAGMA foreign_keys") == [(1,)]


async def test_a_transaction_is_all_or_nothing(open_database: Open) -> None:
    database = open_database()
    with pytest.raises(sqlite3.IntegrityError):
        await database.transaction([(ADD, ("a",)), (ADD, ("a",))])
    assert await keys(database) == []
    assert await database.transaction([(ADD, ("a",)), (ADD, ("b",))]) == 2


async def test_many_writers_lose_nothing(open_database: Open) -> None:
    database = open_database()
    async with asyncio.TaskGroup() as group:
        for number in range(100):
            group.create_task(database.execute(ADD, (f"{number:03}",)))
    assert await keys(database) == [f"{number:03}" for number in range(100)]


async def test_a_full_disk_is_said_and_changes_nothing(open_database: Open) -> None:
    database = open_database()
    [(pages,)] = await database.query("PRAGMA page_count")
    await database.query(f"PRAGMA max_page_count={pages}")
    big = "INSERT INTO metadata VALUES ('', 'big', hex(zeroblob(100000)))"
    with pytest.raises(StorageFullError):
        await database.transaction([(ADD, ("a",)), (big, ())])
    assert await keys(database) == []
    assert await database.execute(ADD, ("a",)) == 1


async def test_a_database_locked_by_another_is_a_storage_error(
    open_database: Open, path: Path
) -> None:
    database = open_database()
    await database.query("PRAGMA busy_timeout=50")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="locked"):
        await database.execute(ADD, ("a",))
    other.close()
    assert await database.execute(ADD, ("a",)) == 1


def run_and_kill(code: str, path: Path) -> list[bytes]:
    """Run a program, kill it after 50 lines; gives all its complete lines."""
    command = [sys.executable, "-c", code, str(path)]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(50)]
        writer.kill()
        lines += writer.stdout.readlines()
    return [line for line in lines if line.endswith(b"\n")]


async def test_a_killed_daemon_loses_nothing_that_it_had_confirmed(path: Path) -> None:
    code = (
        "import asyncio, pathlib, sys; from daemon.storage.database import Database\n"
        "database = Database.open(pathlib.Path(sys.argv[1]))\n"
        "async def main():\n"
        "    for n in range(10**6):\n"
        f"        await database.execute({ADD!r}, (f'{{n:07}}',)); print(n, flush=True)\n"
        "asyncio.run(main())"
    )
    confirmed = run_and_kill(code, path)
    database = Database.open(path)
    found = await keys(database)
    database.close()
    last = int(confirmed[-1])
    assert found[: last + 1] == [f"{number:07}" for number in range(last + 1)]
    assert len(found) <= last + 2


async def test_closing_twice_is_harmless(open_database: Open) -> None:
    database = open_database()
    database.close()
    database.close()


def test_a_newer_schema_is_refused_and_left_alone(path: Path) -> None:
    Database.open(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version={schema.VERSION + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StorageError, match="newer dragonctl"):
        Database.open(path)
    assert path.read_bytes() == before


def test_the_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE places (url TEXT)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StorageError, match="another program"):
        Database.open(path)
    assert path.read_bytes() == before


def test_a_symbolic_link_is_refused(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="symbolic link"):
        Database.open(path)


def test_a_first_start_that_was_interrupted_is_a_first_start(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    Database.open(path).close()


async def test_revocations_hold_until_their_time_and_over_restarts(open_database: Open) -> None:
    database = open_database()
    revocations = Revocations(database)
    for kind, token_id, end in (
        ("token", "a", 100.0),
        ("token", "b", 200.0),
        ("family", "c", 200.0),
    ):
        await revocations.add(kind, token_id, end)
    await revocations.add("token", "b", 150.0)
    assert revocations.contains("token", "a")
    database.close()
    again = Revocations(open_database())
    await again.load(now=99.0)
    assert again.contains("token", "a")
    assert again.contains("family", "c")
    assert not again.contains("token", "c")
    await again.load(now=199.0)
    assert not again.contains("token", "a")
    assert again.contains("token", "b")
