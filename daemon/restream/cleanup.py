"""Cleanup: keeps files within the rules of their outputs (datarhei-core.md f.2)."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping

from daemon.errors import DragonError, NotFoundError
from daemon.restream import placeholders
from daemon.restream.config import ConfigCleanup, ProcessConfig
from daemon.storage.file import FileInfo, Filesystem

log = logging.getLogger(__name__)

PERIOD = 1.0  # seconds
END_SECONDS = 10.0  # that a purge waits for FFmpeg to end, which may write until then
PURGE_SECONDS = 5.0
PREFIXES = {"disk": "disk", "diskfs": "disk", "mem": "mem", "memfs": "mem"}

Rules = tuple[ConfigCleanup, ...]


def rules_of(config: ProcessConfig) -> Rules:
    """Give the rules of all outputs with their placeholders replaced."""
    outputs = placeholders.resolve(config, {}).output
    return tuple(rule for output in outputs for rule in output.cleanup)


def too_many(rule: ConfigCleanup, files: Iterable[FileInfo], now: float) -> list[FileInfo]:
    """Pick what a rule doesn't allow: the oldest beyond the number, and the too old ones."""
    by_age = sorted(files, key=lambda file: file.modified_at)
    excess = max(0, len(by_age) - rule.max_files) if rule.max_files else 0
    limit = now - rule.max_file_age_seconds if rule.max_file_age_seconds else None
    return [
        file
        for place, file in enumerate(by_age)
        if place < excess or (limit is not None and file.modified_at < limit)
    ]


class Cleaner:
    """Applies the rules of all processes once a second; ``rules`` gives those of now."""

    def __init__(
        self,
        filesystems: Mapping[str, Filesystem],
        rules: Callable[[], Iterable[ConfigCleanup]],
    ) -> None:
        self._filesystems = filesystems
        self._rules = rules

    async def run(self) -> None:
        """Clean up until cancelled; a disk that fails is tried again."""
        while True:
            await asyncio.sleep(PERIOD)
            for rule in list(self._rules()):
                if rule.max_files or rule.max_file_age_seconds:
                    await self._apply(rule)

    async def purge(self, rules: Rules, over: Awaitable[None] | None = None) -> None:
        """Remove all that the rules with ``purge_on_delete`` match, once FFmpeg is over."""
        if over is not None:
            try:
                async with asyncio.timeout(END_SECONDS):
                    await over
            except TimeoutError:
                log.warning("cleanup: FFmpeg doesn't end; its files go now")
        for rule in rules:
            if rule.purge_on_delete:
                await self._apply(rule, is_purge=True)

    async def finish(self) -> None:
        """Purge for all processes, at the end of the daemon; a slow disk can't hold it up."""
        try:
            async with asyncio.timeout(PURGE_SECONDS):
                await self.purge(tuple(self._rules()))
        except TimeoutError:
            log.warning("cleanup: the disk is too slow; files are left behind")

    async def _apply(self, rule: ConfigCleanup, *, is_purge: bool = False) -> None:
        prefix, colon, pattern = rule.pattern.partition(":")
        filesystem = self._filesystems.get(PREFIXES.get(prefix, ""))
        if not colon or not pattern or filesystem is None:
            return  # datarhei Core ignores these too
        try:
            files = await filesystem.list(pattern)
            doomed = files if is_purge else too_many(rule, files, time.time())
            for file in doomed:
                await _delete(filesystem, file.path)
        except (DragonError, OSError) as error:
            log.warning("cleanup: %s: %s", rule.pattern, error)


async def _delete(filesystem: Filesystem, path: str) -> None:
    try:
        await filesystem.delete(path)
    except NotFoundError:
        log.debug("cleanup: %s was gone already", path)
