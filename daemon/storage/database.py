"""Database: SQLite that keeps its promises: durable when it says so, never silently empty.

Parameters: reliability-security.md ST1, ST2, ST4, ST5.
"""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from daemon.errors import StorageError
from daemon.storage import backup, read_only, schema
from daemon.storage.atomic import create_private
from daemon.storage.failure import translated
from daemon.storage.read_only import is_writable

log = logging.getLogger(__name__)

BUSY_SECONDS = 5.0
ANSWER_SECONDS = 30.0  # a disk that takes longer is broken

Parameters = Sequence[object]
Row = tuple[Any, ...]
T = TypeVar("T")


class Database:
    """One SQLite file behind one thread; the event loop never waits for the disk.

    Every method raises StorageError (StorageFullError when the disk is full), and then nothing
    has changed. ``recovered_from`` is the backup that replaced a damaged file at this start.
    ``is_read_only``: the file can be read but not written, and every change is refused (ST7).
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        recovered_from: Path | None = None,
        *,
        is_read_only: bool = False,
    ) -> None:
        self.path = path
        self.recovered_from = recovered_from
        self.is_read_only = is_read_only
        self._connection = connection
        self._backed_up = connection.total_changes
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database")

    @classmethod
    def open(cls, path: Path) -> "Database":
        """Open or create. Blocks, so call it before the loop runs or in a thread.

        A damaged file is moved aside and the newest good backup takes its place. A file of a
        newer version, or one that isn't ours, is refused and left as it is.
        """
        if path.exists() and not is_writable(path):
            return cls(path, read_only.open_copy(path), is_read_only=True)
        with translated(f"{path} can't be opened"):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            recovered_from = backup.ensure_sound(path)
            if not path.exists():
                create_private(path)
            connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                _prepare(connection, path)
            except BaseException:
                connection.close()
                raise
        return cls(path, connection, recovered_from)

    async def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """Run one changing statement; durable on return. Gives the number of rows changed."""
        return await self.transaction([(sql, parameters)])

    async def transaction(self, statements: Sequence[tuple[str, Parameters]]) -> int:
        """Run all statements or none; durable on return. Gives the number of rows changed."""
        if self.is_read_only:
            text = f"{self.path} is read-only: nothing can be changed until it is writable"
            raise StorageError(text, reason="read-only-store")
        return await self._call(lambda: _transact(self._connection, statements))

    async def query(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        return await self._call(lambda: self._connection.execute(sql, parameters).fetchall())

    async def backup(self) -> Path:
        """Write a checked copy into ``backup/`` beside the database; gives its path."""
        return await self._call(self._backup)

    async def backup_changes(self) -> Path | None:
        """Back up, unless nothing has changed since the last time."""
        if self.is_read_only or self._connection.total_changes == self._backed_up:
            return None
        return await self.backup()

    def _backup(self) -> Path:
        changes = self._connection.total_changes
        written = backup.save(self._connection, self.path)
        self._backed_up = changes
        return written

    def close(self) -> None:
        """Finish what was asked for, keep a backup, close. Blocks; harmless when repeated."""
        self._thread.shutdown(wait=True)
        with contextlib.suppress(sqlite3.ProgrammingError):  # closed before
            if not self.is_read_only:
                _save_backup(self._connection, self.path)
        self._connection.close()

    async def _call(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        with translated(f"{self.path} can't be used"):
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    return await loop.run_in_executor(self._thread, work)
            except TimeoutError:
                self._connection.interrupt()  # what still runs fails and rolls back
                raise


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        raise StorageError(f"{path} is on a file system without shared memory; use a local one")
    # One flipped bit in a name must not hide all the rows
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version:
        _save_backup(connection, path)  # also what we go back to if a migration is wrong
    steps = [sql for migration in schema.MIGRATIONS[version:] for sql in migration]
    if steps:
        steps += [
            f"PRAGMA user_version={schema.VERSION}",
            f"PRAGMA application_id={schema.APPLICATION_ID}",
        ]
        _transact(connection, [(sql, ()) for sql in steps])


def _transact(
    connection: sqlite3.Connection, statements: Sequence[tuple[str, Parameters]]
) -> int:
    connection.execute("BEGIN IMMEDIATE")
    try:
        counts = [connection.execute(sql, values).rowcount for sql, values in statements]
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite may have rolled back by itself
            connection.execute("ROLLBACK")
        raise
    return sum(count for count in counts if count > 0)


def _save_backup(connection: sqlite3.Connection, path: Path) -> None:
    """Keep a copy if we can; a disk without room for it must not stop the daemon."""
    try:
        with translated("no backup of the store was written"):
            backup.save(connection, path)
    except StorageError as problem:
        log.warning("store: %s", problem)
