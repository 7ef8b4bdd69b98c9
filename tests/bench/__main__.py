"""``make bench``: CPU per delivered packet and per join, as one table; not a timed test."""

import argparse
import asyncio
import itertools
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from daemon.ffmpeg import binary
from tests.bench import clip
from tests.bench.audience import Audience

SERVER_CORE, OTHER_CORE = 0, 1
SETTLE = 2.0  # seconds between the last join and measuring
IDLE = 2.0  # seconds of ingest without viewers, measured before they come
JOINS_A_SECOND = 25.0
ENOUGH_JOINS = 10  # fewer are lost in the clock's ticks of 10 ms
SPARE = 20  # seconds of the clip for start, idle and settling
START_TIMEOUT = 60.0
NAME = "bench"
READY = "serving at "
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement."""

    viewers: int
    use_gso: bool
    seconds: float
    cpu_seconds: float
    packets: int
    lost: int
    octets: int
    opened: int
    refused: int
    join_ms: float
    pace: float
    """Seconds of media a second. Off 1 by over 0.02: somebody was behind; don't use the row."""

    @property
    def cost(self) -> float:
        """Microseconds of the server's CPU per delivered packet, ingest included."""
        return self.cpu_seconds / max(self.packets, 1) * 1e6

    def __str__(self) -> str:
        sent = max(self.packets + self.lost, 1)
        join = f"{self.join_ms:.1f}" if self.viewers >= ENOUGH_JOINS else "-"
        return (
            f"{self.viewers:7} {'yes' if self.use_gso else 'no':>4}"
            f" {self.packets / self.seconds:10.0f} {self.octets * 8e-6 / self.seconds:8.1f}"
            f" {self.lost / sent * 100:7.3f} {self.pace:5.2f} {self.opened:9} {self.refused:8}"
            f" {self.cpu_seconds / self.seconds * 100:7.1f}"
            f" {self.cost:10.2f} {join:>8}"
        )


HEADINGS = (
    "viewers  GSO  packets/s   Mbit/s  loss %  pace  verified  refused"
    "   CPU % us/packet  join ms"
)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its process and its WHEP endpoint."""

    pid: int
    url: str

    @property
    def cpu_seconds(self) -> float:
        """CPU time so far, user and system, without its children."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


CONFIG = """
address = "127.0.0.1:0"
[db]
dir = "{directory}/db"
[storage.disk]
dir = "{directory}/disk"
[log]
level = "warn"
[api.auth]
enable = false
[webrtc]
enable = true
public_ip = "127.0.0.1"
[limits]
viewers = 2000
viewers_per_process = 2000
viewers_per_address = 2000
"""


@asynccontextmanager
async def start_server(
    directory: Path, source: Path, *, use_gso: bool
) -> AsyncIterator[Server]:
    """Run a daemon, alone on its core, with one process that is live; FFmpeg stays with us."""
    config = directory / "config.toml"
    config.write_text(CONFIG.format(directory=directory))
    options = [] if use_gso else ["--no-gso"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.server", str(config), *options),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_TIMEOUT):
            line = (await process.stdout.readline()).decode().strip()
            if not line.startswith(READY):
                raise RuntimeError("the daemon didn't start; what it says is above")
            url = await go_live(line.removeprefix(READY), source)
        pin(process.pid, SERVER_CORE)  # FFmpeg was started before, so it stays where we are
        yield Server(process.pid, url)
    finally:
        process.terminate()
        async with asyncio.timeout(START_TIMEOUT):
            await process.wait()


async def go_live(base: str, source: Path) -> str:
    """Create the process and wait for its media; returns its WHEP endpoint."""
    endpoint = "/api/v3/process"
    process = {
        "id": NAME,
        "input": [{"id": "in", "address": str(source), "options": ["-re"]}],
        "output": [{"id": "out", "address": "-", "options": ["-c", "copy", "-f", "null"]}],
        "webrtc": {"enabled": True},
    }
    async with httpx.AsyncClient(base_url=base) as client:
        (await client.post(endpoint, json=process)).raise_for_status()
        whep = f"{endpoint}/{NAME}/whep"
        state: dict[str, Any] = {}
        while state.get("state") != "live":
            await asyncio.sleep(0.1)
            state = (await client.get(whep)).json()
    actions = [track["action"] for track in state["plan"]]
    assert actions == ["copy", "copy"], "an encoder would be measured as well"
    return f"{base}{whep}"


def pin(pid: int, core: int) -> None:
    """Keep all threads of a process on one core, where there are two."""
    if {SERVER_CORE, OTHER_CORE} <= set(range(os.cpu_count() or 1)):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})


async def measure(server: Server, viewers: int, seconds: float, *, use_gso: bool) -> Row:
    """Let viewers join, settle, and count."""
    loop = asyncio.get_running_loop()
    audience = Audience()
    marks = [(loop.time(), server.cpu_seconds, audience.tally())]

    def mark() -> None:
        marks.append((loop.time(), server.cpu_seconds, audience.tally()))

    try:
        await asyncio.sleep(IDLE)
        mark()
        await audience.join(server.url, viewers, JOINS_A_SECOND)
        mark()
        await audience.watch(SETTLE)
        mark()
        await audience.watch(seconds)
        mark()
    finally:
        audience.close()
    idle, joins, _, steady = (
        (after[0] - before[0], after[1] - before[1], after[2].packets - before[2].packets)
        for before, after in itertools.pairwise(marks)
    )
    ingest = idle[1] / idle[0]  # CPU a second
    packet = (steady[1] - ingest * steady[0]) / max(steady[2], 1)
    begin, end = marks[-2][2], marks[-1][2]
    return Row(
        viewers=viewers,
        use_gso=use_gso,
        seconds=steady[0],
        cpu_seconds=steady[1],
        packets=steady[2],
        lost=end.lost - begin.lost,
        octets=end.octets - begin.octets,
        opened=end.opened,
        refused=end.refused,
        pace=(end.media_seconds - begin.media_seconds) / steady[0],
        join_ms=(joins[1] - ingest * joins[0] - packet * joins[2]) / viewers * 1e3,
    )


async def run(viewers: Sequence[int], seconds: float, bitrate: str) -> list[Row]:
    """Measure each number of viewers with GSO and without, each on a fresh server."""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "source.mp4"
        # not looped: FFmpeg before version 7 ends a copy at the first loop
        length = round(seconds + max(viewers) / JOINS_A_SECOND + SPARE)
        await asyncio.to_thread(clip.make, binary.find("ffmpeg"), source, bitrate, length)
        print(HEADINGS)
        for use_gso in (True, False):
            for count in viewers:
                directory = Path(scratch) / f"{count}-{use_gso}"
                directory.mkdir()
                async with start_server(directory, source, use_gso=use_gso) as server:
                    row = await measure(server, count, seconds, use_gso=use_gso)
                print(row, flush=True)
                rows.append(row)
    return rows


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--viewers", default="1,10,50,100", help="numbers of viewers")
    parser.add_argument("--seconds", type=float, default=8.0, help="of measuring, each")
    parser.add_argument("--bitrate", default="2M", help="of the video, as FFmpeg writes it")
    arguments = parser.parse_args()
    viewers = [int(word) for word in arguments.viewers.split(",")]
    pin(os.getpid(), OTHER_CORE)
    asyncio.run(run(viewers, arguments.seconds, arguments.bitrate))


if __name__ == "__main__":
    main()
