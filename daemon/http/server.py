"""serve(): Hypercorn's HTTP/1.1 on sockets and connections that are ours to end.

Hypercorn's own ``serve`` waits for every open connection at shutdown on Python 3.12.1 and
later, whatever its timeout says; so we accept, count and abort connections ourselves.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config as HypercornConfig
from hypercorn.events import Event, RawData
from hypercorn.typing import ASGIFramework

from daemon.http.door import Door
from daemon.http.listening import Listening, Place
from daemon.http.upload import go_on

log = logging.getLogger(__name__)

KEEP_ALIVE = 5  # seconds without a request; also bounds how long a header may take
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

    Here it is held back until the route wants the body (RFC 9110 section 10.1.1).
    """

    _held: RawData | None = None

    async def protocol_send(self, event: Event) -> None:
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


class _Connections:
    """Every open connection: its task, and the writer that can abort it."""

    def __init__(self, app: ASGIFramework) -> None:
        self._app = ASGIWrapper(Door(app))
        self._config = _hypercorn_config()
        self._context = WorkerContext(None)
        self._writers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection; ``start_server`` gives each a task of its own."""
        task: asyncio.Task[None] | None = asyncio.current_task()
        assert task is not None
        self._writers[task] = writer
        loop = asyncio.get_running_loop()
        try:
            server = _Server(self._app, loop, self._config, self._context, {}, reader, writer)
            go_on.set(server.go_on)  # for this connection's requests: the task is its own
            await server.run()
        finally:
            del self._writers[task]

    async def end(self) -> None:
        """Let open requests end, then abort what is left: first the socket, then the task."""
        await self._context.terminated.set()  # idle connections close now, busy ones after
        if await self._is_empty_within(GRACE):
            return
        log.info("cutting %d open connections", len(self._writers))
        for writer in list(self._writers.values()):
            writer.transport.abort()
        if await self._is_empty_within(ABORT):
            return
        for task in list(self._writers):
            task.cancel()
        await self._is_empty_within(ABORT)

    async def _is_empty_within(self, seconds: float) -> bool:
        if self._writers:
            await asyncio.wait(list(self._writers), timeout=seconds)
        return not self._writers


def _hypercorn_config() -> HypercornConfig:
    config = HypercornConfig()
    config.errorlog = log
    config.accesslog = None  # Door writes it, redacted
    config.keep_alive_timeout = KEEP_ALIVE
    config.keep_alive_max_requests = REQUESTS_PER_CONNECTION
    config.h11_max_incomplete_size = MAX_HEADER
    config.include_server_header = False
    return config
