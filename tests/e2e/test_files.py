"""FFmpeg writes HLS to memory: what viewers get, who may write, what is left at the end."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.e2e import inputs
from tests.e2e.conftest import MakeDaemon
from tests.e2e.daemon import Daemon, Settings
from tests.e2e.waiting import DEADLINE, until

pytestmark = [pytest.mark.ffmpeg, pytest.mark.slow]
USERNAME, PASSWORD = "writer", "a made-up word"
ENVIRONMENT = {
    "CORE_STORAGE_MEMORY_AUTH_USERNAME": USERNAME,
    "CORE_STORAGE_MEMORY_AUTH_PASSWORD": PASSWORD,
    "CORE_SESSIONS_IP_IGNORELIST": "192.0.2.0/24",
}
HLS = (
    *("-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-f", "hls", "-hls_time", "1"),
    *("-hls_list_size", "3", "-hls_flags", "delete_segments", "-method", "PUT"),
)


def hls_output(name: str = "{processid}") -> dict[str, Any]:
    """Write the output of a process that clients of datarhei make for HLS."""
    return {
        "id": "hls",
        "address": f"{{memfs}}/{name}.m3u8",
        "options": [*HLS, "-hls_segment_filename", f"{{memfs}}/{name}_%d.ts"],
        "cleanup": [{"pattern": f"memfs:/{name}**", "max_files": 10, "purge_on_delete": True}],
    }


async def names(daemon: Daemon) -> list[str]:
    return [file["name"] for file in await daemon.get("/api/v3/fs/mem")]


async def until_playlist(daemon: Daemon, name: str) -> None:
    async def is_there() -> bool:
        return f"/{name}.m3u8" in await names(daemon)

    await until(is_there, "there is a playlist")


def words_of(daemon: Daemon, process_id: str) -> list[str]:
    (pid,) = daemon.children(process_id)
    return psutil.Process(pid).cmdline()


@pytest.mark.parametrize("wheel", [False, True], ids=["system", "wheel"])
async def test_hls_in_memory_from_the_first_segment_to_the_purge(
    make_daemon: MakeDaemon, ffmpeg_binary: Path, wheel_ffmpeg: Path, wheel: bool
) -> None:
    binary = wheel_ffmpeg if wheel else ffmpeg_binary
    daemon = await make_daemon(Settings(ffmpeg=binary, environment=ENVIRONMENT)).start()
    source = inputs.read(inputs.PICTURE, *inputs.LAVFI)
    quiet = {"enabled": False}
    await daemon.add(inputs.config("cam", source, output=[hls_output()], webrtc=quiet))
    await until_playlist(daemon, "cam")

    grant = next(word for word in words_of(daemon, "cam") if "/memfs/~" in word).split("/")[4]
    assert len(grant) > 30
    await assert_hidden(daemon, grant[1:])
    async with httpx.AsyncClient(
        base_url=daemon.url, trust_env=False, timeout=DEADLINE
    ) as viewer:
        await assert_plays(viewer, "cam")
        await assert_strangers_do_not_write(viewer, grant)

    assert (await daemon.call("DELETE", "/api/v3/process/cam")).status_code == 200

    async def is_empty() -> bool:
        return await names(daemon) == []

    await until(is_empty, "all of it is purged")
    async with httpx.AsyncClient(
        base_url=daemon.url, trust_env=False, timeout=DEADLINE
    ) as late:
        assert (await late.put(f"/memfs/{grant}/x", content=b"x")).status_code == 401


async def assert_plays(viewer: httpx.AsyncClient, name: str) -> None:
    """Follow the addresses as a player does, and read a segment in two parts."""
    master = (await viewer.get(f"/memfs/{name}.m3u8")).text
    playlist = (await viewer.get(f"/memfs/{master.splitlines()[-1]}")).text
    assert "#EXTINF" in playlist
    address = f"/memfs/{playlist.splitlines()[-1]}"
    whole = await viewer.get(address)
    assert whole.headers["content-type"] == "video/mp2t"
    assert whole.content[0] == 0x47
    part = await viewer.get(address, headers={"Range": "bytes=188-375"})
    assert (part.status_code, part.content) == (206, whole.content[188:376])
    head = await viewer.head(address)
    assert int(head.headers["content-length"]) == len(whole.content)


async def assert_strangers_do_not_write(viewer: httpx.AsyncClient, grant: str) -> None:
    assert (await viewer.put("/memfs/x", content=b"x")).status_code == 401
    wrong = (USERNAME, "wrong")
    assert (await viewer.put("/memfs/x", content=b"x", auth=wrong)).status_code == 401
    assert (
        await viewer.put("/memfs/cam-x", content=b"x", auth=(USERNAME, PASSWORD))
    ).is_success
    assert (await viewer.put(f"/memfs/{grant}/cam-y", content=b"x")).is_success


async def assert_hidden(daemon: Daemon, secret: str) -> None:
    """Look for a secret wherever somebody could read it."""
    for path in ("/process", "/process/cam/state", "/process/cam/report", "/log", "/fs/mem"):
        assert secret not in str(await daemon.get(f"/api/v3{path}")), path
    assert secret not in daemon.log


async def test_another_ffmpeg_writes_with_name_and_password(
    make_daemon: MakeDaemon, ffmpeg_binary: Path
) -> None:
    daemon = await make_daemon(Settings(ffmpeg=ffmpeg_binary, environment=ENVIRONMENT)).start()
    target = f"http://{USERNAME}:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{daemon.port}/memfs"
    source = ("-f", "lavfi", "-i", inputs.PICTURE, "-t", "2")
    process = await asyncio.create_subprocess_exec(
        ffmpeg_binary, "-v", "error", *source, *HLS, f"{target}/own.m3u8"
    )
    async with asyncio.timeout(DEADLINE):
        assert await process.wait() == 0
    assert "/own.m3u8" in await names(daemon)
