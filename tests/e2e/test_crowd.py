"""Many processes: thirty real ones that write HLS, two hundred stand-ins under orders."""

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import inputs
from tests.e2e.conftest import MakeDaemon
from tests.e2e.daemon import Daemon, Settings
from tests.e2e.waiting import until

pytestmark = [pytest.mark.ffmpeg, pytest.mark.slow]
REAL = 30
STUBS = 200
P99_SECONDS = 0.1  # what a reader of the API may have to wait; asked where it is quiet
SHARED_SECONDS = 5.0  # the same on a machine that may do anything else meanwhile
STUB = "#!/bin/sh\nexec sleep 100000\n"  # costs nothing while it runs
# In a process of its own, so that it measures the daemon and not the threads of the orders
READER = """
import http.client, json, sys, threading, time
times, ended = [], threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
headers = {"Authorization": "Bearer " + sys.argv[2]}
while not ended.wait(0.02):
    begin = time.monotonic()
    connection.request("GET", "/api/v3/process?filter=state&id=p0", headers=headers)
    answer = connection.getresponse()
    answer.read()
    times.append(time.monotonic() - begin)
    assert answer.status == 200, answer.status
print(json.dumps(times))
"""
SMALL = "testsrc2=size=64x36:rate=5"
TINY = (
    *("-c:v", "libx264", "-preset", "ultrafast", "-threads", "1", "-g", "5", "-f", "hls"),
    *("-hls_time", "1", "-hls_list_size", "3", "-hls_flags", "delete_segments"),
)


def tiny(name: str) -> dict[str, Any]:
    output = {
        "id": "hls",
        "address": "{memfs}/{processid}.m3u8",
        "options": [*TINY, "-hls_segment_filename", "{memfs}/{processid}_%d.ts"],
        "cleanup": [{"pattern": "memfs:/{processid}_*.ts", "max_files": 5}],
    }
    source = inputs.read(SMALL, *inputs.LAVFI)
    return inputs.config(name, source, output=[output], webrtc={"enabled": False})


async def test_thirty_real_processes_write_hls_at_once(daemon: Daemon) -> None:
    for number in range(REAL):
        await daemon.add(tiny(f"p{number}"))

    async def are_all_running() -> bool:
        states = await daemon.get("/api/v3/process?filter=state")
        running = [one for one in states if one["state"]["progress"]["frame"] > 5]
        assert len(running) == REAL
        playlists = await daemon.get("/api/v3/fs/mem?glob=/*.m3u8")
        return len(playlists) == REAL

    await until(are_all_running, "all of them run and have a playlist", seconds=90.0)
    files = await daemon.get("/api/v3/fs/mem")
    assert len(files) <= REAL * 7


async def timed(
    daemon: Daemon, times: list[float], method: str, path: str, **body: Any
) -> None:
    begin = time.monotonic()
    answer = await daemon.call(method, path, **body)
    times.append(time.monotonic() - begin)
    assert answer.status_code == 200, (method, path, answer.text)


async def test_two_hundred_stand_ins_under_orders(
    make_daemon: MakeDaemon, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders, reads = await under_orders(make_daemon, tmp_path)
    with capsys.disabled():
        p99 = tell(orders, reads)
    assert p99 < SHARED_SECONDS


@pytest.mark.soak
async def test_the_api_answers_soon_under_orders(
    make_daemon: MakeDaemon, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders, reads = await under_orders(make_daemon, tmp_path)
    with capsys.disabled():
        assert tell(orders, reads) < P99_SECONDS


async def under_orders(
    make_daemon: MakeDaemon, tmp_path: Path
) -> tuple[list[float], list[float]]:
    """Let four clients order without pause; how long orders and one reader's reads took."""
    stub = tmp_path / "ffmpeg"
    stub.write_text(STUB)
    stub.chmod(0o755)
    daemon = await make_daemon(Settings(ffmpeg=stub, webrtc=False)).start()
    orders: list[float] = []
    names = [f"p{number}" for number in range(STUBS)]

    async def order(part: list[str]) -> None:
        for name in part:
            body = inputs.config(name, inputs.read("x"), webrtc={"enabled": False})
            await timed(daemon, orders, "POST", "/api/v3/process", json=body)
        for word in ("stop", "start", "restart"):
            for name in part:
                path = f"/api/v3/process/{name}/command"
                await timed(daemon, orders, "PUT", path, json={"command": word})
        for name in part[1:]:
            await timed(daemon, orders, "DELETE", f"/api/v3/process/{name}")

    await daemon.add(inputs.config("p0", inputs.read("x"), webrtc={"enabled": False}))
    command = [sys.executable, "-c", READER, str(daemon.port), daemon.token]
    reader = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.TaskGroup() as group:
        for place in range(4):
            group.create_task(order([f"q{place}", *names[1 + place :: 4]]))
    async with asyncio.timeout(30):
        out, _ = await reader.communicate(b"")
    left = [one["id"] for one in await daemon.get("/api/v3/process?filter=none")]
    assert left == ["p0", "q0", "q1", "q2", "q3"]
    return orders, json.loads(out)


def tell(orders: list[float], reads: list[float]) -> float:
    """Write the figures; give the 99th percentile of the reads, in seconds."""
    p99 = statistics.quantiles(reads, n=100)[98]
    sys.stdout.write(
        f"\n{len(orders)} orders, median {statistics.median(orders) * 1e3:.0f} ms; "
        f"{len(reads)} reads, median {statistics.median(reads) * 1e3:.1f} ms, "
        f"p99 {p99 * 1e3:.0f} ms\n"
    )
    return p99
