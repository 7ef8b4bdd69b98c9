"""DiskFilesystem: files below one directory; no name and no link leads out of it (F5).

Every path is walked from the root, part by part, without following links. All of it blocks,
so it runs in threads.
"""

import asyncio
import contextlib
import os
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from daemon.errors import InvalidError, NotFoundError, StorageFullError
from daemon.storage.failure import translated
from daemon.storage.file import FileInfo, Usage, matching

MAX_FILES = 100_000  # that are listed
USAGE_SECONDS = 10.0  # that a measurement is good for
_TEMPORARY = ".upload-"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class DiskFilesystem:
    """``limit_bytes`` 0 is no limit; uploads beyond it are refused."""

    name = "disk"

    def __init__(self, root: Path, limit_bytes: int = 0) -> None:
        self.root = root
        self.limit_bytes = limit_bytes
        self._usage = Usage(0, 0, limit_bytes)
        self._measured_at = -USAGE_SECONDS

    async def list(self, pattern: str = "") -> list[FileInfo]:
        start = pattern[: pattern.find("*")] if "*" in pattern else pattern
        begin = self.root / Path(start).parent.as_posix().lstrip(
            "/"
        )  # no need to look elsewhere
        return await asyncio.to_thread(lambda: matching(self._walk(begin), pattern))

    async def open(self, path: str) -> "DiskFile":
        return await asyncio.to_thread(self._open, path)

    async def upload(self, path: str) -> "DiskUpload":
        if self.limit_bytes and (await self.usage()).used_bytes >= self.limit_bytes:
            raise StorageFullError("the disk file system is full", reason="storage-full")
        return await asyncio.to_thread(DiskUpload, self, path)

    async def delete(self, path: str) -> None:
        await asyncio.to_thread(self._delete, path)

    async def usage(self) -> Usage:
        """Measure, at most once in ten seconds."""
        now = time.monotonic()
        if now - self._measured_at >= USAGE_SECONDS:
            self._measured_at = now
            sizes = await asyncio.to_thread(
                lambda: [file.size_bytes for file in self._walk(self.root)]
            )
            self._usage = Usage(len(sizes), sum(sizes), self.limit_bytes)
        return self._usage

    @contextlib.contextmanager
    def enter(self, path: str, *, is_making: bool = False) -> Iterator[tuple[int, str]]:
        """Give the open directory of a path and the name in it.

        Raises NotFoundError, or InvalidError where a link or a file stands in the way.
        """
        *above, name = path.strip("/").split("/")
        current = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in above:
                below = _step(current, part, is_making=is_making)
                os.close(current)
                current = below
            yield current, name
        finally:
            os.close(current)

    def _open(self, path: str) -> "DiskFile":
        with _told(path), self.enter(path) as (directory, name):
            file = os.fdopen(os.open(name, _READ, dir_fd=directory), "rb")
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            file.close()
            raise _missing(path)
        return DiskFile(file, _info(path, status))

    def _delete(self, path: str) -> None:
        with _told(path), self.enter(path) as (directory, name):
            os.unlink(name, dir_fd=directory)

    def _walk(self, begin: Path) -> Iterator[FileInfo]:
        """Give every plain file, at most 100,000; what vanishes meanwhile is left out."""
        count = 0
        if not begin.is_dir():
            return
        for above, directories, names, fd in os.fwalk(begin):
            directories.sort()
            base = Path(above).relative_to(self.root)
            for name in sorted(names):
                if name.startswith(_TEMPORARY):
                    continue
                with contextlib.suppress(OSError):
                    status = os.stat(name, dir_fd=fd, follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode):
                        yield _info(f"/{base / name}", status)
                        count += 1
                if count >= MAX_FILES:
                    return


class DiskFile:
    """An open file; who replaces it makes another one."""

    def __init__(self, file: BinaryIO, info: FileInfo) -> None:
        self.info = info
        self._file = file

    async def read(self, offset: int, size: int) -> bytes:
        return await asyncio.to_thread(os.pread, self._file.fileno(), size, offset)

    async def close(self) -> None:
        self._file.close()


class DiskUpload:
    """A temporary file beside its place. The constructor blocks."""

    def __init__(self, filesystem: DiskFilesystem, path: str) -> None:
        self._filesystem = filesystem
        self._path = path
        self._temporary = f"{_TEMPORARY}{secrets.token_hex(8)}"
        self._size = 0
        with translated(f"{path} can't be written"), self._place() as (directory, _):
            number = os.open(self._temporary, _NEW, 0o644, dir_fd=directory)
        self._file: BinaryIO | None = os.fdopen(number, "wb")

    async def write(self, data: bytes) -> None:
        self._size += len(data)
        limit = self._filesystem.limit_bytes
        if limit and (await self._filesystem.usage()).used_bytes + self._size > limit:
            raise StorageFullError("the disk file system is full", reason="storage-full")
        await asyncio.to_thread(self._write, data)

    async def commit(self) -> bool:
        return await asyncio.to_thread(self._commit)

    async def abort(self) -> None:
        await asyncio.to_thread(self._abort)

    def _write(self, data: bytes) -> None:
        assert self._file is not None, "nothing is written after the end"
        with translated(f"{self._path} can't be written"):
            self._file.write(data)

    def _commit(self) -> bool:
        assert self._file is not None, "nothing is written after the end"
        with translated(f"{self._path} can't be written"), self._place() as (directory, name):
            self._file.flush()
            os.fsync(self._file.fileno())
            is_new = not _exists(directory, name)
            os.rename(self._temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
            self._file.close()
            self._file = None
        return is_new

    def _abort(self) -> None:
        if self._file is None:
            return
        self._file.close()
        self._file = None
        with contextlib.suppress(OSError, NotFoundError), self._place() as (directory, _):
            os.unlink(self._temporary, dir_fd=directory)

    def _place(self) -> contextlib.AbstractContextManager[tuple[int, str]]:
        return self._filesystem.enter(self._path, is_making=True)


def _step(current: int, part: str, *, is_making: bool) -> int:
    """Open a directory below another, made if need be."""
    try:
        return os.open(part, _DIRECTORY, dir_fd=current)
    except FileNotFoundError:
        if not is_making:
            raise
        with contextlib.suppress(FileExistsError):  # somebody else was faster
            os.mkdir(part, 0o755, dir_fd=current)
        return os.open(part, _DIRECTORY, dir_fd=current)
    except NotADirectoryError:
        raise InvalidError(
            "a file or a link stands where the path has a directory", reason="bad-path"
        ) from None


def _exists(directory: int, name: str) -> bool:
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(status.st_mode):
        raise InvalidError("a directory has this name", reason="bad-path")
    return True


@contextlib.contextmanager
def _told(path: str) -> Iterator[None]:
    """Make a file that can't be had one that isn't there: links, directories, no right."""
    try:
        yield
    except (OSError, InvalidError) as error:
        raise _missing(path) from error


def _missing(path: str) -> NotFoundError:
    return NotFoundError("File not found", details=[path], reason="no-file")


def _info(path: str, status: os.stat_result) -> FileInfo:
    etag = f'"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"'
    return FileInfo(path, status.st_size, status.st_mtime, etag)
