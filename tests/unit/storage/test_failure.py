"""The disk's complaints become our errors, our own faults don't."""

import errno
import sqlite3

import pytest

from daemon.errors import StorageError, StorageFullError
from daemon.storage.failure import is_damage, translated


def sqlite_error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("words of SQLite")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("problem", "kind", "text"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), StorageFullError, "no space left"),
        (OSError(errno.EDQUOT, "Quota exceeded"), StorageFullError, "quota"),
        (OSError(errno.EROFS, "Read-only file system"), StorageError, "read-only"),
        (TimeoutError(), StorageError, "the disk does not answer"),
        (sqlite_error(sqlite3.SQLITE_FULL), StorageFullError, "words of SQLite"),
        (sqlite_error(sqlite3.SQLITE_IOERR_FSYNC), StorageError, "words of SQLite"),
    ],
)
def test_every_complaint_has_its_error(
    problem: Exception, kind: type[StorageError], text: str
) -> None:
    expected = pytest.raises(StorageError, match=f"^x can't be written: {text}")
    with expected as caught, translated("x can't be written"):
        raise problem
    assert type(caught.value) is kind


@pytest.mark.parametrize("fault", [sqlite3.IntegrityError, sqlite3.ProgrammingError, KeyError])
def test_our_own_faults_pass_through(fault: type[Exception]) -> None:
    with pytest.raises(fault), translated("x"):
        raise fault


def test_damage_is_told_from_a_bad_moment() -> None:
    assert is_damage(sqlite_error(sqlite3.SQLITE_CORRUPT))
    assert is_damage(sqlite_error(sqlite3.SQLITE_CORRUPT | 1 << 8))
    assert is_damage(sqlite_error(sqlite3.SQLITE_NOTADB))
    assert not is_damage(sqlite_error(sqlite3.SQLITE_BUSY))
    assert not is_damage(sqlite3.OperationalError("no code"))
