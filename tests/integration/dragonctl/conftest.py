"""A server and a person at a keyboard, for every test here."""

import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dragonctl import login
from dragonctl.main import main
from tests.integration.dragonctl.api import ACCESS, REFRESH, Api

VARIABLES = ("URL", "USERNAME", "PASSWORD", "TOKEN")


@dataclass(frozen=True, slots=True)
class Said:
    """What a command line came to."""

    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the login is saved; the environment says nothing of a server."""
    for name in VARIABLES:
        monkeypatch.delenv(f"DRAGONCTL_{name}", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "dragonctl"


@pytest.fixture
def run(home: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run ``dragonctl`` with these arguments; ``stdin`` is what comes in by a pipe."""

    def run_main(*arguments: str, stdin: str = "") -> Said:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = capfd.readouterr()
        code: Any = ended.value.code
        return Said(int(code or 0), said.out, said.err)

    return run_main


@pytest.fixture
def logged_in(api: Api, home: Path) -> Api:
    """Give the server, with a login to it that was saved before."""
    login.save(home, login.Login(api.url, "admin", ACCESS, REFRESH))
    return api
