"""The server on real sockets: limits, refusals, and an end that nobody can put off."""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import h2.connection
import h2.events
import httpx
import pytest
from quart import Quart, request

from daemon.errors import ConfigError
from daemon.http import server as front
from daemon.http.server import serve
from daemon.http.upload import Connection, Request

DEADLINE = 60.0  # seconds


@dataclass
class Running:
    addresses: list[str]
    stop: asyncio.Event
    task: asyncio.Task[None]
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def port(self) -> int:
        return int(self.addresses[0].rpartition(":")[2])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def running(address: str = "127.0.0.1:0") -> AsyncIterator[Running]:
    app = Quart(__name__)
    app.asgi_http_class = Connection
    app.request_class = Request
    stop = asyncio.Event()
    listening: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()

    @app.route("/", methods=["GET", "POST"])
    async def show() -> str:
        size = sum([len(data) async for data in request.body])
        return f"{request.scope['http_version']} {size}"

    @app.get("/slow-no")
    async def slow_no() -> str:
        return "nobody reads a body here"

    @app.get("/slow")
    async def slow() -> str:
        here.entered.set()
        await here.release.wait()
        return "done"

    @app.get("/big")
    async def big() -> bytes:
        here.entered.set()
        return bytes(50_000_000)

    @app.get("/broken")
    async def broken() -> str:
        raise RuntimeError("on purpose")

    async with asyncio.timeout(DEADLINE), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(serve(app, address, stop=stop, ready=listening.set_result))
        here = Running(await listening, stop, task)
        try:
            yield here
        finally:
            stop.set()


