"""Contestants: this daemon and the servers beside it, each fed from the same clip.

A contestant is an asynchronous context that gives a running ``Target``. Where the servers of
others come from is said in docs/explanation/performance.md; one that isn't there raises
``AbsentError`` with the reason.
"""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from daemon.ffmpeg import binary
from tests.bench.target import OTHER_CORE, SERVER_CORE, START_TIMEOUT, Target, end, pin, run
from tests.e2e.daemon import free_port
from tests.e2e.waiting import until

PEERS = Path(__file__).parent / "peers"
NAME = "bench"
PAYLOAD_TYPES = {"video": 102, "audio": 111}
SSRCS = {"video": 1111, "audio": 2222}
NPM_TIMEOUT = 300.0
Taps = dict[str, int]
"""Ports of ours that get the same packets as the server, by kind; see ``latency``."""
Contestant = Callable[[Path, Path, Taps], AbstractAsyncContextManager[Target]]


class AbsentError(Exception):
    """A server isn't on this machine; the message says what was looked for."""


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
[ffmpeg.access.input]
dirs = ["{clips}"]
[webrtc]
enable = true
public_ip = "127.0.0.1"
[limits]
viewers = 2000
viewers_per_process = 2000
viewers_per_address = 2000
"""


@asynccontextmanager
async def daemon(
    directory: Path,
    clip: Path,
    taps: Taps,
    *,
    use_gso: bool = True,
    pause: int = 1,
    profile: Path | None = None,
) -> AsyncIterator[Target]:
    """Run this daemon with one live process; its FFmpeg runs beside the viewers.

    ``pause`` is the seconds until FFmpeg would begin again after the end of the clip.
    """
    config = directory / "config.toml"
    config.write_text(CONFIG.format(directory=directory, clips=clip.parent))
    options = [] if use_gso else ["--no-gso"]
    options += ["--profile", str(profile)] if profile else []
    command = [sys.executable, "-m", "tests.bench.server", str(config), *options]
    name = "dragonctl" if use_gso else "dragonctl, no GSO"
    async with run(name, command) as target:
        url = await go_live(target.url, clip, taps, pause)
        pin(target.pid, SERVER_CORE)  # FFmpeg was started before, so it stays where we are
        yield Target(name, target.pid, url)


async def go_live(base: str, clip: Path, taps: Taps, pause: int) -> str:
    """Create the process and wait for its media; returns its WHEP endpoint."""
    outputs = [{"id": "out", "address": "-", "options": ["-c", "copy", "-f", "null"]}]
    outputs += [
        {"id": kind, "address": words[-1], "options": words[:-1]}
        for kind, words in ((kind, rtp_output(kind, port)) for kind, port in taps.items())
    ]
    process = {
        "id": NAME,
        "input": [{"id": "in", "address": str(clip), "options": ["-re"]}],
        "output": outputs,
        "reconnect": True,
        "reconnect_delay_seconds": pause,
        "webrtc": {"enabled": True},
    }
    endpoint = "/api/v3/process"
    async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
        (await client.post(endpoint, json=process)).raise_for_status()
        whep = f"{endpoint}/{NAME}/whep"

        async def is_live() -> Any:
            state = (await client.get(whep)).json()
            return state if state["state"] == "live" else None

        state = await until(is_live, "the daemon has media", seconds=START_TIMEOUT)
    actions = [track["action"] for track in state["plan"]]
    assert actions == ["copy", "copy"], "an encoder would be measured as well"
    return f"{base}{whep}"


@asynccontextmanager
async def aiortc(directory: Path, clip: Path, taps: Taps) -> AsyncIterator[Target]:
    """Run aiortc, which reads the clip itself; it knows H.264 with start codes only."""
    port, copy = str(free_port()), directory / "clip.ts"
    words = ["-v", "error", "-y", "-i", str(clip), "-c", "copy", str(copy)]
    await asyncio.to_thread(
        subprocess.run, [str(binary.find("ffmpeg")), *words], check=True, timeout=START_TIMEOUT
    )
    command = [sys.executable, "-m", "tests.bench.peers.aiortc_server", str(copy), port]
    async with run("aiortc", command) as target:
        pin(target.pid, SERVER_CORE)
        yield target


@asynccontextmanager
async def libdatachannel(directory: Path, clip: Path, taps: Taps) -> AsyncIterator[Target]:
    """Run libdatachannel in Node, which passes on what FFmpeg sends it."""
    ports = {kind: free_udp_port() for kind in PAYLOAD_TYPES}
    numbers = [*ports.values(), *SSRCS.values()]
    script = PEERS / "libdatachannel.mjs"
    command = [await asyncio.to_thread(node), str(script), *map(str, numbers)]
    async with run("libdatachannel", command) as target, feed(clip, ports, taps):
        pin(target.pid, SERVER_CORE)
        yield target


@asynccontextmanager
async def go2rtc(directory: Path, clip: Path, taps: Taps) -> AsyncIterator[Target]:
    """Run go2rtc, which takes RTSP from FFmpeg."""
    program = os.environ.get("GO2RTC") or shutil.which("go2rtc")
    if program is None:
        raise AbsentError("no go2rtc on PATH, and GO2RTC names none")
    api, rtsp, udp = free_port(), free_port(), free_udp_port()
    config = directory / "go2rtc.yaml"
    config.write_text(
        f'api: {{listen: "127.0.0.1:{api}"}}\nrtsp: {{listen: "127.0.0.1:{rtsp}"}}\n'
        f'webrtc: {{listen: "127.0.0.1:{udp}/udp", ice_servers: [],'
        " filters: {loopback: true, networks: [udp4]}}\nstreams: {cam: }\n"
    )
    process = await asyncio.create_subprocess_exec(
        *(program, "-config", str(config)), stdout=asyncio.subprocess.DEVNULL
    )
    base = f"http://127.0.0.1:{api}"
    output = ["-c", "copy", "-pkt_size", "1200", "-rtsp_transport", "tcp", "-f", "rtsp"]
    try:
        await until_answers(base)
        async with ffmpeg(clip, [*output, f"rtsp://127.0.0.1:{rtsp}/cam"]):
            pin(process.pid, SERVER_CORE)
            yield Target("go2rtc", process.pid, f"{base}/api/webrtc?src=cam")
    finally:
        await end(process)


@asynccontextmanager
async def janus(directory: Path, clip: Path, taps: Taps) -> AsyncIterator[Target]:
    """Use a Janus that runs behind a WHEP proxy: its set-up needs more than a command."""
    url, pid = os.environ.get("JANUS_WHEP_URL"), os.environ.get("JANUS_PID")
    ports = os.environ.get("JANUS_RTP_PORTS")
    if not (url and pid and ports):
        raise AbsentError("JANUS_WHEP_URL, JANUS_PID and JANUS_RTP_PORTS name none")
    video, _, audio = ports.partition(",")
    async with feed(clip, {"video": int(video), "audio": int(audio)}, taps):
        pin(int(pid), SERVER_CORE)
        yield Target("Janus", int(pid), url)


CONTESTANTS: dict[str, Contestant] = {
    "dragonctl": daemon,
    "libdatachannel": libdatachannel,
    "aiortc": aiortc,
    "go2rtc": go2rtc,
    "janus": janus,
}


def node() -> str:
    """Find Node.js, and libdatachannel in the peers' own folder, installed once."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        raise AbsentError("no node and npm on PATH")
    if not (PEERS / "node_modules/node-datachannel").exists():
        command = [npm, "ci", "--no-audit", "--no-fund", "--silent"]
        done = subprocess.run(command, cwd=PEERS, check=False, timeout=NPM_TIMEOUT)
        if done.returncode:
            raise AbsentError("npm could not install node-datachannel")
    return program


