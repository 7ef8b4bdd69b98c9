"""Egress: what FFmpegs send elsewhere, as sessions of the collector ``ffmpeg`` (f.3).

FFmpeg counts the bytes of a command's first output only, so only that one is a session.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass

from daemon.errors import OverloadError
from daemon.restream import address
from daemon.restream.config import ProcessConfig, ProcessId
from daemon.restream.restreamer import Restreamer
from daemon.restream.state import Exec
from daemon.session import Collector, Networks

LOOK = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class _Sending:
    """One run of a process, and how many of its bytes are counted."""

    session_id: str
    pid: int
    bytes: int


class Egress:
    """Looks at all processes once a second."""

    def __init__(self, restreamer: Restreamer, collector: Collector) -> None:
        self._restreamer = restreamer
        self._collector = collector
        self._is_counting = True
        self._ignored = Networks()
        self._sending: dict[ProcessId, _Sending] = {}

    def set_up(self, *, is_counting: bool, ignored: Iterable[str]) -> None:
        """Say whether anything is counted from now on, and to where it isn't."""
        self._is_counting = is_counting
        self._ignored = Networks(ignored)

    async def run(self) -> None:
        """Count until cancelled."""
        while True:
            self.look(time.monotonic(), time.time())
            await asyncio.sleep(LOOK)

    def look(self, now: float, wall: float) -> None:
        """Count what was sent since the last look; end what has ended."""
        before, self._sending = self._sending, {}
        for process in self._restreamer.processes() if self._is_counting else ():
            host = self._target(process.config)
            if not host:
                continue
            state = process.state()
            if state.exec is not Exec.RUNNING or state.pid is None:
                continue
            known = before.pop(process.config.id, None)
            if known is None or known.pid != state.pid:
                known = self._open(process.config, state.pid, host, now, wall)
            if known is not None:
                size = max(known.bytes, state.progress.size_bytes)
                self._collector.count(known.session_id, now, tx=size - known.bytes)
                self._sending[process.config.id] = _Sending(known.session_id, state.pid, size)
        for ended in before.values():
            self._collector.close(ended.session_id)

    def _open(
        self, config: ProcessConfig, pid: int, host: str, now: float, wall: float
    ) -> _Sending | None:
        session_id = f"{config.id}#{pid}"
        try:
            self._collector.open(
                session_id,
                reference=config.reference or config.id,
                local=config.id,
                remote=host,
                extra=config.output[0].id,
                now=now,
                wall=wall,
            )
        except OverloadError:
            return None  # the statistics are full; that is no reason not to send
        return _Sending(session_id, pid, 0)

    def _target(self, config: ProcessConfig) -> str:
        """Give the host that the first output goes to; "" if it isn't counted."""
        target = config.output[0].address
        if "{" in target or address.is_tee(target) or not address.is_url(target):
            return ""
        number = address.literal_host(target)
        return "" if str(number) in self._ignored else address.host(target)
