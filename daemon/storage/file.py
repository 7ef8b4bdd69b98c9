"""Files of a file system: their names, patterns over them, and what every kind can do."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from daemon.errors import InvalidError
from daemon.storage.glob import Glob

MAX_PATH = 1024  # bytes of UTF-8
MAX_NAME = 255  # bytes, what file systems of Linux take


@dataclass(frozen=True, slots=True)
class FileInfo:
    """One file. ``path`` begins with a slash; ``modified_at`` in Unix seconds."""

    path: str
    size_bytes: int
    modified_at: float
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """How full a file system is; ``limit_bytes`` 0 is no limit."""

    files: int
    used_bytes: int
    limit_bytes: int


class OpenFile(Protocol):
    """A file as it was when it was opened, whatever replaces it meanwhile."""

    @property
    def info(self) -> FileInfo: ...

    async def read(self, offset: int, size: int) -> bytes:
        """Give up to ``size`` bytes; fewer at the end."""

    async def close(self) -> None: ...


class Upload(Protocol):
    """A file on its way in; nobody sees it before ``commit``."""

    async def write(self, data: bytes) -> None:
        """Append. Raises StorageFullError."""

    async def commit(self) -> bool:
        """Put it in its place; True if there was no such file."""

    async def abort(self) -> None:
        """Forget it; harmless after ``commit``."""


class Filesystem(Protocol):
    """What memory and disk can both do. Paths are those of ``clean_path``."""

    @property
    def name(self) -> str: ...

    async def list(self, pattern: str = "") -> list[FileInfo]:
        """Give the files that a glob matches, all without one."""

    async def open(self, path: str) -> OpenFile:
        """Raise NotFoundError, also for what is no plain file."""

    async def upload(self, path: str) -> Upload:
        """Begin a file, or a new content of one."""

    async def delete(self, path: str) -> None:
        """Raise NotFoundError."""

    async def usage(self) -> Usage: ...


def clean_path(text: str) -> str:
    """Give ``/a/b`` for ``a//b`` and the like. Raises InvalidError for no name of a file."""
    parts = [part for part in text.split("/") if part]
    if not parts or text.endswith("/"):
        raise InvalidError("a path names a file, not a directory", reason="bad-path")
    for part in parts:
        if part in {".", ".."} or not part.isprintable() or len(part.encode()) > MAX_NAME:
            raise InvalidError("a part of the path can't be used", reason="bad-path")
    path = "/" + "/".join(parts)
    if len(path.encode()) > MAX_PATH:
        raise InvalidError(f"a path has at most {MAX_PATH} bytes", reason="bad-path")
    return path


def matching(files: Iterable[FileInfo], pattern: str) -> list[FileInfo]:
    """Select by a glob; "" selects all."""
    if not pattern:
        return list(files)
    glob = Glob(pattern)
    return [file for file in files if glob.matches(file.path)]
