"""Uploads over real sockets by clients that don't wait for the answer, as FFmpeg doesn't."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from daemon.http.mounts import Storage, WriteAuth
from daemon.storage.disk import DiskFilesystem
from daemon.storage.memory import MemoryFilesystem
from tests.e2e.waiting import until
from tests.integration.http.scripted import Api, token
from tests.integration.http.test_encoding import serving

COUNT = 20
BODY = "4\r\nGIF8\r\n0\r\n\r\n"


def send_and_leave(port: int, method: str, path: str) -> None:
    """Send a whole request and hang up, before the server has been able to look at it."""
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    head += f"Authorization: {token()['Authorization']}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall((head + BODY).encode())


@pytest.mark.parametrize(
    ("method", "place"), [("PUT", "/memfs"), ("POST", "/memfs"), ("PUT", "/api/v3/fs/disk")]
)
async def test_what_was_sent_whole_is_kept_though_nobody_waits(
    tmp_path: Path, method: str, place: str
) -> None:
    disk, memory = DiskFilesystem(tmp_path), MemoryFilesystem(1024 * 1024)
    storage = Storage(disk, memory, write_auth=WriteAuth(is_needed=False))
    async with serving(Api(storage=storage)) as client:
        port = urlsplit(str(client.base_url)).port
        assert port is not None
        for number in range(COUNT):
            send_and_leave(port, method, f"{place}/{number}.gif")
        written = memory if place == "/memfs" else disk

        async def all_there() -> bool:
            return len(await written.list("")) == COUNT

        await until(all_there, "every file is there", seconds=20)
