"""Bad input gets a clear answer and loses nothing."""

import asyncio
import os
import resource
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import give_up
from tests.e2e import inputs
from tests.e2e.conftest import MakeDaemon
from tests.e2e.daemon import COMMAND, Daemon, Settings, process_path, run_cli, whep_path
from tests.e2e.waiting import DEADLINE, until

pytestmark = [pytest.mark.ffmpeg, pytest.mark.slow]
JSON = {"Content-Type": "application/json"}
SDP = {"Content-Type": "application/sdp"}
SMALL_DISK = 2 << 20  # bytes
QUIET = {"autostart": False}
FEW_FILES = 256
PING = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"


async def assert_untouched(daemon: Daemon, process_id: str, pids: list[int]) -> None:
    """Expect the same FFmpeg as before, and the daemon in good health."""
    assert daemon.children(process_id) == pids
    state = await daemon.state(process_id)
    assert (state["order"], state["exec"]) == ("start", "running")
    assert (await daemon.request("GET", "/ping")).text == "pong"


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b'{"id": "x", ', "JSON"),
        (b"[" * 100_000, "JSON"),
        (b'{"id": 7, "input": [], "output": []}', "id"),
        (b'"text"', "object"),
        (b"\xff\xfe", "JSON"),
    ],
    ids=["cut", "deep", "type", "shape", "bytes"],
)
async def test_broken_json_is_told_and_changes_nothing(
    daemon: Daemon, body: bytes, word: str
) -> None:
    answer = await daemon.call("POST", "/api/v3/process", content=body, headers=JSON)
    assert answer.status_code == 400
    error = answer.json()
    assert error["code"] == 400
    assert word in f"{error['message']} {error['details']}"
    assert await daemon.get("/api/v3/process") == []


async def test_broken_offers_are_told_and_nobody_else_notices(daemon: Daemon) -> None:
    await daemon.add(inputs.test_picture("cam"))
    await daemon.until_live("cam")
    pids = daemon.children("cam")
    path = whep_path("cam")
    for body, kind, status in (
        (b"v=0\r\nnonsense", SDP, 400),
        (b"\x00\xff" * 500, SDP, 400),
        (b"v=0\r\n" + b"a=x\r\n" * 20_000, SDP, 413),
        (b"{}", JSON, 415),
    ):
        # an answer before the end of the body may end the connection
        headers = kind | {"Connection": "close"}
        answer = await daemon.call("POST", path, content=body, headers=headers)
        assert answer.status_code == status, (body[:20], answer.text)
        assert answer.json()["status"] == status
        assert answer.json()["detail"]
    await assert_untouched(daemon, "cam", pids)


def serve(config: Path, **environment: str) -> str:
    """Start on a file that is wrong; give what is said."""
    done = subprocess.run(
        [COMMAND, "serve", "--config", config],
        cwd=config.parent,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    assert [path.name for path in config.parent.iterdir()] == [config.name], "it left traces"
    return done.stderr


@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        ('name = "x"\n[webrtc\n', ":2", "]"),
        ("[webrtc]\nenable = 7\n", ":2: webrtc.enable", "true"),
        ("\n\n[webrtc]\nudp_mux_port = 99999\n", ":4: webrtc.udp_mux_port", "65535"),
        ("[webrtc]\nport = 1\n", ":2: webrtc.port", "unknown"),
        ('address = ":1"\n[api.auth]\nenable = false\n', ":1: address", "api.auth.enable"),
    ],
    ids=["syntax", "type", "range", "unknown", "unsafe"],
)
def test_a_wrong_file_stops_the_start_with_file_line_key_and_reason(
    tmp_path: Path, text: str, place: str, word: str
) -> None:
    config = tmp_path / "wrong.toml"
    config.write_text(text)
    said = serve(config)
    assert f"{config.name}{place}" in said
    assert word in said


def test_a_wrong_variable_stops_the_start_by_its_name(tmp_path: Path) -> None:
    config = tmp_path / "good.toml"
    config.write_text("")
    said = serve(config, CORE_WEBRTC_UDP_MUX_PORT="many")
    assert "CORE_WEBRTC_UDP_MUX_PORT" in said
    assert "many" in said


async def test_options_and_addresses_that_cannot_be_are_refused(daemon: Daemon) -> None:
    await daemon.add(inputs.test_picture("cam"))
    await daemon.until_live("cam")
    pids = daemon.children("cam")
    for place, word in (
        ({"options": ["/etc/passwd"]}, "/etc/passwd"),
        ({"input": [inputs.read("x", "-i", "y")]}, "-i"),
        ({"input": [inputs.read("rtsp://[::1/x")]}, "#cam:in"),
        ({"output": [{"id": "o", "address": "/etc/x", "options": []}]}, "/etc/x"),
        ({"webrtc": {"enabled": True, "video_pt": 300}}, "video_pt"),
    ):
        answer = await daemon.call("PUT", process_path("cam"), json=place)
        assert answer.status_code == 400, (place, answer.text)
        assert word in answer.text
    await assert_untouched(daemon, "cam", pids)


