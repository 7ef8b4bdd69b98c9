"""What a command line costs before it does anything."""

import json
import subprocess
import sys
import time

import pytest

HEAVY = ("aiortc", "av", "daemon", "quart", "httpx", "rich", "pydantic", "asyncio", "tomlkit")
WATCHED = f"""
import atexit, json, sys
heavy = {HEAVY!r}
atexit.register(lambda: print(json.dumps([name for name in heavy if name in sys.modules])))
from dragonctl.main import main
main()
"""
COMMANDS = [
    [],
    *([name] for name in ("demo", "serve", "login", "logout", "live", "whep-test", "stats")),
    *([name] for name in ("log", "skills", "about", "process", "config")),
    ["process", "create"],
    ["config", "check"],
]


def test_help_imports_nothing_heavy() -> None:
    said = subprocess.run(
        [sys.executable, "-c", WATCHED, "--help"], capture_output=True, text=True, check=True
    )
    lines = said.stdout.splitlines()
    assert lines[0].startswith("Usage: dragonctl")
    assert json.loads(lines[-1]) == []


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from dragonctl.main import main

    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert not ended.value.code
    said = capsys.readouterr().out
    assert said.startswith(" ".join(["Usage: dragonctl", *command]))
    assert "..." not in said.partition("Commands:")[2], "one line says it all"


@pytest.mark.soak
def test_help_is_there_at_once() -> None:
    best = min(_time_of_help() for _ in range(5))  # of five: other tests share the machine
    assert best < 0.3


def _time_of_help() -> float:
    began = time.perf_counter()
    command = [sys.executable, "-m", "dragonctl", "--help"]
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - began


@pytest.mark.parametrize(
    "arguments", [["no-such"], ["process", "no-such"], ["live"], ["live", "--no-such", "cam"]]
)
def test_wrong_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from dragonctl.main import main

    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "Error:" in capsys.readouterr().err


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    from dragonctl.main import main

    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"dragonctl {version('dragonctl')}\n"
