"""/api/v3/events over a real server: what listeners hear, and that none of them hurts us."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from daemon.errors import AuthError
from daemon.ffmpeg.progress import Progress
from daemon.http import feed, listening, server, sse
from daemon.http.server import serve
from daemon.restream.check import Author
from daemon.restream.state import Exec, Order
from daemon.webrtc.registry import ViewerInfo
from tests.conformance.openapi import DOCUMENT, resolve
from tests.e2e.waiting import until
from tests.integration.http.scripted import IDLE, Api, config, token

DEADLINE = 60.0  # seconds
EVENTS = "/api/v3/events"
SCHEMAS = {"process": "ProcessEvent", "progress": "ProgressEvent", "viewers": "ViewersEvent"}
RUNNING = replace(
    IDLE, order=Order.START, exec=Exec.RUNNING, pid=7, progress=Progress(frame=3, fps=25.0)
)


@dataclass
class Running:
    api: Api
    url: str
    port: int
    stop: asyncio.Event
    feeding: asyncio.Task[None]
    serving: asyncio.Task[None]


@asynccontextmanager
async def running(api: Api) -> AsyncIterator[Running]:
    stop = asyncio.Event()
    listening: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(DEADLINE), asyncio.TaskGroup() as tasks:
        feeding = tasks.create_task(api.live.feed.run())
        serving = tasks.create_task(
            serve(api.app, "127.0.0.1:0", stop=stop, ready=listening.set_result)
        )
        address = (await listening)[0]
        port = int(address.rpartition(":")[2])
        yield Running(api, f"http://{address}{EVENTS}", port, stop, feeding, serving)
        feeding.cancel()
        stop.set()


class Reader:
    """Reads events, and holds each against the document."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()

    async def next(self) -> tuple[str, Any]:
        event = ""
        async for line in self._lines:
            if line.startswith("event: "):
                event = line.removeprefix("event: ")
            elif line.startswith("data: "):
                data = json.loads(line.removeprefix("data: "))
                self._check(event, data)
                return event, data
        raise EOFError

    async def next_comment(self) -> str:
        async for line in self._lines:
            if line.startswith(":"):
                return line
        raise EOFError

    async def until(self, wanted: str) -> Any:
        while True:
            event, data = await self.next()
            if event == wanted:
                return data

    def _check(self, event: str, data: Any) -> None:
        if event in SCHEMAS:
            schema = resolve(f"#/components/schemas/{SCHEMAS[event]}")
            schema = schema | {"components": DOCUMENT["components"]}
            Draft202012Validator(schema).validate(data)


@asynccontextmanager
async def reading(here: Running) -> AsyncIterator[Reader]:
    async with (
        httpx.AsyncClient(timeout=None) as client,
        client.stream("GET", here.url, headers=token()) as response,
    ):
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "text/event-stream"
        assert response.headers["X-Accel-Buffering"] == "no"
        assert response.headers["Cache-Control"] == "no-store"
        yield Reader(response)


async def test_a_listener_hears_of_every_process_and_then_that_this_was_all() -> None:
    async with running(Api(config("a"), config("b"))) as here, reading(here) as reader:
        first, second = await reader.next(), await reader.next()
        assert [first[1]["id"], second[1]["id"]] == ["a", "b"]
        assert first[1]["state"]["order"] == "stop"
        assert first[1]["webrtc"] == {"state": "off", "reason": "", "viewers": 0}
        assert await reader.next() == ("ready", {})


async def test_a_change_of_state_is_told_with_the_whole_record() -> None:
    api = Api(config())
    async with running(api) as here, reading(here) as reader:
        await reader.until("ready")
        api.restreamer.get("cam").current = RUNNING
        told = await reader.until("process")
        assert (told["id"], told["state"]["exec"], told["state"]["pid"]) == (
            "cam",
            "running",
            7,
        )


async def test_progress_is_a_patch_of_the_record_without_what_is_long() -> None:
    api = Api(config())
    api.restreamer.get("cam").current = RUNNING
    async with running(api) as here, reading(here) as reader:
        told = (await reader.until("progress"))["state"]
        assert told["progress"]["frame"] == 3
        assert "command" not in told
        assert "inputs" not in told["progress"]
        api.restreamer.get("cam").current = replace(RUNNING, progress=Progress(frame=9))
        assert (await reader.until("progress"))["state"]["progress"]["frame"] == 9


async def test_who_comes_to_watch_is_told_as_a_number() -> None:
    api = Api(config())
    async with running(api) as here, reading(here) as reader:
        await reader.until("ready")
        api.webrtc.viewers_by_id["cam", "p"] = ViewerInfo("192.0.2.1")
        told = await reader.until("viewers")
        assert told == {"id": "cam", "webrtc": {"state": "live", "reason": "", "viewers": 1}}


