"""Live: what runs beside the requests: the feed, the players' events, the sessions' counts."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from daemon.http.egress import Egress
from daemon.http.feed import Feed
from daemon.http.whep_events import WhepEvents
from daemon.restream.config import ProcessId
from daemon.restream.restreamer import Restreamer
from daemon.session import Sessions
from daemon.webrtc.statistics import Statistics
from daemon.webrtc.subsystem import WebRTC

log = logging.getLogger(__name__)

AGAIN = 1.0  # seconds


class Live:
    """One of each, for as long as the daemon lives; applications come and go with reloads."""

    def __init__(self, restreamer: Restreamer, webrtc: WebRTC, sessions: Sessions) -> None:
        def reference_of(process_id: ProcessId) -> str:
            return restreamer.get(process_id).config.reference or process_id

        self.feed = Feed(restreamer, webrtc)
        self.whep_events = WhepEvents(webrtc)
        collector = sessions.collector("webrtc")
        self.statistics = Statistics(webrtc.registry, webrtc.audience, collector, reference_of)
        self.egress = Egress(restreamer, sessions.collector("ffmpeg"))

    async def run(self) -> None:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as group:
            parts = (self.feed, self.whep_events, self.statistics, self.egress)
            for run in (part.run for part in parts):
                group.create_task(_keep(run))


async def _keep(run: Callable[[], Awaitable[None]]) -> None:
    """Begin anew after a bug: whoever looks on must never end what is looked at."""
    while True:
        try:
            await run()
        except Exception:
            log.exception("live: %s failed", run.__qualname__)
            await asyncio.sleep(AGAIN)