async def test_an_option_that_ffmpeg_does_not_have_is_refused_by_name(daemon: Daemon) -> None:
    source = inputs.read(inputs.PICTURE, "-unheard_of", "1", *inputs.LAVFI)
    answer = await daemon.call("POST", "/api/v3/process", json=inputs.config("bad", source))
    assert answer.status_code == 400
    assert "#bad:in" in answer.text
    assert "-unheard_of" in answer.text


@pytest.mark.parametrize(
    ("source", "word"),
    [
        (inputs.read("/nowhere/film.mp4", "-re"), "No such file"),
        (inputs.read("rtsp://127.0.0.1:1/x", "-rtsp_transport", "tcp"), "refused"),
    ],
    ids=["file", "address"],
)
async def test_what_ffmpeg_cannot_use_is_told_where_people_look(
    daemon: Daemon, source: Any, word: str
) -> None:
    await daemon.add(inputs.config("bad", source))
    await daemon.add(inputs.test_picture("good"))

    async def has_failed() -> bool:
        state = await daemon.state("bad")
        return bool(state["exec"] == "failed" and state["reconnect_seconds"] >= 0)

    await until(has_failed, "the process has failed and will be tried again")
    report = await daemon.get(f"{process_path('bad')}/report")
    assert word in str(report)
    shown = await run_cli(daemon, "process", "show", "bad", "--json")
    assert shown.code == 0
    status = await daemon.whep("bad")
    assert status["state"] in ("failed", "waiting")
    assert status["reason"]
    await daemon.until_live("good")


@pytest.mark.parametrize("binary", ["nowhere-to-be-found", "/nowhere/ffmpeg"])
def test_a_missing_ffmpeg_stops_the_start_and_says_what_to_do(
    make_daemon: MakeDaemon, binary: str
) -> None:
    daemon = make_daemon(Settings(ffmpeg=binary))
    assert daemon.launch().wait(DEADLINE) not in (0, None)
    assert binary in daemon.log
    assert "ffmpeg.binary" in daemon.log


async def test_a_taken_port_stops_the_start_and_names_it(make_daemon: MakeDaemon) -> None:
    daemon = make_daemon()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", daemon.port))
        taken.listen()
        daemon.launch()
        assert await daemon.wait() not in (0, None)
    assert f"127.0.0.1:{daemon.port}" in daemon.log
    assert "in use" in daemon.log
    await daemon.start()  # it works as soon as the port is free


async def test_a_second_daemon_on_the_same_data_is_refused(
    daemon: Daemon, make_daemon: MakeDaemon
) -> None:
    await daemon.add(inputs.test_picture("cam"))
    await daemon.until_live("cam")
    pids = daemon.children("cam")
    second = make_daemon(data=daemon.data)
    second.launch()
    assert await second.wait() not in (0, None)
    assert daemon.process is not None
    assert str(daemon.process.pid) in second.log
    assert str(daemon.data) in second.log
    await assert_untouched(daemon, "cam", pids)


async def test_connections_without_number_leave_files_for_ffmpeg(daemon: Daemon) -> None:
    assert daemon.process is not None
    limits = (FEW_FILES, FEW_FILES)
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, limits)
    place = ("127.0.0.1", daemon.port)
    with ExitStack() as stack:
        for _ in range(FEW_FILES):
            client = stack.enter_context(socket.create_connection(place, DEADLINE))
            client.sendall(PING)
            assert await asyncio.to_thread(client.recv, 100)
        await daemon.add(inputs.test_picture("cam"))
        await daemon.until_live("cam")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system that is soon full."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        give_up(f"a full disk needs the right to mount a tmpfs: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


async def test_a_full_disk_refuses_changes_and_keeps_everything_running(
    small_disk: Path, make_daemon: MakeDaemon
) -> None:
    daemon = await make_daemon(data=small_disk / "db").start()
    await daemon.add(inputs.test_picture("cam"))
    await daemon.until_live("cam")
    pids = daemon.children("cam")
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(4096))
            except OSError:
                break

    async def is_refused() -> bool:
        long = inputs.test_picture("more", reference="x" * 60_000, **QUIET)
        answer = await daemon.call("POST", "/api/v3/process", json=long)
        if answer.status_code == 200:  # SQLite may have had a page left
            await daemon.call("DELETE", process_path("more"))
            return False
        assert answer.status_code == 507, answer.text
        assert "full" in answer.text
        return True

    await until(is_refused, "a change is refused")
    assert [one["id"] for one in await daemon.get("/api/v3/process")] == ["cam"]
    await assert_untouched(daemon, "cam", pids)
    filler.unlink()
    await daemon.add(inputs.test_picture("later", **QUIET))
    await daemon.kill()
    await daemon.start()
    listed = [one["id"] for one in await daemon.get("/api/v3/process")]
    assert listed == ["cam", "later"]
    await daemon.until_live("cam")
    await daemon.stop()  # before the disk goes
