"""One daemon per data directory: an advisory lock that the kernel drops with its holder."""

import contextlib
import errno
import fcntl
import os
from pathlib import Path
from types import TracebackType

from daemon.errors import ConflictError
from daemon.storage.failure import translated


class DirectoryLock:
    """A held lock; also a context manager. A crash releases it, so it is never stale."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Let another daemon in. Harmless when repeated."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> "DirectoryLock":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


def lock_directory(path: Path) -> DirectoryLock:
    """Lock a data directory for this process.

    Raises ConflictError when another daemon holds it, StorageError when it can't be used.
    """
    with translated(f"{path} can't be locked"):
        descriptor = _open(path)
        try:
            _lock(descriptor, path)
        except BaseException:
            os.close(descriptor)
            raise
    return DirectoryLock(descriptor)


def _open(directory: Path) -> int:
    # Not inherited by children: FFmpeg must not hold the lock after we are gone
    flags = os.O_CLOEXEC | os.O_NOFOLLOW
    place = directory / "lock"
    try:
        return os.open(place, flags | os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        if error.errno not in {errno.EROFS, errno.EACCES}:
            raise
    # nothing can be written there; the kernel locks what can be read just as well
    if place.exists():
        return os.open(place, flags | os.O_RDONLY)
    return os.open(directory, flags | os.O_RDONLY | os.O_DIRECTORY)


def _lock(descriptor: int, directory: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _holder(descriptor)
        raise ConflictError(f"another daemon (pid {holder}) uses {directory}") from None
    with contextlib.suppress(OSError):  # a read-only file is locked as well, without our name
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def _holder(descriptor: int) -> str:
    try:
        text = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
    except OSError:  # the directory itself is what is locked
        text = ""
    return text or "unknown"
