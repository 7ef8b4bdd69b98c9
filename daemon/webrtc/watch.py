"""Watch: when the viewers' sockets are looked at: at once, or now and then while all is quiet.

Each wake-up costs more than the datagram it's for. While nothing is sent, connected viewers
have only reports and consent checks to say, which may wait for each other.
"""

import asyncio
import socket
from collections.abc import Callable


class Watch:
    """The sockets' readers. ``read`` takes what has come."""

    def __init__(self, read: Callable[[socket.socket], None]) -> None:
        self._read = read
        self._resting: dict[socket.socket, asyncio.TimerHandle] = {}
        self._loop = asyncio.get_running_loop()

    def add(self, sock: socket.socket) -> None:
        """Look at this socket from now on."""
        self._loop.add_reader(sock, self._read, sock)

    def remove(self, sock: socket.socket) -> None:
        """Never look at it again."""
        timer = self._resting.pop(sock, None)
        if timer is not None:
            timer.cancel()
        self._loop.remove_reader(sock)

    def rest(self, sock: socket.socket, due: float) -> None:
        """Look away until ``due`` on the loop's clock."""
        self._loop.remove_reader(sock)
        self._resting[sock] = self._loop.call_at(due, self._look_again, sock)

    def wake(self) -> None:
        """End every rest: from now on each datagram is taken at once."""
        while self._resting:
            sock, timer = self._resting.popitem()
            timer.cancel()
            self.add(sock)

    def _look_again(self, sock: socket.socket) -> None:
        del self._resting[sock]
        self.add(sock)
