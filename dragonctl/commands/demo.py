"""demo: a daemon of its own, one process that can be watched, a test of it, live stats."""

import secrets
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from dragonctl import follow, record, render
from dragonctl.commands import stats, whep_test
from dragonctl.commands.demo_daemon import Daemon
from dragonctl.errors import ClientError, ExitCode

if TYPE_CHECKING:
    from dragonctl.client import Client

HOST = "127.0.0.1"
PROCESS = "demo"
USERNAME = "admin"
MEDIA_TIMEOUT = 30.0  # seconds until FFmpeg's first packets
POLL = 0.2  # seconds
TEST = {"duration": 3.0, "viewers": 1, "timeout": 15.0}

PICTURE = "testsrc2=size=1280x720:rate=25"
CLOCK = (
    ",drawtext={font}text='%{{localtime\\:%T}}  %{{pts\\:hms}}':fontsize=64:fontcolor=white"
    ":box=1:boxcolor=black@0.6:boxborderw=12:x=(w-text_w)/2:y=h-text_h-48"
)
# with fontconfig's own choice; then where a font may be; then without
FONTS = (
    "",
    "fontfile=/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf:",
    "fontfile=/System/Library/Fonts/Menlo.ttc:",
)

HLS = (
    "-map 0:v -map 1:a -s 640x360 -c:v libx264 -preset ultrafast -tune zerolatency -g 50"
    " -pix_fmt yuv420p"
    " -b:v 600k -c:a aac -b:a 64k -f hls -hls_time 2 -hls_list_size 5"
    " -hls_flags delete_segments"
)

Port = Annotated[
    int, typer.Option(min=0, max=65535, help="The API's port on 127.0.0.1; 0: a free one.")
]
Seconds = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", min=0, help="End by itself after this time."),
]


def demo(port: Port = 8080, duration: Seconds = None) -> None:
    """Run a daemon with a process to watch; Ctrl-C ends it.

    It tests itself first, then shows live stats.

    Everything it writes goes to a scratch directory, which is deleted at the end.
    """
    port = _free_port(port)
    with _gentle_signals(), _scratch() as directory:
        password = secrets.token_urlsafe(12)
        try:
            with Daemon(directory, f"{HOST}:{port}", USERNAME, password) as daemon:
                daemon.wait_until_ready()
                _present(directory, daemon, password, duration)
        except KeyboardInterrupt:
            pass  # the way to end it
    render.note("demo ended; its files are deleted")


def _present(directory: Path, daemon: Daemon, password: str, duration: float | None) -> None:
    from dragonctl.client import Client
    from dragonctl.server import Server

    with Client(Server(daemon.url, username=USERNAME, password=password)) as client:
        _create(client, directory)
        _wait_for_media(client)
        url = f"{client.url}/api/v3/process/{PROCESS}/whep"
        report = whep_test.judge(url, TEST | {"token": client.token})
        _introduce(daemon.url, url, password)
        with follow.until_interrupted(), stats.screen(is_json=False, is_live=True) as screen:
            stats.watch(client, None, screen, _turns(duration))
    code = whep_test.exit_code(report)
    if code is not ExitCode.GOOD:
        raise ClientError("the demo ran, but its WHEP test was bad: see the table", code)


def _create(client: "Client", directory: Path) -> None:
    """Make the process, with the prettiest picture that this FFmpeg can draw."""
    pictures = [PICTURE + CLOCK.format(font=font) for font in FONTS]
    client.post("/api/v3/process", config(pictures[0], directory) | {"autostart": False})
    for picture in (*pictures[1:], PICTURE):
        if record.items(client.get(f"/api/v3/process/{PROCESS}/probe", timeout=60), "streams"):
            break
        client.put(f"/api/v3/process/{PROCESS}", config(picture, directory))
    client.put(f"/api/v3/process/{PROCESS}/command", {"command": "start"})


def config(picture: str, directory: Path) -> dict[str, Any]:
    """Give the demo's process: picture and tone in, HLS out, WebRTC on."""
    return {
        "id": PROCESS,
        "reference": PROCESS,
        "input": [
            {"id": "picture", "address": picture, "options": ["-re", "-f", "lavfi"]},
            {
                "id": "tone",
                "address": "sine=frequency=440:beep_factor=4:sample_rate=48000",
                "options": ["-re", "-f", "lavfi"],
            },
        ],
        "output": [
            {
                "id": "hls",
                "address": str(directory / "media" / "demo.m3u8"),
                # small, so that the demo leaves the machine to the person
                "options": HLS.split(),
            }
        ],
        "reconnect": True,
        "reconnect_delay_seconds": 1,
        "stale_timeout_seconds": 30,
        "webrtc": {"enabled": True},
    }


def _wait_for_media(client: "Client") -> None:
    deadline = time.monotonic() + MEDIA_TIMEOUT
    why = "it did not start"
    while time.monotonic() < deadline:
        try:
            whep = client.get(f"/api/v3/process/{PROCESS}/whep")
        except ClientError as error:
            if not error.status:
                raise
            why = error.message  # not there yet
        else:
            if record.text(whep, "state") == "live":
                return
            why = record.text(whep, "reason") or why
        time.sleep(POLL)
    state = client.get(f"/api/v3/process/{PROCESS}/state")
    words = record.text(state, "last_logline")
    raise ClientError(f"the demo's FFmpeg sends no media: {why}; it said: {words or 'nothing'}")


def _introduce(server: str, whep: str, password: str) -> None:
    screen = render.console()
    screen.print()
    screen.print(
        render.facts(
            [
                ("server", server),
                ("user", USERNAME),
                ("password", password),
                ("WHEP URL", whep),
                ("log in", f"dragonctl login {server}"),
                ("end", "Ctrl-C"),
            ]
        )
    )
    screen.print()


def _turns(duration: float | None) -> Iterator[None]:
    """Turn every second, until Ctrl-C or the end of the time."""
    if duration is None:
        yield from follow.pauses(is_endless=True)
        return
    deadline = time.monotonic() + duration
    for _ in follow.pauses(is_endless=True, interval=min(follow.INTERVAL, max(duration, POLL))):
        if time.monotonic() >= deadline:
            return
        yield


@contextmanager
def _scratch() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="dragonctl-demo-"))  # made with mode 0700
    try:
        (directory / "media").mkdir()
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _gentle_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end us as Ctrl-C does, with everything cleaned up."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _free_port(port: int) -> int:
    """Check the port before anything is started; 0 finds one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            text = f"port {port} can't be had ({error.strerror}): choose one with --port"
            raise ClientError(text) from None
        return int(probe.getsockname()[1])
