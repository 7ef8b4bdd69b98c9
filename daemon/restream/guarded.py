"""GuardedHooks: what another room does wrong never stops a process (D5)."""

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

from daemon.restream.config import ProcessConfig, ProcessId
from daemon.restream.hooks import PendingStart, ProcessHooks, RunEnd, StopReason

log = logging.getLogger(__name__)

START_SECONDS = 45.0  # a probe of the input may take 20
T = TypeVar("T")


class GuardedHooks:
    """The same calls as ``ProcessHooks``; failures are logged, and the process goes on."""

    def __init__(self, hooks: ProcessHooks, start_seconds: float = START_SECONDS) -> None:
        self._hooks = hooks
        self._start_seconds = start_seconds

    async def on_start(self, pending: PendingStart) -> None:
        """Let outputs be appended; after a failure there are none, not half of them."""
        try:
            async with asyncio.timeout(self._start_seconds):
                await self._hooks.on_start(pending)
        except Exception:
            log.exception("process %s: starts without what a hook adds", pending.process_id)
            pending.appended.clear()

    def on_running(self, process_id: ProcessId, pid: int) -> None:
        self._call(process_id, lambda: self._hooks.on_running(process_id, pid), None)

    def on_media(self, process_id: ProcessId) -> bool:
        return self._call(process_id, lambda: self._hooks.on_media(process_id), other=False)

    def on_exit(self, end: RunEnd) -> bool:
        return self._call(end.process_id, lambda: self._hooks.on_exit(end), other=False)

    def on_update(self, config: ProcessConfig) -> None:
        self._call(config.id, lambda: self._hooks.on_update(config), None)

    def on_stop(self, process_id: ProcessId, reason: StopReason) -> None:
        self._call(process_id, lambda: self._hooks.on_stop(process_id, reason), None)

    def _call(self, process_id: ProcessId, call: Callable[[], T], other: T) -> T:
        try:
            return call()
        except Exception:
            log.exception("process %s: a hook failed", process_id)
            return other
