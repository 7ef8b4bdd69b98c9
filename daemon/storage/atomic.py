"""Files that are either the old ones or the new ones, whatever happens in between (ST3)."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from daemon.errors import StorageError
from daemon.storage.failure import translated


def write_atomic(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace the file; durable on return, and the content before stays as ``NAME.bak``.

    Blocks. Raises StorageError, StorageFullError; then the file is as it was. A symbolic link
    is refused, for whoever may change it could choose the file that we overwrite.
    """
    with translated(f"{path} can't be written"):
        refuse_symlink(path)
        with _temporary(path, data, mode) as fresh:
            _keep_backup(path, mode)
            fresh.replace(path)
        sync_directory(path.parent)


def create_private(path: Path) -> None:
    """Create an empty file that only we can read; FileExistsError if anything is there."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))


def refuse_symlink(path: Path) -> None:
    """Raise StorageError if the name stands for another file."""
    if path.is_symlink():
        raise StorageError(f"{path} is a symbolic link; give the file itself")


def sync_directory(path: Path) -> None:
    """Make the renames in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _keep_backup(path: Path, mode: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        backup = path.with_name(f"{path.name}.bak")
        with _temporary(backup, path.read_bytes(), mode) as copy:
            copy.replace(backup)


@contextlib.contextmanager
def _temporary(path: Path, data: bytes, mode: int) -> Iterator[Path]:
    """Write the data beside the path; gone afterwards unless renamed."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    create_private(temporary)
    try:
        with temporary.open("r+b") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
