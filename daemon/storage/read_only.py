"""A store that can be read but not written: better served and supervised than not at all (ST7).

SQLite can't open a database with a write-ahead log where it can't write, and to ignore the log
would be to lose what was promised; so we work on a copy that nobody keeps.
"""

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from daemon.errors import StorageError
from daemon.storage import backup
from daemon.storage.failure import translated

MEMORY = Path("/dev/shm")  # noqa: S108 - only what is made there with a name of its own


def scratch() -> Path:
    """Make a private directory for what may be lost; in memory, if every disk is read-only.

    Raises OSError.
    """
    try:
        place = Path(tempfile.gettempdir())
    except FileNotFoundError:
        place = MEMORY
    return Path(tempfile.mkdtemp(prefix="dragonctl-", dir=place))


def is_writable(path: Path) -> bool:
    """Whether a database can be changed: itself, and the files beside it."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def open_copy(path: Path) -> sqlite3.Connection:
    """Give the content in memory, log and all. Blocks. Raises StorageError."""
    with translated(f"{path} can't be read"):
        directory = scratch()
        try:
            connection = _copied(path, directory / path.name)
        finally:
            shutil.rmtree(directory)
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    return connection


def _copied(path: Path, copy: Path) -> sqlite3.Connection:
    for end in ("", "-wal"):
        companion = path.with_name(path.name + end)
        if companion.exists():
            shutil.copyfile(companion, copy.with_name(copy.name + end))
    problem = backup.find_problem(copy)
    if problem:
        raise StorageError(f"{path} {problem}, and can't be repaired while it is read-only")
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    with closing(sqlite3.connect(copy)) as source:
        source.backup(connection)
    return connection
