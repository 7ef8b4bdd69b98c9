"""sd_notify as systemd sees it: ready, alive, stopping (G5)."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeDaemon
from tests.e2e.daemon import Settings
from tests.e2e.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """Listen as a service manager does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.setblocking(False)
        yield sock


async def test_the_manager_hears_of_the_start_of_life_and_of_the_end(
    manager: socket.socket, make_daemon: MakeDaemon
) -> None:
    heard: list[str] = []

    def listen() -> bool:
        try:
            while True:
                heard.append(manager.recv(4096).decode())
        except BlockingIOError:
            return True

    environment = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "300000"}
    daemon = await make_daemon(Settings(environment=environment)).start()
    await until(lambda: listen() and heard.count("WATCHDOG=1") >= 3, "it lives")
    assert heard[0].startswith("READY=1\nSTATUS=serving at http://127.0.0.1:")
    assert await daemon.stop() == 0
    await asyncio.to_thread(listen)
    assert "STOPPING=1" in heard
    assert heard.index("STOPPING=1") > heard.index("WATCHDOG=1")
