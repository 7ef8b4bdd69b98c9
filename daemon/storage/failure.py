"""What the disk and SQLite complain about, as our errors."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from daemon.errors import StorageError, StorageFullError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise StorageError or StorageFullError instead of what the body ran into.

    ``what`` begins the sentence, such as "config.toml can't be written". Faults in our own SQL
    (constraints, wrong parameters) pass through.
    """
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise
    except (sqlite3.Error, OSError) as problem:
        kind = StorageFullError if _is_full(problem) else StorageError
        raise kind(f"{what}: {_text(problem)}") from problem


def is_damage(problem: sqlite3.Error) -> bool:
    """Whether SQLite says that the file itself is broken, not the way to it."""
    code: int | None = getattr(problem, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGED


def _is_full(problem: sqlite3.Error | OSError) -> bool:
    if isinstance(problem, OSError):
        return problem.errno in _FULL
    code: int | None = getattr(problem, "sqlite_errorcode", None)
    return code is not None and code & 0xFF == sqlite3.SQLITE_FULL


def _text(problem: sqlite3.Error | OSError) -> str:
    if isinstance(problem, TimeoutError):
        return "the disk does not answer"
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror.lower()
    return str(problem)
