"""One daemon per data directory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.errors import ConflictError, StorageError
from daemon.storage.lock import lock_directory


def test_the_second_hears_who_was_first(tmp_path: Path) -> None:
    with lock_directory(tmp_path):
        expected = rf"another daemon \(pid {os.getpid()}\) uses {tmp_path}"
        with pytest.raises(ConflictError, match=expected):
            lock_directory(tmp_path)
    lock_directory(tmp_path).release()


def test_releasing_twice_is_harmless(tmp_path: Path) -> None:
    lock = lock_directory(tmp_path)
    lock.release()
    with lock_directory(tmp_path):
        lock.release()
        with pytest.raises(ConflictError):
            lock_directory(tmp_path)


def test_a_killed_holder_leaves_no_stale_lock(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from daemon.storage.lock import lock_directory\n"
        "lock = lock_directory(pathlib.Path(sys.argv[1])); print('held', flush=True)\n"
        "sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ConflictError, match=str(holder.pid)):
            lock_directory(tmp_path)
        holder.kill()
    lock_directory(tmp_path).release()


def test_children_do_not_inherit_the_lock(tmp_path: Path) -> None:
    lock = lock_directory(tmp_path)
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False)
    with child:
        lock.release()
        lock_directory(tmp_path).release()
        child.kill()


def test_a_missing_directory_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="can't be locked"):
        lock_directory(tmp_path / "gone")
