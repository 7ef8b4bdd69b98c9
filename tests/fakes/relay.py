"""Relay: a bad network on real UDP sockets, between one server and its viewers.

It changes no byte. It sits on the path because the viewer is told its port instead of the
server's: ``through`` puts it into an answer's candidates.
"""

import asyncio
import re
import socket
import time
from collections.abc import Callable
from types import TracebackType

from tests.fakes.link import Link, Path

BUFFER = 4 << 20
BATCH = 64
_CANDIDATE = re.compile(r"^(a=candidate:\S+ 1 udp \d+) (\S+) (\d+) ", re.IGNORECASE)
Address = tuple[str, int]


class Lane:
    """One viewer's way: its address, our socket towards the server, a link each way."""

    def __init__(self, viewer: Address, server: Address, links: tuple[Link, Link]) -> None:
        self.viewer = viewer
        self.up, self.down = links
        self.socket = _open()
        self.socket.connect(server)
        self.timer: asyncio.TimerHandle | None = None


class Relay:
    """``async with Relay(server, down=Path(loss=0.05), seed=1) as relay``.

    ``down`` is the way from server to viewer. The n-th viewer's links have seeds of their own.
    """

    def __init__(self, *, down: Path | None = None, up: Path | None = None, seed: int) -> None:
        self.lanes: dict[Address, Lane] = {}
        self.server: Address | None = None
        self._down, self._up = down or Path(), up or Path()
        self._seed = seed
        self._front = _open()
        self._loop = asyncio.get_running_loop()

    @property
    def port(self) -> int:
        """Where viewers send to, on 127.0.0.1."""
        return int(self._front.getsockname()[1])

    async def __aenter__(self) -> "Relay":
        self._loop.add_reader(self._front, self._on_viewers)
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        for lane in self.lanes.values():
            self._loop.remove_reader(lane.socket)
            lane.socket.close()
            if lane.timer is not None:
                lane.timer.cancel()
        self._loop.remove_reader(self._front)
        self._front.close()

    def through(self, answer: str) -> str:
        """Give an answer whose only candidate is the relay; remember the server's."""
        lines: list[str] = []
        for line in answer.splitlines():
            found = _CANDIDATE.match(line)
            if found is None:
                lines.append(line)
            elif found[2].startswith("127."):
                self.server = (found[2], int(found[3]))
                lines.append(f"{found[1]} 127.0.0.1 {self.port} {line[found.end() :]}")
        assert self.server is not None, "the answer has no candidate on loopback"
        return "\r\n".join(lines) + "\r\n"

    def worsen(self, *, down: Path | None = None, up: Path | None = None) -> None:
        """Change the path for all viewers, those to come too."""
        self._down, self._up = down or self._down, up or self._up
        for lane in self.lanes.values():
            lane.down.path, lane.up.path = self._down, self._up

    def _on_viewers(self) -> None:
        for _ in range(BATCH):
            try:
                data, raw = self._front.recvfrom(2048)
            except BlockingIOError:
                return
            viewer = (str(raw[0]), int(raw[1]))
            lane = self.lanes.get(viewer) or self._open_lane(viewer)
            lane.up.send(data, time.monotonic())
            self._drain(lane)

    def _open_lane(self, viewer: Address) -> Lane:
        assert self.server is not None, "no answer went through yet"
        seed = self._seed + 2 * len(self.lanes)
        lane = Lane(viewer, self.server, (Link(self._up, seed), Link(self._down, seed + 1)))
        self.lanes[viewer] = lane
        self._loop.add_reader(lane.socket, self._on_server, lane)
        return lane

    def _on_server(self, lane: Lane) -> None:
        for _ in range(BATCH):
            try:
                lane.down.send(lane.socket.recv(2048), time.monotonic())
            except BlockingIOError:
                break
            except ConnectionRefusedError:
                continue  # the server is being restarted
        self._drain(lane)

    def _drain(self, lane: Lane) -> None:
        now = time.monotonic()
        _empty(lane.up, now, lane.socket.send)
        _empty(lane.down, now, lambda data: self._front.sendto(data, lane.viewer))
        dues = [lane.up.next_timeout(), lane.down.next_timeout()]
        due = min((one for one in dues if one is not None), default=None)
        if lane.timer is not None:
            lane.timer.cancel()
            lane.timer = None
        if due is not None:
            lane.timer = self._loop.call_later(max(0.0, due - now), self._drain, lane)


def _empty(link: Link, now: float, send: Callable[[bytes], int]) -> None:
    while (data := link.poll(now)) is not None:
        try:
            send(data)
        except (BlockingIOError, ConnectionRefusedError):
            link.lost += 1


def _open() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    sock.setblocking(False)
    sock.bind(("127.0.0.1", 0))
    return sock
