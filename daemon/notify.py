"""Tell the service manager how we are: systemd's sd_notify(3), without its library."""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping

log = logging.getLogger(__name__)

SHARE = 3  # of the watchdog's time: two of our words may be late or lost
LAG = 2.0  # seconds that the event loop may be late
ANSWER = 5.0  # seconds that a part may take to show that it lives


class Notifier:
    """Says READY, STOPPING, and WATCHDOG while all is well; silent where nobody listens."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        microseconds = environ.get("WATCHDOG_USEC", "")
        is_ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        is_number = microseconds.isascii() and microseconds.isdigit()
        self.interval = int(microseconds) / 1e6 / SHARE if is_ours and is_number else 0.0

    def say(self, *lines: str) -> None:
        """Send one datagram; a manager that is gone is none of our business."""
        if not self._address:
            return
        # "@" stands for the NUL of an abstract socket
        place = (
            self._address.replace("@", "\0", 1) if self._address[0] == "@" else self._address
        )
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.setblocking(False)
                sock.sendto("\n".join(lines).encode(), place)
        except OSError as error:
            log.debug("notify: %s", error.strerror)

    async def run(self, prove: Callable[[], Awaitable[object]]) -> None:
        """Feed the watchdog until cancelled; not when the loop was late or ``prove`` fails."""
        if not self._address or self.interval <= 0:
            return
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + self.interval
            await asyncio.sleep(self.interval)
            if loop.time() - due > LAG:
                log.warning("notify: the event loop was %.1f s late", loop.time() - due)
                continue
            try:
                async with asyncio.timeout(ANSWER):
                    await prove()
            except Exception as error:  # noqa: BLE001 - whatever it is, we are not well
                log.warning("notify: not well: %s", error)
            else:
                self.say("WATCHDOG=1")
