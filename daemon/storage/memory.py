"""MemoryFilesystem: files in memory, bounded; what FFmpeg writes for players, such as HLS."""

import itertools
import secrets
import time
from collections.abc import Callable

from daemon.errors import NotFoundError, StorageFullError
from daemon.storage.file import FileInfo, Upload, Usage, matching

MAX_FILES = 100_000


class MemoryFilesystem:
    """``limit_bytes`` bounds files and uploads together.

    Full: with ``is_purging`` the oldest files go, else what is new is refused.
    """

    name = "mem"

    def __init__(
        self,
        limit_bytes: int,
        *,
        is_purging: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.limit_bytes = limit_bytes
        self.is_purging = is_purging
        self._now = now
        self._files: dict[str, MemoryFile] = {}  # by path, oldest first
        self._used = 0
        self._coming = 0
        self._versions = itertools.count(secrets.randbits(48))

    async def list(self, pattern: str = "") -> list[FileInfo]:
        return matching([file.info for file in self._files.values()], pattern)

    async def open(self, path: str) -> "MemoryFile":
        if path not in self._files:
            raise NotFoundError("File not found", details=[path], reason="no-file")
        return self._files[path]

    async def upload(self, path: str) -> Upload:
        return _MemoryUpload(self, path)

    async def delete(self, path: str) -> None:
        if path not in self._files:
            raise NotFoundError("File not found", details=[path], reason="no-file")
        self._remove(path)

    async def usage(self) -> Usage:
        return Usage(len(self._files), self._used, self.limit_bytes)

    def resize(self, limit_bytes: int, *, is_purging: bool) -> None:
        """Take another limit; what is too much goes only if purging is on."""
        self.limit_bytes, self.is_purging = limit_bytes, is_purging
        if is_purging:
            self._purge()

    def take(self, size: int) -> None:
        """Note bytes of an upload. Raises StorageFullError."""
        self._coming += size
        if self.is_purging and self._coming <= self.limit_bytes:  # else it would be for nothing
            self._purge()
        if self._used + self._coming > self.limit_bytes:
            self._coming -= size
            raise StorageFullError("the memory file system is full", reason="storage-full")

    def give_back(self, size: int) -> None:
        """Note the end of an upload, whichever it was."""
        self._coming -= size

    def put(self, path: str, data: bytes) -> bool:
        """Place a file; True if it is new. Raises StorageFullError at 100,000 files."""
        is_new = path not in self._files
        if is_new and len(self._files) >= MAX_FILES:
            raise StorageFullError(f"there are {MAX_FILES} files", reason="storage-full")
        if not is_new:
            self._remove(path)
        info = FileInfo(path, len(data), self._now(), f'"{next(self._versions):x}"')
        self._files[path] = MemoryFile(info, data)
        self._used += len(data)
        return is_new

    def _remove(self, path: str) -> None:
        self._used -= self._files.pop(path).info.size_bytes

    def _purge(self) -> None:
        while self._files and self._used + self._coming > self.limit_bytes:
            self._remove(next(iter(self._files)))


class MemoryFile:
    """One content of a file; a new content is a new MemoryFile."""

    def __init__(self, info: FileInfo, data: bytes) -> None:
        self.info = info
        self._data = data

    async def read(self, offset: int, size: int) -> bytes:
        return self._data[offset : offset + size]

    async def close(self) -> None:
        """Nothing to do: the garbage collector knows."""


class _MemoryUpload:
    def __init__(self, filesystem: MemoryFilesystem, path: str) -> None:
        self._filesystem = filesystem
        self._path = path
        self._parts: list[bytes] = []
        self._size = 0

    async def write(self, data: bytes) -> None:
        self._filesystem.take(len(data))
        self._parts.append(data)
        self._size += len(data)

    async def commit(self) -> bool:
        data = b"".join(self._parts)
        await self.abort()
        return self._filesystem.put(self._path, data)

    async def abort(self) -> None:
        self._filesystem.give_back(self._size)
        self._parts, self._size = [], 0
