"""One daemon per data directory: an advisory lock that the kernel drops with its holder."""

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
        # Not inherited by children: FFmpeg must not hold the lock after we are gone
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path / "lock", flags, 0o600)
        try:
            _lock(descriptor, path)
        except BaseException:
            os.close(descriptor)
            raise
    return DirectoryLock(descriptor)


def _lock(descriptor: int, directory: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
        raise ConflictError(f"another daemon (pid {holder}) uses {directory}") from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
