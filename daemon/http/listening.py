"""Where we listen: sockets that a reload may exchange while requests go on."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from daemon.config import split_address
from daemon.errors import ConfigError

BACKLOG = 256
RESOLVE_TIMEOUT = 5.0
STALLED = 30.0  # seconds for a client to take what we sent
HANDSHAKE_TIMEOUT = 10.0  # seconds, TLS

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Place:
    """``host:port``, in clear or by TLS. An empty host is all of this machine."""

    address: str
    context: ssl.SSLContext | None = None


class Listening:
    """The places that are open. New ones are opened before old ones are closed."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._servers: dict[Place, list[asyncio.Server]] = {}

    async def change(self, places: Sequence[Place]) -> None:
        """Listen there and nowhere else. Raises ConfigError; then all stays as it was."""
        fresh = [place for place in dict.fromkeys(places) if place not in self._servers]
        stale = [place for place in self._servers if place not in places]
        try:
            opened = await self._open(fresh)
        except ConfigError:
            if not stale or not {_port(one) for one in fresh} & {_port(one) for one in stale}:
                raise
            # an old one may stand in the way of its successor, as ":80" does of "127.0.0.1:80"
            for place in stale:
                _close(self._servers.pop(place))
            try:
                opened = await self._open(fresh)
            except ConfigError:
                self._servers |= await self._open(stale)
                raise
            stale = []
        for place in stale:
            _close(self._servers.pop(place))
        self._servers |= opened

    def shown(self) -> list[str]:
        """Give the address of each socket, as ``http://host:port``."""
        return [
            f"{'https' if place.context else 'http'}://{_shown(sock)}"
            for place, servers in self._servers.items()
            for server in servers
            for sock in server.sockets
        ]

    def close(self) -> None:
        """Accept nobody any more; who is connected stays."""
        for servers in self._servers.values():
            _close(servers)
        self._servers.clear()

    async def _open(self, places: Sequence[Place]) -> dict[Place, list[asyncio.Server]]:
        opened: dict[Place, list[asyncio.Server]] = {}
        try:
            for place in places:
                opened[place] = []
                for sock in await _bind_all(place.address):
                    opened[place].append(await self._serve(sock, place.context))
        except BaseException:
            for servers in opened.values():
                _close(servers)
            raise
        return opened

    async def _serve(
        self, sock: socket.socket, context: ssl.SSLContext | None
    ) -> asyncio.Server:
        if context is None:
            return await asyncio.start_server(self._handler, sock=sock, backlog=BACKLOG)
        return await asyncio.start_server(
            self._handler,
            sock=sock,
            backlog=BACKLOG,
            ssl=context,
            ssl_handshake_timeout=HANDSHAKE_TIMEOUT,
        )


def _close(servers: list[asyncio.Server]) -> None:
    for server in servers:
        server.close()


def _port(place: Place) -> int:
    return split_address(place.address)[1]


async def _bind_all(address: str) -> list[socket.socket]:
    """Bind every address that the host stands for."""
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