async def test_a_process_that_comes_or_goes_is_told() -> None:
    api = Api(config())
    async with running(api) as here, reading(here) as reader:
        await reader.until("ready")
        await api.restreamer.add(config("new"), Author())
        assert (await reader.until("process"))["id"] == "new"
        await api.restreamer.delete("new")
        assert await reader.until("deleted") == {"id": "new"}


async def test_all_listeners_hear_the_same() -> None:
    api = Api(config())
    async with running(api) as here, reading(here) as one, reading(here) as other:
        await one.until("ready")
        await other.until("ready")
        api.restreamer.get("cam").current = RUNNING
        assert await one.until("process") == await other.until("process")


async def test_silence_is_filled_so_that_no_proxy_hangs_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT", 0.0)
    monkeypatch.setattr(sse, "CHECK", 0.01)
    async with running(Api()) as here, reading(here) as reader:
        assert await reader.next() == ("ready", {})
        assert await reader.next_comment() == ":"


async def test_the_end_of_the_daemon_ends_the_streams_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "GRACE", 10 * DEADLINE)
    async with running(Api(config())) as here, reading(here) as reader:
        await reader.until("ready")
        here.feeding.cancel()
        here.stop.set()
        assert await reader.until("end") == {"reason": "shutdown"}
        with pytest.raises(EOFError):
            await reader.next()
        await here.serving


async def test_whoever_leaves_is_forgotten() -> None:
    api = Api(config())
    async with running(api) as here:
        async with reading(here) as reader:
            await reader.until("ready")
            assert len(api.live.feed._subscriptions) == 1
        await until(lambda: not api.live.feed._subscriptions, "the reader is forgotten")
        assert not api.live.feed._seen


async def test_a_token_that_ends_ends_its_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "CHECK", 0.01)
    api = Api(config())

    def refuse(_token: str, _usefor: str = "access") -> Any:
        raise AuthError("expired")

    async with running(api) as here, reading(here) as reader:
        await reader.until("ready")
        monkeypatch.setattr(api.auth, "verify", refuse)
        assert await reader.until("end") == {"reason": "token"}


async def test_a_reader_that_never_reads_holds_up_nobody_and_is_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listening, "STALLED", 1.0)
    api = Api(*(config(f"cam{number}", reference="x" * 60_000) for number in range(50)))
    async with running(api) as here:
        loop = asyncio.get_running_loop()
        with socket.socket() as deaf:
            deaf.setblocking(False)
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await loop.sock_connect(deaf, ("127.0.0.1", here.port))
            fields = "".join(f"{name}: {value}\r\n" for name, value in token().items())
            head = f"GET {EVENTS} HTTP/1.1\r\nHost: x\r\n{fields}\r\n"
            await loop.sock_sendall(deaf, head.encode())
            await until(lambda: len(api.live.feed._subscriptions) == 1, "one listens")
            async with reading(here) as reader:
                await reader.until("ready")
                api.restreamer.get("cam7").current = RUNNING
                assert (await reader.until("process"))["id"] == "cam7"
                await until(lambda: len(api.live.feed._subscriptions) == 1, "one listens")


async def test_only_so_many_may_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MAX_PER_ADDRESS", 1)
    api = Api(config())
    async with (
        running(api) as here,
        reading(here) as reader,
        httpx.AsyncClient(timeout=None) as client,
    ):
        await reader.until("ready")
        refused = await client.get(here.url, headers=token())
        assert (refused.status_code, refused.json()["reason"]) == (429, "listener-limit")
        monkeypatch.setattr(feed, "MAX_PER_ADDRESS", 9)
        monkeypatch.setattr(feed, "MAX_LISTENERS", 1)
        refused = await client.get(here.url, headers=token())
        assert (refused.status_code, refused.json()["reason"]) == (503, "listener-limit")
        assert refused.headers["Retry-After"]


async def test_head_tells_the_type_and_listens_to_nothing() -> None:
    api = Api(config())
    async with running(api) as here, httpx.AsyncClient(timeout=None) as client:
        answer = await client.head(here.url, headers=token())
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert not api.live.feed._subscriptions


async def test_a_listener_is_told_only_what_it_may_see() -> None:
    api = Api(config("mine"), config("other"))
    async with running(api):
        listener, _ = api.live.feed.listen(
            "192.0.2.1", lambda name: name == "mine", lambda: True
        )
        chunks = listener.chunks()
        await anext(chunks)
        told = await anext(chunks)
        assert b'"id":"mine"' in told
        assert b"other" not in told
        await api.restreamer.delete("other")
        await api.restreamer.delete("mine")
        assert await anext(chunks) == sse.encode("deleted", {"id": "mine"})
