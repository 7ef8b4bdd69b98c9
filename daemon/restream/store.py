"""Store: processes, their orders and metadata, on disk. A return means durable (D17)."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from daemon.errors import ConflictError, InvalidError, NotFoundError
from daemon.restream.config import (
    ConfigCleanup,
    ConfigIO,
    ConfigLimits,
    ConfigWebRTC,
    ProcessConfig,
    ProcessId,
)

log = logging.getLogger(__name__)

MAX_VALUE_BYTES = 64 * 1024  # F9, as JSON
MAX_METADATA_BYTES = 1024 * 1024  # of one process, or of the system

Metadata = dict[str, Any]


class Database(Protocol):
    """What we need of ``daemon.storage.database``."""

    async def transaction(self, statements: Sequence[tuple[str, Sequence[object]]]) -> int: ...

    async def query(self, sql: str, parameters: Sequence[object] = ()) -> list[Any]: ...


@dataclass(frozen=True, slots=True)
class StoredProcess:
    """One process as kept. Times in Unix seconds; ``order`` is "start" or "stop"."""

    config: ProcessConfig
    order: str
    created_at: int
    updated_at: int
    metadata: Metadata = field(default_factory=dict)


class Store:
    """The only place where processes are written down."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_all(self) -> list[StoredProcess]:
        """Every process, sorted by id. One that can't be read is logged and left on disk."""
        rows = await self._database.query(
            'SELECT id, config, "order", created_at, updated_at FROM process ORDER BY id'
        )
        metadata = await self._load_metadata()
        processes = []
        for process_id, text, order, created_at, updated_at in rows:
            try:
                config = decode(text)
            except (ValueError, KeyError, TypeError):
                log.exception("process %s: the stored config is unreadable", process_id)
                continue
            mine = metadata.get(process_id, {})
            processes.append(StoredProcess(config, order, created_at, updated_at, mine))
        return processes

    async def save(
        self, config: ProcessConfig, *, order: str, created_at: int, updated_at: int
    ) -> None:
        """Write one process, new or not; its metadata stays."""
        await self._database.transaction([_upsert(config, order, created_at, updated_at)])

    async def rename(
        self,
        old_id: ProcessId,
        config: ProcessConfig,
        *,
        order: str,
        created_at: int,
        updated_at: int,
    ) -> None:
        """Write ``config`` in the place of ``old_id``; the metadata moves along.

        Raises ConflictError if the new id is taken.
        """
        if await self._has_process(config.id):
            raise ConflictError("process already exists")
        await self._database.transaction(
            [
                _upsert(config, order, created_at, updated_at),
                ("DELETE FROM process WHERE id = ?", (old_id,)),
                ("DELETE FROM metadata WHERE process_id = ?", (config.id,)),
                (
                    "UPDATE metadata SET process_id = ? WHERE process_id = ?",
                    (config.id, old_id),
                ),
            ]
        )

    async def set_order(self, process_id: ProcessId, order: str) -> None:
        """Write the order alone. NotFoundError for a process that isn't stored."""
        statement = ('UPDATE process SET "order" = ? WHERE id = ?', (order, process_id))
        if not await self._database.transaction([statement]):
            raise NotFoundError("unknown process")

    async def delete(self, process_id: ProcessId) -> None:
        """Remove a process and its metadata; harmless if it isn't there."""
        await self._database.transaction(
            [
                ("DELETE FROM process WHERE id = ?", (process_id,)),
                ("DELETE FROM metadata WHERE process_id = ?", (process_id,)),
            ]
        )

    async def metadata(self, process_id: ProcessId | None = None) -> Metadata:
        """All metadata of one process; None: of the system."""
        found = await self._load_metadata()
        return found.get(process_id or "", {})

    async def set_metadata(self, process_id: ProcessId | None, key: str, value: Any) -> None:
        """Set one value, any JSON; None deletes it.

        Raises InvalidError above 64 KiB a value or 1 MiB in all.
        """
        owner = process_id or ""
        if value is None:
            statement = "DELETE FROM metadata WHERE process_id = ? AND key = ?"
            await self._database.transaction([(statement, (owner, key))])
            return
        if not key.isprintable():
            raise InvalidError("a metadata key has a character that can't be printed")
        text = json.dumps(value)
        await self._check_room(owner, key, text)
        sql = (
            "INSERT INTO metadata (process_id, key, value) VALUES (?, ?, ?) "
            "ON CONFLICT DO UPDATE SET value = excluded.value"
        )
        await self._database.transaction([(sql, (owner, key, text))])

    async def _check_room(self, owner: str, key: str, text: str) -> None:
        size = len(key.encode()) + len(text.encode())
        rows = await self._database.query(
            "SELECT coalesce(sum(length(CAST(key AS BLOB)) + length(CAST(value AS BLOB))), 0) "
            "FROM metadata WHERE process_id = ? AND key <> ?",
            (owner, key),
        )
        if size > MAX_VALUE_BYTES:
            raise InvalidError(f"metadata {key[:64]!r} is larger than {MAX_VALUE_BYTES} bytes")
        if rows[0][0] + size > MAX_METADATA_BYTES:
            raise InvalidError(f"all metadata is larger than {MAX_METADATA_BYTES} bytes")

    async def _load_metadata(self) -> dict[str, Metadata]:
        rows = await self._database.query("SELECT process_id, key, value FROM metadata")
        found: dict[str, Metadata] = {}
        for owner, key, text in rows:
            try:
                found.setdefault(owner, {})[key] = json.loads(text)
            except ValueError:
                log.exception("metadata %r of %r: the stored value is unreadable", key, owner)
        return found

    async def _has_process(self, process_id: ProcessId) -> bool:
        return bool(
            await self._database.query("SELECT 1 FROM process WHERE id = ?", (process_id,))
        )


def encode(config: ProcessConfig) -> str:
    """Build the stored form: JSON with our field names."""
    return json.dumps(asdict(config))


def decode(text: str) -> ProcessConfig:
    """Read a stored form; what an older version did not write gets its default.

    Raises ValueError, KeyError, TypeError for what is no config.
    """
    stored = json.loads(text)
    fields = {
        "input": tuple(_decode_io(element) for element in stored["input"]),
        "output": tuple(_decode_io(element) for element in stored["output"]),
        "options": tuple(stored.get("options", ())),
        "limits": ConfigLimits(**stored.get("limits", {})),
        "webrtc": ConfigWebRTC(**stored.get("webrtc", {})),
    }
    return ProcessConfig(**{**stored, **fields})


def _decode_io(stored: Mapping[str, Any]) -> ConfigIO:
    cleanup = tuple(ConfigCleanup(**rule) for rule in stored.get("cleanup", ()))
    options = tuple(stored.get("options", ()))
    return ConfigIO(**{**stored, "options": options, "cleanup": cleanup})


def _upsert(
    config: ProcessConfig, order: str, created_at: int, updated_at: int
) -> tuple[str, tuple[object, ...]]:
    sql = (
        'INSERT INTO process (id, config, "order", created_at, updated_at) '
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET config = excluded.config, "
        '"order" = excluded."order", created_at = excluded.created_at, '
        "updated_at = excluded.updated_at"
    )
    return sql, (config.id, encode(config), order, created_at, updated_at)
