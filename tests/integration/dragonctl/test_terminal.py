"""On a real terminal: colours, masks, a table that is painted in place, a prompt, Ctrl-C."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from dragonctl import login
from tests.integration.dragonctl.api import PASSWORD, PROCESS, STATE, Api

pytestmark = pytest.mark.slow
DEADLINE = 60.0  # seconds
COMMAND = [sys.executable, "-m", "dragonctl"]


class Terminal:
    """A command that believes in a person; what it says is in ``screen``."""

    def __init__(self, arguments: Sequence[str], size: tuple[int, int] = (30, 100)) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        environ = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
        self.child = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environ | {"TERM": "xterm-256color"},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self._slave = slave
        self.screen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.child.kill()
        self.child.wait()
        os.close(self._slave)
        os.close(self._master)

    def wait_for(self, words: str, times: int = 1) -> None:
        deadline = time.monotonic() + DEADLINE
        while self.screen.count(words) < times:
            left = deadline - time.monotonic()
            assert left > 0, f"no {words!r} in {self.screen!r}"
            self._read(left)

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def end(self) -> int:
        """Wait for the end; gives the exit code."""
        code = self.child.wait(DEADLINE)
        while self._read(0):
            pass
        return code

    def echoes(self) -> bool:
        """Whether the terminal shows what is typed."""
        return bool(termios.tcgetattr(self._slave)[3] & termios.ECHO)

    def _read(self, seconds: float) -> bool:
        readable, _, _ = select.select([self._master], [], [], seconds)
        if readable:
            self.screen += os.read(self._master, 65536).decode(errors="replace")
        return bool(readable)


@pytest.fixture
def server(logged_in: Api) -> Api:
    return logged_in


def plain(screen: str) -> str:
    """Take the colours out."""
    return re.sub(r"\x1b\[[0-9;]*m", "", screen)


def test_stats_paint_in_place_until_ctrl_c(server: Api) -> None:
    with Terminal(["stats", "--interval", "0.1"]) as terminal:
        terminal.wait_for("7f3a99c0", times=3)
        assert not terminal.echoes()
        terminal.type("\x03")
        assert terminal.end() == 0
        assert terminal.echoes()
        assert "\x1b[1A" in terminal.screen  # a line up: painted over
        assert "Traceback" not in terminal.screen
        assert "^C" not in terminal.screen


def test_ctrl_c_while_the_server_is_silent_ends_too(server: Api) -> None:
    with Terminal(["process", "log", "cam", "--follow"]) as terminal:
        terminal.wait_for("a line")
        os.killpg(terminal.child.pid, signal.SIGINT)
        assert terminal.end() == 0
        assert "Traceback" not in terminal.screen


def test_states_have_colours(server: Api) -> None:
    failed = PROCESS | {"state": STATE | {"exec": "failed"}}
    server.on("GET", "/api/v3/process", [PROCESS, failed])
    with Terminal(["process", "list"]) as terminal:
        assert terminal.end() == 0
        assert "\x1b[32mrunning" in terminal.screen
        assert "\x1b[1;31mfailed" in terminal.screen


def test_nothing_is_wider_than_a_hundred_columns(server: Api) -> None:
    wide = PROCESS | {"id": "restreamer-ui:ingest:7a9e6f5c-1c2b-4b5e-9d7e-3f0a1b2c3d4e"}
    server.on("GET", "/api/v3/process", [wide, PROCESS])
    for command in (["process", "list"], ["stats", "--once"], ["live", "cam"]):
        with Terminal(command) as terminal:
            assert terminal.end() == 0
            lines = plain(terminal.screen).splitlines()
            assert max(map(len, lines)) <= 100, lines
            assert "…" not in terminal.screen


def test_a_config_on_a_terminal_hides_its_passwords(server: Api) -> None:
    with Terminal(["process", "config", "cam"]) as terminal:
        assert terminal.end() == 0
        assert "hunter2" not in terminal.screen
        assert "rtsp://***@camera/1" in terminal.screen
        assert "--json shows them" in terminal.screen


def test_the_password_is_asked_for_and_not_shown(api: Api, home: Path) -> None:
    with Terminal(["login", api.url]) as terminal:
        terminal.wait_for("Password: ")
        terminal.type(f"{PASSWORD}\n")
        assert terminal.end() == 0
        assert PASSWORD not in terminal.screen
    assert login.load(home) is not None


def test_a_reader_who_leaves_early_hears_no_complaint(server: Api) -> None:
    server.on("GET", "/api/v3/process", [PROCESS] * 5000)
    command = f"{sys.executable} -m dragonctl process list | head -1"
    said = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert said.stdout.startswith("PROCESS")
    assert said.stderr == ""
