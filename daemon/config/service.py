"""ConfigService: the configuration while the daemon runs; what the API reads and changes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon.config import toml
from daemon.config.change import find_changes
from daemon.config.load import Loaded, load, parse, read_text
from daemon.config.migrate import to_current
from daemon.config.model import Config
from daemon.config.notes import masked, without_effect
from daemon.config.validate import merged, planted, validate
from daemon.errors import ConfigError

OnReload = Callable[[Config, Config], Awaitable[None]]


class ConfigService:
    """Three copies, as in datarhei: the file, the active one, the one that runs.

    ``put`` changes file and active at once; ``reload`` makes the file the one that runs.
    """

    def __init__(
        self,
        loaded: Loaded,
        *,
        environ: Mapping[str, str],
        write: Callable[[Path, bytes], None],
        on_reload: OnReload | None = None,
        instance_id: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._loaded = loaded
        self._is_named = loaded.is_named
        self._running = loaded.config
        self._environ = environ
        self._write = write
        self.on_reload = on_reload
        self._instance_id = instance_id
        self._now = now
        self._lock = asyncio.Lock()
        self.loaded_at = self.updated_at = self.created_at = now()

    @property
    def config(self) -> Config:
        """The active one: the file with the environment over it."""
        return self._loaded.config

    @property
    def running(self) -> Config:
        """The one that the last start or reload applied."""
        return self._running

    @property
    def path(self) -> Path:
        return self._loaded.path

    @property
    def text(self) -> str:
        return self._loaded.text

    def get(self) -> dict[str, Any]:
        """Give what ``GET /api/v3/config`` answers: no secret is in it."""
        config = masked(self.config)
        config["id"] = config["id"] or self._instance_id
        config["created_at"] = _rfc3339(self.created_at)
        return {
            "created_at": _rfc3339(self.created_at),
            "loaded_at": _rfc3339(self.loaded_at),
            "updated_at": _rfc3339(self.updated_at),
            "config": config,
            "overrides": list(self._loaded.overrides),
        }

    async def put(self, body: Mapping[str, Any]) -> None:
        """Store what differs from the active configuration; it runs after a reload.

        Raises InvalidError for another version, ConfigError with ``problems`` for values that
        can't be, StorageError if the file can't be written; then nothing has changed.
        """
        wanted = _checked(body)
        async with self._lock:
            changes = find_changes(wanted, self.get()["config"], self.config)
            if changes:
                self._loaded = await asyncio.to_thread(self._store, changes)
            self.updated_at = self.created_at = self._now()

    def check(self, body: Mapping[str, Any]) -> list[str]:
        """Say what would have no effect of a body for ``put``; raises as that does."""
        wanted = _checked(body)
        changes = find_changes(wanted, self.get()["config"], self.config)
        tree = merged(self.config.model_dump(), planted(changes))
        config, _ = validate(tree)
        assert config is not None, "find_changes has validated it"
        return without_effect(config)

    async def reload(self) -> None:
        """Read the file again and apply it. Raises ConfigError; then all stays as it is."""
        async with self._lock:
            named = self.path if self._is_named else None
            loaded = await asyncio.to_thread(load, named, self._environ)
            if self.on_reload is not None:
                await self.on_reload(self._running, loaded.config)
            self._loaded = loaded
            self._running = loaded.config
            self.loaded_at = self._now()

    def _store(self, changes: dict[toml.Path, Any]) -> Loaded:
        """Edit the file as it is now, which may hold edits by hand that nobody loaded yet."""
        text = read_text(self.path)
        parse(text, self.path, self._environ)  # a broken file is told as such, not blamed on us
        changed = parse(_edited(text, changes, self.path), self.path, self._environ)
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._write(self.path, changed.text.encode())
        return changed


def _edited(text: str, changes: dict[toml.Path, Any], path: Path) -> str:
    try:
        return toml.edit(text, changes)
    except toml.TomlError as fault:
        raise ConfigError(f"{path}: can't be edited: {fault.why}") from None


def _checked(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return to_current(_unwrapped(body))


def _unwrapped(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Clients may send back the whole answer of GET."""
    inner = body.get("config")
    return inner if isinstance(inner, Mapping) else body


def _rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
