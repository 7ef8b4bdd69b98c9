"""What travels by gzip and what doesn't, over real sockets with a real client."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from daemon.auth import Tokens
from daemon.http.mounts import Storage
from daemon.http.server import serve
from daemon.restream.config import ConfigWebRTC
from daemon.storage.disk import DiskFilesystem
from daemon.storage.memory import MemoryFilesystem
from tests.integration.http.scripted import Api, ScriptedAuth, config, token

DEADLINE = 60.0  # seconds
TEXT = b"<p>the same words again and again</p>\n" * 100
PLAIN = {"Accept-Encoding": "identity"}
PACKED = {"Accept-Encoding": "gzip"}
PROCESSES = "/api/v3/process"


@asynccontextmanager
async def serving(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of the application on a port of its own."""
    stop = asyncio.Event()
    listening: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        feeding = group.create_task(api.live.feed.run())
        group.create_task(serve(api.app, "127.0.0.1:0", stop=stop, ready=listening.set_result))
        url = f"http://{(await asyncio.wait_for(listening, DEADLINE))[0]}"
        async with httpx.AsyncClient(
            base_url=url, headers=token(), trust_env=False, timeout=DEADLINE
        ) as client:
            yield client
        feeding.cancel()
        stop.set()


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    names = ("a.html", "a.js", "a.svg", "a.ts", "a.jpg", "a.html.gz", "a.mp4")
    for name in names:
        (tmp_path / name).write_bytes(TEXT)
    (tmp_path / "small.html").write_bytes(TEXT[:999])
    (tmp_path / "large.txt").write_bytes(TEXT * 400)
    storage = Storage(DiskFilesystem(tmp_path), MemoryFilesystem(1024 * 1024))
    processes = [config(f"cam{number}") for number in range(9)]
    api = Api(*processes, config(webrtc=ConfigWebRTC(enabled=True)), storage=storage)
    async with serving(api) as found:
        yield found


async def test_a_large_answer_is_packed_for_who_takes_it(client: httpx.AsyncClient) -> None:
    plain = await client.get(PROCESSES, headers=PLAIN)
    packed = await client.get(PROCESSES, headers=PACKED)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 4
    assert packed.json() == plain.json()
    assert packed.headers["Content-Type"] == plain.headers["Content-Type"]


@pytest.mark.parametrize("accepted", ["gzip;q=0", "br", "", "identity, gzip;q=0.0"])
async def test_who_does_not_take_it_gets_it_plain(
    client: httpx.AsyncClient, accepted: str
) -> None:
    answer = await client.get(PROCESSES, headers={"Accept-Encoding": accepted})
    assert "Content-Encoding" not in answer.headers


async def test_a_small_answer_is_left_as_it_is(client: httpx.AsyncClient) -> None:
    for path in ("/ping", f"{PROCESSES}/cam/config", f"{PROCESSES}/nobody", "/small.html"):
        answer = await client.get(path, headers=PACKED)
        assert "Content-Encoding" not in answer.headers, path
        assert "Vary" not in answer.headers, path


async def test_head_tells_the_size_of_the_thing_itself(client: httpx.AsyncClient) -> None:
    answer = await client.head("/a.html", headers=PACKED)
    assert "Content-Encoding" not in answer.headers
    assert int(answer.headers["Content-Length"]) == len(TEXT)
    assert answer.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("name", ["a.html", "a.js", "a.svg"])
async def test_a_text_file_has_two_forms_with_an_etag_each(
    client: httpx.AsyncClient, name: str
) -> None:
    plain = await client.get(f"/{name}", headers=PLAIN)
    packed = await client.get(f"/{name}", headers=PACKED)
    assert plain.content == packed.content == TEXT
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert packed.headers["ETag"] != plain.headers["ETag"]
    for asked, answer in ((PLAIN, plain), (PACKED, packed)):
        etag = answer.headers["ETag"]
        again = await client.get(f"/{name}", headers=asked | {"If-None-Match": etag})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == etag
    other = PLAIN | {"If-None-Match": packed.headers["ETag"]}
    assert (await client.get(f"/{name}", headers=other)).status_code == 200


async def test_a_part_is_a_part_of_the_file_itself(client: httpx.AsyncClient) -> None:
    packed = await client.get("/a.html", headers=PACKED)
    plain = await client.head("/a.html")
    part = await client.get("/a.html", headers=PACKED | {"Range": "bytes=3-9"})
    assert (part.status_code, part.content) == (206, TEXT[3:10])
    assert "Content-Encoding" not in part.headers
    assert part.headers["ETag"] == plain.headers["ETag"]
    mixed = {"Range": "bytes=3-9", "If-Range": packed.headers["ETag"]}
    whole = await client.get("/a.html", headers=PACKED | mixed)
    assert (whole.status_code, whole.content) == (200, TEXT)


@pytest.mark.parametrize("name", ["a.ts", "a.jpg", "a.html.gz", "a.mp4", "large.txt"])
async def test_media_and_large_files_are_never_packed(
    client: httpx.AsyncClient, name: str
) -> None:
    answer = await client.get(f"/{name}", headers=PACKED)
    assert "Content-Encoding" not in answer.headers
    assert "Vary" not in answer.headers
    assert answer.content[: len(TEXT)] == TEXT


async def test_events_and_whep_are_never_packed(client: httpx.AsyncClient) -> None:
    async with client.stream("GET", "/api/v3/events", headers=PACKED) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert "Content-Encoding" not in answer.headers
    offer = PACKED | {"Content-Type": "application/sdp"}
    joined = await client.post(f"{PROCESSES}/cam/whep", headers=offer, content="v=0\r\n" * 500)
    assert joined.status_code == 201
    assert "Content-Encoding" not in joined.headers


async def test_what_goes_out_is_gzip_and_nothing_after_it(client: httpx.AsyncClient) -> None:
    async with client.stream("GET", PROCESSES, headers=PACKED) as answer:
        raw = b"".join([piece async for piece in answer.aiter_raw()])
    assert len(raw) == int(answer.headers["Content-Length"])
    assert gzip.decompress(raw).endswith(b"]\n")


class LongTokens(ScriptedAuth):
    async def login(self, username: str, password: str, source: str) -> Tokens:
        return Tokens(access="a" * 1000, refresh="r" * 1000)


async def test_tokens_are_never_packed() -> None:
    async with serving(Api(auth=LongTokens())) as client:
        body = {"username": "a", "password": "b"}
        answer = await client.post("/api/login", json=body, headers=PACKED)
    assert len(answer.json()["access_token"]) == 1000
    assert "Content-Encoding" not in answer.headers
    assert "Vary" not in answer.headers
