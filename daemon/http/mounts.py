"""Storage: the file systems that are served, and who may write to memory; from the Config."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from daemon.config import Config
from daemon.http.download import ContentTypes
from daemon.http.peer import is_ours
from daemon.storage.disk import DiskFilesystem
from daemon.storage.grant import MARKER, Grants
from daemon.storage.memory import MemoryFilesystem

MIB = 1024 * 1024
MEMORY_SHARE = 4  # without a limit of its own, memory files take one part in so many
IsOurs = Callable[[tuple[str, int], tuple[str, int]], bool]
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True, slots=True)
class WriteAuth:
    """Who besides our own FFmpegs may write to memory. "" as password: nobody."""

    is_needed: bool = True
    username: str = "admin"
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Storage:
    """Both file systems and how they are served; ``is_ours`` knows connections of our user."""

    disk: DiskFilesystem
    memory: MemoryFilesystem
    grants: Grants = field(default_factory=Grants)
    write_auth: WriteAuth = WriteAuth()
    content_types: ContentTypes = field(default_factory=ContentTypes)
    is_ours: IsOurs = is_ours


def mount(config: Config, before: Storage | None = None) -> Storage:
    """Make what the configuration asks for; after a reload the files and grants stay."""
    storage = config.storage
    memory_bytes = storage.memory.max_size_mbytes * MIB or default_memory_bytes()
    if before is None:
        disk = DiskFilesystem(Path(storage.disk.dir).resolve())
        memory = MemoryFilesystem(memory_bytes)
        before = Storage(disk, memory)
    before.disk.limit_bytes = storage.disk.max_size_mbytes * MIB
    before.memory.resize(memory_bytes, is_purging=storage.memory.purge)
    auth = storage.memory.auth
    return Storage(
        disk=before.disk,
        memory=before.memory,
        grants=before.grants,
        write_auth=WriteAuth(auth.enable, auth.username, auth.password),
        content_types=ContentTypes(Path(storage.mimetypes_file)),
    )


def memfs_url(configured: str, shown: str) -> str:
    """Give what ``{memfs}`` stands for; ``shown`` is an address that we listen on for that."""
    host, _, port = shown.rpartition(":")
    if configured.startswith(":"):
        host = ""  # both families, and not every machine has an [::1]
    everywhere = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104
    return f"http://{everywhere.get(host, host)}:{port}/memfs/{MARKER}"


def default_memory_bytes() -> int:
    """Give a quarter of what this machine, or our control group, has."""
    total: int = psutil.virtual_memory().total
    try:
        text = _CGROUP_LIMIT.read_text(encoding="ascii").strip()
    except OSError:
        text = "max"
    return min(total, int(text) if text.isdigit() else total) // MEMORY_SHARE
