"""Grants with a real FFmpeg: whose connection it is can be told, however short it is."""

import asyncio
from pathlib import Path

import pytest
from quart import request

from daemon.http.mounts import Storage, WriteAuth
from daemon.storage.disk import DiskFilesystem
from daemon.storage.grant import MARKER, fill
from daemon.storage.memory import MemoryFilesystem
from tests.integration.http.scripted import Api
from tests.integration.http.test_encoding import serving

pytestmark = pytest.mark.ffmpeg
PICTURE = ("-f", "lavfi", "-i", "testsrc=size=64x64:rate=5:duration=4")
HLS = ("-g", "5", "-f", "hls", "-hls_time", "1", "-hls_list_size", "2")


@pytest.mark.parametrize(
    ("output", "name"),
    [
        ((*HLS, "-method", "PUT", "-hls_flags", "delete_segments"), "cam.m3u8"),
        (("-c:v", "mjpeg", "-f", "image2", "-update", "1"), "cam.jpg"),
    ],
)
@pytest.mark.parametrize("is_wheel", [False, True], ids=["system", "wheel"])
async def test_ffmpeg_asks_before_it_writes(
    tmp_path: Path,
    ffmpeg_binary: Path,
    wheel_ffmpeg: Path,
    output: tuple[str, ...],
    name: str,
    is_wheel: bool,
) -> None:
    asked: list[tuple[str, str | None]] = []

    def is_ours(_client: object, _server: object) -> bool:
        asked.append((request.method, request.headers.get("Expect")))
        return True

    memory = MemoryFilesystem(1 << 20)
    storage = Storage(
        DiskFilesystem(tmp_path),
        memory,
        write_auth=WriteAuth(username="bob", password="pw"),
        is_ours=is_ours,
    )
    token = storage.grants.issue("cam")
    async with serving(Api(storage=storage)) as client:
        url = f"{client.base_url}/memfs/{MARKER}/{name}"
        binary = wheel_ffmpeg if is_wheel else ffmpeg_binary
        child = await asyncio.create_subprocess_exec(
            str(binary), "-nostdin", "-v", "error", *PICTURE, *output, *fill([url], token),
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, said = await child.communicate()
    assert child.returncode == 0, said
    assert {expected for _, expected in asked} == {"100-continue"}, asked
    methods = {"PUT", "DELETE"} if name.endswith("m3u8") else {"POST"}
    assert {method for method, _ in asked} == methods
    assert f"/{name}" in {one.path for one in await memory.list("")}
