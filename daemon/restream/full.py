"""FullDisk: stops who writes to a disk that has reached its limit (datarhei-core.md d.2)."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from daemon.errors import DragonError
from daemon.restream.alarm import Alarm
from daemon.restream.config import ProcessConfig
from daemon.storage.file import Filesystem

log = logging.getLogger(__name__)

PERIOD = 10.0  # seconds
MIB = 1024 * 1024

StopWriters = Callable[[str], Awaitable[Iterable[str]]]


def writes_below(config: ProcessConfig, root: Path) -> bool:
    """Whether a resolved config names a file to write below ``root``, in any word."""
    return any(
        f"{root}/" in text
        for output in config.output
        for text in (output.address, *output.options)
    )


class FullDisk:
    """Looks every ten seconds. ``raised``: the disk is full; None: it isn't, or has no limit.

    ``stop_writers`` is told why, stops them, and gives their ids.
    """

    def __init__(self, disk: Filesystem | None, stop_writers: StopWriters) -> None:
        self.raised: Alarm | None = None
        self._disk = disk
        self._stop_writers = stop_writers

    async def run(self) -> None:
        """Look until cancelled; a disk or a store that fails is tried again."""
        while self._disk is not None:
            try:
                await self._look(self._disk)
            except (DragonError, OSError) as problem:
                log.warning("disk: can't see to it that it doesn't overflow: %s", problem)
            await asyncio.sleep(PERIOD)

    async def _look(self, disk: Filesystem) -> None:
        usage = await disk.usage()
        is_full = 0 < usage.limit_bytes <= usage.used_bytes
        if not is_full:
            if self.raised is not None:
                log.warning("disk: there is room again; start what was stopped")
            self.raised = None
            return
        used, limit = usage.used_bytes // MIB, usage.limit_bytes // MIB
        why = f"the disk is full: {used} MiB of storage.disk.max_size_mbytes = {limit}"
        if self.raised is None:
            self.raised = Alarm("disk-full", why, int(time.time()))
            log.warning("%s", why)
        for process_id in await self._stop_writers(why):
            log.warning("process %s: stopped, since %s", process_id, why)
