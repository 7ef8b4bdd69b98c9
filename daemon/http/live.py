"""Live: what runs beside the requests: the feed, the players' events, the sessions' counts."""

import asyncio

from daemon.http.feed import Feed
from daemon.http.whep_events import WhepEvents
from daemon.restream.config import ProcessId
from daemon.restream.restreamer import Restreamer
from daemon.session import Sessions
from daemon.webrtc.statistics import Statistics
from daemon.webrtc.subsystem import WebRTC


class Live:
    """One of each, for as long as the daemon lives; applications come and go with reloads."""

    def __init__(self, restreamer: Restreamer, webrtc: WebRTC, sessions: Sessions) -> None:
        def reference_of(process_id: ProcessId) -> str:
            return restreamer.get(process_id).config.reference or process_id

        self.feed = Feed(restreamer, webrtc)
        self.whep_events = WhepEvents(webrtc)
        collector = sessions.collector("webrtc")
        self.statistics = Statistics(webrtc.registry, webrtc.audience, collector, reference_of)

    async def run(self) -> None:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.feed.run())
            group.create_task(self.whep_events.run())
            group.create_task(self.statistics.run())
