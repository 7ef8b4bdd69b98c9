"""Reservations: an id is free again only when the FFmpeg that bore it is gone (D16)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from daemon.errors import ConflictError
from daemon.restream.config import ProcessId


class Reservations:
    """Ids of changes that are being stored, and of processes that are on their way out.

    ``is_taken`` tells of an id whether a process has it. ``wait_seconds``: for an FFmpeg.
    """

    def __init__(self, is_taken: Callable[[ProcessId], bool], wait_seconds: float) -> None:
        self._is_taken = is_taken
        self._wait_seconds = wait_seconds
        self._leaving: dict[ProcessId, asyncio.Event] = {}  # set when FFmpeg is gone
        self._reserved: set[ProcessId] = set()

    @property
    def count(self) -> int:
        """How many ids are being given away."""
        return len(self._reserved)

    @contextlib.asynccontextmanager
    async def reserve(self, process_id: ProcessId) -> AsyncIterator[None]:
        """Keep a free id free for us. Raises ConflictError."""
        if process_id in self._reserved or self._is_taken(process_id):
            raise ConflictError("process already exists")
        self._reserved.add(process_id)
        try:
            await self._wait(process_id)
            yield
        finally:
            self._reserved.discard(process_id)

    async def _wait(self, process_id: ProcessId) -> None:
        ended = self._leaving.get(process_id)
        if ended is None:
            return
        try:
            async with asyncio.timeout(self._wait_seconds):
                await ended.wait()
        except TimeoutError:
            text = f"the FFmpeg of the former '{process_id}' can't be ended"
            raise ConflictError(text) from None

    async def hold(self, process_id: ProcessId, ended: asyncio.Event) -> None:
        """Hold an id back until ``ended`` is set; lasts as long."""
        self._leaving[process_id] = ended
        await ended.wait()
        if self._leaving.get(process_id) is ended:
            del self._leaving[process_id]
