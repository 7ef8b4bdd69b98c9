"""Hosts: whether the names in addresses lead to where no process may go (F6).

FFmpeg looks a name up for itself a moment later, so one that changes its mind in between gets
through; so do redirects. The real control of that is a firewall.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Collection, Iterable, Iterator

from daemon.errors import DragonError
from daemon.restream import address
from daemon.restream.config import ConfigIO, ProcessConfig

STORE_SECONDS = 1.0  # a change waits so long for the resolver, ..
START_SECONDS = 5.0  # .. and a start so long
THREADS = 8  # that may hang in the resolver; its own patience is beyond our reach

LookUp = Callable[[str], Collection[str]]


class LookUpError(DragonError):
    """The resolver doesn't answer."""


def look_up(host: str) -> Collection[str]:
    """Give the addresses of a name, none for one that nobody knows. Blocks."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return {str(item[4][0]) for item in found}


class Hosts:
    """Looks names up, a few at a time, in threads that nobody has to wait for."""

    def __init__(self, look_up: LookUp = look_up) -> None:
        self._look_up = look_up
        self._free = asyncio.Semaphore(THREADS)

    async def check(
        self,
        config: ProcessConfig,
        refused: Collection[address.Network],
        *,
        is_strict: bool = False,
    ) -> None:
        """Raise InvalidError for a name with an address in a refused network.

        ``is_strict``: raise LookUpError if that can't be found out in time; else it passes.
        """
        names = sorted(set(_names(config))) if refused else []
        for host in names:
            try:
                async with asyncio.timeout(START_SECONDS if is_strict else STORE_SECONDS):
                    found = await self._ask(host)
            except TimeoutError:
                if is_strict:
                    why = f"the host name {host} can't be looked up in time"
                    raise LookUpError(why) from None
                return
            address.check_found(host, found, refused)

    async def _ask(self, host: str) -> Collection[str]:
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Collection[str]] = loop.create_future()

        def settle(found: Collection[str]) -> None:
            self._free.release()
            if not answer.done():
                answer.set_result(found)

        def work() -> None:
            found = self._look_up(host)
            with contextlib.suppress(RuntimeError):  # nobody is there any more
                loop.call_soon_threadsafe(settle, found)

        threading.Thread(target=work, name="resolver", daemon=True).start()
        return await answer


def _names(config: ProcessConfig) -> Iterator[str]:
    for element in (*config.input, *config.output):
        for text in _addresses(element):
            if address.is_url(text) and address.literal_host(text) is None:
                name = address.host(text)
                if name:
                    yield name


def _addresses(element: ConfigIO) -> Iterable[str]:
    """Everything that could be an address: targets of a tee and values of options, too."""
    yield from element.options
    if address.is_tee(element.address):
        yield from address.tee_parts(element.address)
    else:
        yield element.address
