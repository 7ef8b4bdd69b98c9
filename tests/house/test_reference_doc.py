"""The reference names everything there is: commands, options, routes, reason words."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from daemon.restream.hooks import StopReason
from daemon.rtc.dtls import Reason as DtlsReason
from dragonctl.main import app

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs/reference"
METHODS = {"get", "put", "post", "delete", "patch", "options"}
# where a stable word is written down: errors, plans, ends of viewers
WORDS = re.compile(
    r"(?:reason=|Reason\(|\b_?(?:close\w*|_drop_source|_end|_refuse|_overload)\((?:[^()]*?|.*?))"
    r'"([a-z]+(?:-[a-z]+)*)"'
)


def read(name: str) -> str:
    return (REFERENCE / name).read_text()


def commands(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    command = command or typer.main.get_command(app)
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*path, name))
    if path and not hasattr(command, "commands"):
        yield " ".join(path), command


def test_every_command_and_option_is_in_the_reference_and_no_other() -> None:
    parts = re.split(r"^### `dragonctl (.+)`$", read("cli.md"), flags=re.MULTILINE)
    described = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert list(described) == [name for name, _ in commands()]
    for name, command in commands():
        written = set(re.findall(r"`(--?[a-z][a-z0-9-]*)`(?=.* \|)", described[name]))
        known = {
            word
            for parameter in command.params
            if parameter.param_type_name == "option" and parameter.name != "help"
            for word in (*parameter.opts, *parameter.secondary_opts)
        }
        assert written == known, name


def test_every_route_is_in_the_reference_with_its_scope_and_no_other() -> None:
    document = yaml.safe_load(read("openapi.yaml"))
    known = {
        (method.upper(), path, operation["x-scope"])
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }
    rows = re.findall(r"^\| `([A-Z]+) (\S+)` \| (\S+) \|", read("api.md"), re.MULTILINE)
    assert set(rows) == known


def reason_words() -> Iterator[tuple[str, str]]:
    for path in sorted([*(ROOT / "daemon").rglob("*.py"), *(ROOT / "dragonctl").rglob("*.py")]):
        for word in WORDS.findall(path.read_text()):
            yield str(path.relative_to(ROOT)), word


@pytest.mark.parametrize(("place", "word"), sorted(set(reason_words())))
def test_every_reason_word_is_in_the_reference(place: str, word: str) -> None:
    assert f"`{word}`" in read("reasons.md"), f"{word}, of {place}"


def test_every_end_of_a_handshake_and_of_a_process_is_in_the_reference() -> None:
    words = {*DtlsReason, *(f"process-{reason}" for reason in StopReason)}
    assert not [word for word in sorted(words) if f"`{word}`" not in read("reasons.md")]