@asynccontextmanager
async def feed(clip: Path, ports: dict[str, int], taps: Taps) -> AsyncIterator[None]:
    """Send the clip as RTP in real time, as the daemon's own legs do."""
    words = [word for kind, port in ports.items() for word in rtp_output(kind, port)]
    words += [word for kind, port in taps.items() for word in rtp_output(kind, port)]
    async with ffmpeg(clip, words):
        yield


def rtp_output(kind: str, port: int) -> list[str]:
    """Write an output of one track."""
    bitstream = ["-bsf:v", "h264_mp4toannexb,dump_extra=freq=keyframe"]
    return [
        *("-map", f"0:{kind[0]}", f"-c:{kind[0]}", "copy"),
        *(bitstream if kind == "video" else []),
        *("-payload_type", str(PAYLOAD_TYPES[kind]), "-ssrc", str(SSRCS[kind])),
        *("-f", "rtp", f"rtp://127.0.0.1:{port}?pkt_size=1200"),
    ]


@asynccontextmanager
async def ffmpeg(clip: Path, output: list[str]) -> AsyncIterator[None]:
    """Run FFmpeg beside the viewers."""
    program = str(binary.find("ffmpeg"))
    command = [program, "-v", "error", "-nostdin", "-re", "-i", str(clip), *output]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        pin(process.pid, OTHER_CORE)
        yield
    finally:
        await end(process)


def free_udp_port() -> int:
    """Find an even port whose odd neighbour RTCP may have."""
    while True:
        port = free_port(socket.SOCK_DGRAM)
        if port % 2 == 0:
            return port


async def until_answers(base: str) -> None:
    """Wait for a server that says nothing when it is ready."""

    async def answers() -> bool:
        async with httpx.AsyncClient(trust_env=False) as client:
            try:
                return (await client.get(base)).status_code > 0
            except httpx.TransportError:
                return False

    await until(answers, f"{base} answers", seconds=START_TIMEOUT)
