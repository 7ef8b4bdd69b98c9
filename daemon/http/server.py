"""serve(): Hypercorn's HTTP/1.1 on sockets and connections that are ours to end.

Hypercorn's own ``serve`` waits for every open connection at shutdown on Python 3.12.1 and
later, whatever its timeout says; so we accept, count and abort connections ourselves.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable

from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config as HypercornConfig
from hypercorn.events import Event, RawData
from hypercorn.typing import ASGIFramework

from daemon.config import split_address
from daemon.errors import ConfigError
from daemon.http.door import Door
from daemon.http.upload import go_on

log = logging.getLogger(__name__)

BACKLOG = 256
KEEP_ALIVE = 5  # seconds without a request; also bounds how long a header may take
MAX_HEADER = 16 * 1024
REQUESTS_PER_CONNECTION = 1000
RESOLVE_TIMEOUT = 5.0
STALLED = 30.0  # seconds for a client to take what we sent
GRACE = 2.0  # seconds for open requests to end
ABORT = 0.5  # seconds, twice, for what is left: 3 s in all


async def serve(
    app: ASGIFramework,
    address: str,
    *,
    stop: asyncio.Event,
    ready: Callable[[list[str]], None],
) -> None:
    """Serve until ``stop`` is set, then at most 3 s more, whoever is still connected.

    ``ready`` gets each real ``host:port`` (port 0 asks for a free one). Raises ConfigError, in
    one sentence, if we can't listen there.
    """
    sockets = await _listen(address)
    connections = _Connections(app)
    servers: list[asyncio.Server] = []
    try:
        for sock in sockets:
            server = await asyncio.start_server(connections.handle, sock=sock, backlog=BACKLOG)
            servers.append(server)
        ready([_shown(sock) for sock in sockets])
        await stop.wait()
    finally:
        for server in servers:
            server.close()
        for sock in sockets:
            sock.close()
        await connections.end()


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


async def _listen(address: str) -> list[socket.socket]:
    """Bind every address that the host stands for; an empty host is all of this machine."""
    try:
        host, port = split_address(address)
    except ValueError:
        raise ConfigError(f"{address} is not host:port") from None
    sockets: list[socket.socket] = []
    try:
        for family, place in await _resolve(host, port):
            free_port = sockets[0].getsockname()[1] if sockets and port == 0 else place[1]
            sockets.append(_bind(family, (place[0], free_port)))
    except OSError as error:
        for sock in sockets:
            sock.close()
        raise _explain(address, error) from error
    return sockets


async def _resolve(host: str, port: int) -> list[tuple[int, tuple[str, int]]]:
    if not host:
        return (
            [(socket.AF_INET6, ("", port))] if _has_ipv6() else [(socket.AF_INET, ("", port))]
        )
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(RESOLVE_TIMEOUT):
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    usable = [item for item in found if item[0] == socket.AF_INET or _has_ipv6()]
    return list(dict.fromkeys((item[0], (str(item[4][0]), port)) for item in usable))


def _has_ipv6() -> bool:
    return socket.has_ipv6 and socket.has_dualstack_ipv6()


def _bind(family: int, place: tuple[str, int]) -> socket.socket:
    is_everywhere = family == socket.AF_INET6 and not place[0]
    sock = socket.create_server(
        place, family=family, backlog=BACKLOG, dualstack_ipv6=is_everywhere
    )
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; whoever connects inherits it
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(STALLED * 1000))
    sock.setblocking(False)
    return sock


def _explain(address: str, error: OSError) -> ConfigError:
    if isinstance(error, socket.gaierror | TimeoutError):
        return ConfigError(f"{address}: this host name can't be resolved")
    reasons = {
        errno.EADDRINUSE: "is in use by another program",
        errno.EACCES: "needs more rights than we have (ports below 1024 belong to root)",
        errno.EADDRNOTAVAIL: "is no address of this machine",
    }
    reason = reasons.get(error.errno or 0, f"can't be listened to: {error.strerror}")
    return ConfigError(f"{address} {reason}")


def _shown(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
