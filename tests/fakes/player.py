"""Player: the sans-IO Viewer on a real UDP socket, driven by asyncio."""

import asyncio
import socket
from collections.abc import Callable
from types import TracebackType

from tests.fakes.viewer import Viewer

CHECK_INTERVAL = 1.0  # seconds between consent checks


class Player:
    """``async with Player(viewer) as player``: it answers, and ``until`` waits for a fact."""

    def __init__(self, viewer: Viewer | None = None, host: str = "127.0.0.1") -> None:
        self.viewer = viewer or Viewer()
        self.loss: Callable[[bytes], bool] = lambda _: False
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._server: tuple[str, int] | None = None
        self._changed = asyncio.Event()
        self._has_started = False
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> "Player":
        self._loop.add_reader(self.socket, self._on_readable)
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.vanish()
        self.socket.close()

    def play(self, answer: str) -> None:
        """Begin with an answer's first candidate of our family."""
        is_v6 = self.socket.family == socket.AF_INET6
        addresses = self.viewer.accept(answer).addresses
        self._server = next(one for one in addresses if (":" in one[0]) == is_v6)
        self._check()

    def vanish(self) -> None:
        """Say nothing more and hear nothing more, as a phone in a tunnel."""
        self._loop.remove_reader(self.socket)
        if self._timer is not None:
            self._timer.cancel()

    def send(self, data: bytes) -> None:
        """Send a datagram to the server."""
        assert self._server is not None
        self.socket.sendto(data, self._server)

    async def until(self, fact: Callable[[], object], seconds: float = 60.0) -> None:
        """Wait until ``fact`` holds; TimeoutError if it doesn't in time."""
        async with asyncio.timeout(seconds):
            while not fact():
                self._changed.clear()
                await self._changed.wait()

    def _check(self) -> None:
        self.send(self.viewer.check())
        self._timer = self._loop.call_later(CHECK_INTERVAL, self._check)
        self._changed.set()

    def _on_readable(self) -> None:
        for _ in range(256):
            try:
                data = self.socket.recv(2048)
            except BlockingIOError:
                break
            if self.loss(data):
                continue
            self.viewer.receive(data)
            if not self._has_started:
                self._has_started = True
                self.viewer.start_dtls()
        while (data_out := self.viewer.poll_transmit()) is not None:
            self.send(data_out)
        self._changed.set()
