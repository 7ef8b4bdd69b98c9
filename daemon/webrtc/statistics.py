"""Statistics: viewers as sessions of the ``webrtc`` collector, in datarhei's terms."""

import asyncio
import time
from collections.abc import Callable, Iterable

from daemon.errors import OverloadError
from daemon.restream.config import ProcessId
from daemon.rtc.peer import State
from daemon.session import Collector, Networks
from daemon.webrtc.audience import Audience
from daemon.webrtc.registry import PeerId, Registry, Viewer

LOOK = 1.0  # seconds; bandwidths are means over ten


class Statistics:
    """Counts what viewers get. ``reference_of`` names what a process belongs to."""

    def __init__(
        self,
        registry: Registry,
        audience: Audience,
        collector: Collector,
        reference_of: Callable[[ProcessId], str],
    ) -> None:
        self._is_counting = True
        self._ignored = Networks()
        self._registry = registry
        self._collector = collector
        self._reference_of = reference_of
        self._counted: dict[PeerId, int] = {}
        audience.on_end.append(self._on_end)

    def set_up(self, *, is_counting: bool, ignored: Iterable[str]) -> None:
        """Say whether viewers are counted from now on, and from where they aren't."""
        self._is_counting = is_counting
        self._ignored = Networks(ignored)

    async def run(self) -> None:
        """Count once a second until cancelled."""
        while True:
            self.look(time.monotonic(), time.time())
            await asyncio.sleep(LOOK)

    def look(self, now: float, wall: float) -> None:
        """Count what each viewer has got since the last look."""
        for viewer in self._registry.viewers.values():
            if viewer.id in self._counted or self._open(viewer, now, wall):
                self._count(viewer, now)

    def _open(self, viewer: Viewer, now: float, wall: float) -> bool:
        """Begin a session, once media may flow; False: it isn't counted, or not yet."""
        is_wanted = self._is_counting and viewer.info.address not in self._ignored
        if viewer.peer.state is not State.CONNECTED or not is_wanted:
            return False
        try:
            self._collector.open(
                viewer.id[:8],
                reference=self._reference_of(viewer.process_id),
                local=viewer.process_id,
                remote=viewer.info.address,
                extra=viewer.info.user_agent,
                now=now,
                wall=wall,
            )
        except OverloadError:
            return False  # the statistics are full; that is no reason not to watch
        self._counted[viewer.id] = 0
        return True

    def _count(self, viewer: Viewer, now: float) -> None:
        sent = sum(track.octets for track in viewer.peer.tracks.values())
        # also without any bytes: a viewer of a process that pauses is still there
        self._collector.count(viewer.id[:8], now, tx=sent - self._counted[viewer.id])
        self._counted[viewer.id] = sent

    def _on_end(self, viewer: Viewer, reason: str) -> None:
        del reason
        if viewer.id in self._counted:
            self._count(viewer, time.monotonic())
            self._collector.close(viewer.id[:8])
            del self._counted[viewer.id]
