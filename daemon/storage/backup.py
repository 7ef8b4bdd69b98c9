"""Copies of the database, and the way back to one when the database is damaged (ST5)."""

import logging
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from daemon.errors import StorageError
from daemon.storage import schema
from daemon.storage.atomic import create_private, refuse_symlink, sync_directory, write_atomic
from daemon.storage.failure import is_damage

log = logging.getLogger(__name__)

KEPT = 8  # the newest, whatever their age: what a migration or a restart came from
HOURS, DAYS = 24, 7  # and the last one of so many hours and days that have any
_HOUR, _DAY = len("20261125T21"), len("20261125")  # of a stamp
_COMPANIONS = ("", "-wal", "-shm")  # what SQLite keeps beside and with a database


def save(connection: sqlite3.Connection, path: Path) -> Path:
    """Copy the open database of ``path`` into ``backup/``, checked; the oldest ones go."""
    directory = _directory(path)
    directory.mkdir(mode=0o700, exist_ok=True)
    target = directory / f"{path.stem}-{_stamp()}.sqlite"
    part = target.with_suffix(".part")
    part.unlink(missing_ok=True)
    create_private(part)
    with closing(sqlite3.connect(part, isolation_level=None)) as copy:
        connection.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, readable on its own
    problem = find_problem(part)
    if problem:
        raise StorageError(f"the backup of {path} {problem}")
    part.replace(target)
    sync_directory(directory)
    backups = _backups(path)
    stamps = [backup.stem.removeprefix(f"{path.stem}-") for backup in backups]
    wanted = kept(stamps)
    for old, stamp in zip(backups, stamps, strict=True):
        if stamp not in wanted:
            old.unlink(missing_ok=True)
    return target


def kept(stamps: Sequence[str]) -> set[str]:
    """Choose which backups stay, of all their stamps, the newest first."""
    chosen = set(stamps[:KEPT])
    for length, most in ((_HOUR, HOURS), (_DAY, DAYS)):
        newest: dict[str, str] = {}
        for stamp in stamps:
            newest.setdefault(stamp[:length], stamp)
        chosen |= set(list(newest.values())[:most])
    return chosen


def ensure_sound(path: Path) -> Path | None:
    """Put the newest good backup in the place of a damaged database; gives that backup.

    None: nothing had to be done. The damaged file is moved aside, never deleted. Raises
    StorageError when there is no good backup, or the file is newer than we are or not ours;
    then nothing has been touched.
    """
    refuse_symlink(path)
    problem = find_problem(path) if path.exists() else "is missing"
    if problem in {"is missing", "is empty"} and not _backups(path):
        return None  # the first start, perhaps one that was interrupted
    return _recover(path, problem) if problem else None


def find_problem(path: Path) -> str:
    """Say what is broken about a database, to end a sentence; "" when it is sound.

    Opened for reading only, so that the evidence stays as it is. Raises StorageError for a
    file that is sound but not for us.
    """
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=5.0)) as connection:
            return _check(connection, path)
    except sqlite3.Error as problem:
        if not is_damage(problem):
            raise
        return f"is damaged ({problem})"
    except UnicodeDecodeError:  # SQLite quotes a damaged schema in its words
        return "is damaged (its schema is no text)"


def _check(connection: sqlite3.Connection, path: Path) -> str:
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        return f"is damaged ({verdict})"
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if not application and not version and not tables:
        return "is empty"
    if application != schema.APPLICATION_ID:
        raise StorageError(f"{path} is a database of another program")
    if version > schema.VERSION:
        raise StorageError(
            f"{path} was written by a newer dragonctl (schema {version}, this one knows "
            f"{schema.VERSION}); it is left as it is"
        )
    missing = schema.TABLES - tables if version == schema.VERSION else set()
    return f"is damaged (no table {min(missing)})" if missing else ""


def _recover(path: Path, problem: str) -> Path:
    backup = next((copy for copy in _backups(path) if _is_sound(copy)), None)
    if backup is None:
        directory = _directory(path)
        raise StorageError(f"{path} {problem}, and {directory} holds no good backup to restore")
    aside = path.with_name(f"{path.name}.damaged-{_stamp()}")
    content = backup.read_bytes()
    for companion in _COMPANIONS:
        found = path.with_name(path.name + companion)
        if found.exists():
            found.replace(aside.with_name(aside.name + companion))
    write_atomic(path, content)
    log.error(
        "store: %s %s; what was there is kept as %s*, and %s took its place: changes made "
        "after that backup are lost",
        *(path, problem, aside, backup),
    )
    return backup


def _is_sound(path: Path) -> bool:
    try:
        return not find_problem(path)
    except (StorageError, sqlite3.Error):
        return False


def _backups(path: Path) -> list[Path]:
    """Newest first, by the stamps in their names; last those of a clock that was ahead."""
    now = f"{path.stem}-{_stamp()}"
    copies = _directory(path).glob(f"{path.stem}-*.sqlite")
    return sorted(copies, key=lambda copy: (copy.stem <= now, copy.stem), reverse=True)


def _directory(path: Path) -> Path:
    return path.parent / "backup"


def _stamp() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