async def talk(port: int, data: bytes) -> bytes:
    """Send, and read until the other end closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


async def status_over_http2(port: int, *, is_upgrade: bool) -> str:
    """Ask with HTTP/2 on a cleartext port, by prior knowledge or by upgrade."""
    connection = h2.connection.H2Connection()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        if is_upgrade:
            settings = connection.initiate_upgrade_connection() or b""
            head = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n"
            head += f"Upgrade: h2c\r\nHTTP2-Settings: {settings.decode()}\r\n\r\n"
            writer.write(head.encode())
            assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        else:
            connection.initiate_connection()
            names = {":method": "GET", ":path": "/", ":scheme": "http", ":authority": "x"}
            connection.send_headers(1, list(names.items()), end_stream=True)
        writer.write(connection.data_to_send())
        while True:
            for event in connection.receive_data(await reader.read(65_536)):
                if isinstance(event, h2.events.ResponseReceived):
                    headers = dict(event.headers or [])
                    return headers[b":status"].decode()
    finally:
        writer.close()


async def test_a_free_port_is_told_and_answers() -> None:
    async with running() as server, httpx.AsyncClient(timeout=None) as client:
        assert server.port > 0
        answer = await client.post(server.url, content=b"abc")
        assert answer.text == "1.1 3"
        assert "server" not in answer.headers
        assert "date" in answer.headers


@pytest.mark.parametrize("address", ["[::1]:0", ":0", "localhost:0"])
async def test_other_ways_to_name_this_machine(address: str) -> None:
    async with running(address) as server, httpx.AsyncClient(timeout=None) as client:
        host = "[::1]" if address.startswith("[") else "127.0.0.1"
        assert (await client.get(f"http://{host}:{server.port}/")).status_code == 200
        assert len({told.rpartition(":")[2] for told in server.addresses}) == 1


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("192.0.2.1:8080", "192.0.2.1:8080 is no address of this machine"),
        ("nowhere.invalid:1", "nowhere.invalid:1: this host name can't be resolved"),
        ("8080", "8080 is not host:port"),
    ],
)
async def test_what_can_not_be_listened_to_is_told_in_one_sentence(
    address: str, told: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        await serve(Quart(__name__), address, stop=asyncio.Event(), ready=lambda _: None)
    assert caught.value.message == told


async def test_a_port_in_use_is_told_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigError) as caught:
            await serve(Quart(__name__), address, stop=asyncio.Event(), ready=lambda _: None)
    assert caught.value.message == f"{address} is in use by another program"


@pytest.mark.parametrize("is_upgrade", [False, True])
async def test_http2_is_refused_however_it_is_asked_for(is_upgrade: bool) -> None:
    async with running() as server:
        assert await status_over_http2(server.port, is_upgrade=is_upgrade) == "421"


async def test_two_lengths_are_refused_and_the_connection_is_closed() -> None:
    smuggled = (
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    )
    async with running() as server:
        answer = await talk(server.port, smuggled)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


async def test_an_answer_before_the_body_says_that_the_connection_ends() -> None:
    head = b"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\nfirst"
    async with running() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(head)
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"connection: close" in answer.lower()


async def test_an_answer_after_the_body_keeps_the_connection() -> None:
    async with running() as server, httpx.AsyncClient(timeout=None) as client:
        answers = [await client.post(server.url, content=b"x" * 5000) for _ in range(2)]
    assert [answer.text for answer in answers] == ["1.1 5000", "1.1 5000"]
    assert all("connection" not in answer.headers for answer in answers)


async def test_a_websocket_is_refused() -> None:
    upgrade = (
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    async with running() as server:
        answer = await talk(server.port, upgrade)
    assert answer.startswith(b"HTTP/1.1 403 ")


async def test_a_header_without_end_is_refused() -> None:
    async with running() as server:
        answer = await talk(server.port, b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000)
    assert answer.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("data", [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"\r\n" * 10_000])
async def test_garbage_gets_a_refusal_or_nothing_and_hurts_nobody(data: bytes) -> None:
    async with running() as server, httpx.AsyncClient(timeout=None) as client:
        answer = await talk(server.port, data + b"\r\n\r\n")
        assert not answer.startswith(b"HTTP/1.1 200")
        assert (await client.get(server.url)).status_code == 200


@pytest.mark.slow
async def test_a_header_that_trickles_is_cut() -> None:
    async with running() as server:
        begin = time.monotonic()
        assert await talk(server.port, b"GET / HTTP/1.1\r\n") == b""
        assert time.monotonic() - begin > 4.0


async def test_an_idle_connection_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(front, "GRACE", 10 * DEADLINE)
    async with running() as server, httpx.AsyncClient(timeout=None) as client:
        await client.get(server.url)
        server.stop.set()
        await server.task


async def test_an_open_request_may_end_during_the_stop() -> None:
    async with (
        running() as server,
        httpx.AsyncClient(timeout=None) as client,
        asyncio.TaskGroup() as tasks,
    ):
        answer = tasks.create_task(client.get(f"{server.url}/slow"))
        await server.entered.wait()
        server.stop.set()
        server.release.set()
        assert (await answer).text == "done"
        await server.task


async def hang(server: Running) -> None:
    """Be a client that waits for ever, and see itself cut off."""
    async with httpx.AsyncClient(timeout=None) as client:
        with pytest.raises(httpx.TransportError):
            await client.get(f"{server.url}/slow")


async def test_a_request_that_never_ends_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "GRACE", 0.1)
    async with running() as server, asyncio.TaskGroup() as tasks:
        tasks.create_task(hang(server))
        await server.entered.wait()
        server.stop.set()
        await server.task
        with pytest.raises(OSError, match="Connect"):
            await asyncio.open_connection("127.0.0.1", server.port)


async def test_a_client_that_never_reads_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "GRACE", 0.1)
    async with running() as server:
        loop = asyncio.get_running_loop()
        with socket.socket() as client:
            client.setblocking(False)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await loop.sock_connect(client, ("127.0.0.1", server.port))
            await loop.sock_sendall(client, b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
            await server.entered.wait()
            server.stop.set()
            await server.task


async def test_the_access_log_has_the_real_status_and_no_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "daemon.http.door")
    async with running() as server, httpx.AsyncClient(timeout=None) as client:
        await client.get(f"{server.url}/none?token=hunter2")
        await client.get(f"{server.url}/broken")
    assert "127.0.0.1 GET /none?token=*** 404 in " in caplog.text
    assert "127.0.0.1 GET /broken 500 in " in caplog.text
    assert "hunter2" not in caplog.text


async def test_many_clients_at_once_are_all_served() -> None:
    async with running() as server, httpx.AsyncClient(timeout=None) as client:

        async def one() -> None:
            assert (await client.get(server.url)).status_code == 200

        async with asyncio.TaskGroup() as tasks:
            jobs: list[Coroutine[Any, Any, None]] = [one() for _ in range(100)]
            for job in jobs:
                tasks.create_task(job)


@pytest.mark.parametrize(("path", "answer"), [("/", b"100"), ("/slow-no", b"405")])
async def test_continue_is_said_only_by_a_route_that_wants_the_body(
    path: str, answer: bytes
) -> None:
    async with running() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
        writer.write(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert (await reader.readuntil(b"\r\n")).split()[1] == answer
        if answer == b"100":
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"abc")
            assert (await reader.readuntil(b"\r\n")).split()[1] == b"200"
        writer.close()
        await writer.wait_closed()
