"""dragonctl demo: a whole daemon with FFmpeg, tested by its own WHEP test, gone at the end."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragonctl.commands.demo import PICTURE, config
from tests.integration.dragonctl.conftest import Run

pytestmark = [pytest.mark.slow, pytest.mark.ffmpeg]
COMMAND = [sys.executable, "-m", "dragonctl", "demo", "--port", "0"]
DEADLINE = 90.0  # seconds


@pytest.fixture
def scratch(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the demo puts its directory; nothing of it may be left, no process either."""
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield place
    assert list(place.iterdir()) == []
    assert users_of(place) == []


def users_of(place: Path) -> list[str]:
    """Command lines that name the directory."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # ended meanwhile
        if str(place) in line:
            found.append(line)
    return found


def expected_code(printed: str) -> int:
    """Give the demo's exit code: a busy machine's picture may freeze, and nothing else."""
    return int("video-frozen" in printed)


def test_the_demo_is_good_and_cleans_up(scratch: Path) -> None:
    said = subprocess.run(
        [*COMMAND, "--duration", "2"], capture_output=True, text=True, timeout=DEADLINE
    )
    code = expected_code(said.stdout)
    assert said.returncode == code, said.stdout + said.stderr
    verdict = "bad" if code else "good"
    assert re.search(rf"^WHEP test of http://127\.0\.0\.1:\d+/\S+: {verdict}", said.stdout)
    assert re.search(r"^password +\S{16}", said.stdout, re.MULTILINE)
    assert len(re.findall(r"demo: running .* fps", said.stdout)) >= 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_ends_in_order_when_told_to(number: signal.Signals, scratch: Path) -> None:
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        deadline = time.monotonic() + DEADLINE
        printed = ""
        for line in demo.stdout:
            assert time.monotonic() < deadline
            printed += line
            if "demo: running" in line:
                break
        os.kill(demo.pid, number)
        demo.communicate(timeout=DEADLINE)
        assert demo.returncode == expected_code(printed), printed


def test_a_port_that_is_taken_is_told_at_once(run: Run, scratch: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = run("demo", "--port", str(taken.getsockname()[1]))
    assert said.code == 1
    assert "choose one with --port" in said.err


def test_a_daemon_that_does_not_start_says_why(
    run: Run, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragonctl.commands.demo_daemon.TEMPLATE", "version = 2\n")
    said = run("demo", "--port", "0")
    assert said.code == 1
    assert "did not start" in said.err
    assert "version" in said.err


def test_the_demo_s_process_is_watched_and_recorded(tmp_path: Path) -> None:
    made = config(PICTURE, tmp_path)
    assert made["webrtc"] == {"enabled": True}
    assert [one["id"] for one in made["input"]] == ["picture", "tone"]
    [output] = made["output"]
    assert output["address"] == str(tmp_path / "media/demo.m3u8")
