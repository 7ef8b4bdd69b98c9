"""serve(): Hypercorn's HTTP/1.1 on sockets and connections that are ours to end.

Hypercorn's own ``serve`` waits for every open connection at shutdown on Python 3.12.1 and
later, whatever its timeout says; so we accept, count and abort connections ourselves.
"""

import asyncio
import contextlib
import logging
import resource
import time
from collections.abc import Callable, Sequence

from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.tcp_server import MAX_RECV, TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config as HypercornConfig
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.typing import ASGIFramework

from daemon.http.door import Door
from daemon.http.listening import Listening, Place
from daemon.http.upload import go_on

log = logging.getLogger(__name__)

HEADER_SECONDS = 5.0  # for the first request, and for any header once it has begun
# between requests: a proxy that keeps connections for 60 s, as nginx does, hangs up before us
KEEP_ALIVE = 75.0
MAX_CONNECTIONS = 4096  # when there are more, whoever idles longest has to go
SHARE = 2  # of the files that we may have open, one in so many may be a connection
MAX_HEADER = 16 * 1024
REQUESTS_PER_CONNECTION = 1000
GRACE = 2.0  # seconds for open requests to end
ABORT = 0.5  # seconds, twice, for what is left: 3 s in all


class Server:
    """Serves one application wherever ``listen`` says, until ``end``."""

    def __init__(self, app: ASGIFramework) -> None:
        self._connections = _Connections(app)
        self._listening = Listening(self._connections.handle)

    async def listen(self, places: Sequence[Place]) -> list[str]:
        """Listen there and nowhere else; requests that are under way go on.

        Gives each real ``http://host:port`` (port 0 asks for a free one). Raises ConfigError,
        in one sentence, if we can't listen there; then all stays as it was.
        """
        await self._listening.change(places)
        return self._listening.shown()

    async def end(self) -> None:
        """Take no more requests, and at most 3 s for those that are open."""
        self._listening.close()
        await self._connections.end()


async def serve(
    app: ASGIFramework,
    address: str,
    *,
    stop: asyncio.Event,
    ready: Callable[[list[str]], None],
) -> None:
    """Serve in clear until ``stop`` is set, then at most 3 s more, whoever is still connected.

    ``ready`` gets each real ``host:port``. Raises ConfigError.
    """
    server = Server(app)
    try:
        shown = await server.listen([Place(address)])
        ready([one.removeprefix("http://") for one in shown])
        await stop.wait()
    finally:
        await server.end()


class _Server(TCPServer):
    """Hypercorn's, which says "100 Continue" before anyone has looked at the request.

    Here it is held back until the route wants the body (RFC 9110 section 10.1.1). It also has
    one time for headers and pauses; here a header must be quick, a pause may be long.
    """

    idle_since: float | None = None  # None: a request is under way
    _held: RawData | None = None
    _patience = HEADER_SECONDS
    _is_pausing = False

    async def run(self) -> None:
        self.idle_since = time.monotonic()
        await super().run()

    async def protocol_send(self, event: Event) -> None:
        if isinstance(event, Updated):
            self._is_pausing = event.idle
            self._patience = KEEP_ALIVE
            self.idle_since = time.monotonic() if event.idle else None
        if isinstance(event, RawData) and event.data.startswith(b"HTTP/1.1 100 "):
            self._held = event
            return
        self._held = None  # the answer is there: nothing to go on with
        await super().protocol_send(event)

    async def go_on(self) -> None:
        """Let the client send its body, if it waits for that."""
        if self._held is not None:
            await super().protocol_send(self._held)
            self._held = None

    async def _read_data(self) -> None:
        with contextlib.suppress(OSError):
            while not self.reader.at_eof():
                data = await self.reader.read(MAX_RECV)
                if self._is_pausing:
                    self._is_pausing = False
                    self._patience = HEADER_SECONDS
                    await self.idle_task.restart(self._task_group, self._idle_timeout)
                await self.protocol.handle(RawData(data))
        await self.protocol.handle(Closed())

    async def _idle_timeout(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.context.terminated.wait(), self._patience)
        await asyncio.shield(self._initiate_server_close())


def most_connections() -> int:
    """How many there may be: they must leave room for FFmpegs, legs and the database."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    is_endless = files == resource.RLIM_INFINITY
    return MAX_CONNECTIONS if is_endless else min(MAX_CONNECTIONS, files // SHARE)


class _Connections:
    """Every open connection: its task, and the server that has its writer."""

    def __init__(self, app: ASGIFramework) -> None:
        self._app = ASGIWrapper(Door(app))
        self._config = _hypercorn_config()
        self._context = WorkerContext(None)
        self._servers: dict[asyncio.Task[None], _Server] = {}

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection; ``start_server`` gives each a task of its own."""
        task: asyncio.Task[None] | None = asyncio.current_task()
        assert task is not None
        if len(self._servers) >= most_connections() and not self._make_room():
            writer.transport.abort()
            return
        loop = asyncio.get_running_loop()
        server = _Server(self._app, loop, self._config, self._context, {}, reader, writer)
        self._servers[task] = server
        try:
            go_on.set(server.go_on)  # for this connection's requests: the task is its own
            await server.run()
        finally:
            self._servers.pop(task, None)

    def _make_room(self) -> bool:
        """Hang up on whoever idles longest; False: all of them have requests under way."""
        idle = [
            (one.idle_since, number, task)
            for number, (task, one) in enumerate(self._servers.items())
            if one.idle_since is not None
        ]
        if not idle:
            return False
        self._servers.pop(min(idle)[2]).writer.transport.abort()
        return True

    async def end(self) -> None:
        """Let open requests end, then abort what is left: first the socket, then the task."""
        await self._context.terminated.set()  # idle connections close now, busy ones after
        if await self._is_empty_within(GRACE):
            return
        log.info("cutting %d open connections", len(self._servers))
        for server in list(self._servers.values()):
            server.writer.transport.abort()
        if await self._is_empty_within(ABORT):
            return
        for task in list(self._servers):
            task.cancel()
        await self._is_empty_within(ABORT)

    async def _is_empty_within(self, seconds: float) -> bool:
        if self._servers:
            await asyncio.wait(list(self._servers), timeout=seconds)
        return not self._servers


def _hypercorn_config() -> HypercornConfig:
    config = HypercornConfig()
    config.errorlog = log
    config.accesslog = None  # Door writes it, redacted
    config.keep_alive_max_requests = REQUESTS_PER_CONNECTION
    config.h11_max_incomplete_size = MAX_HEADER
    config.include_server_header = False
    return config
