"""A process config from options and files."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from dragonctl.commands.process_config import NULL_OUTPUT, Changes, fresh, read, with_output
from dragonctl.errors import ClientError, ExitCode


def test_an_address_is_enough() -> None:
    config = with_output(Changes(input="rtsp://c", plain={"id": "cam"}).apply(fresh()))
    assert config == {
        "id": "cam",
        "reconnect": True,
        "reconnect_delay_seconds": 5,
        "input": [{"id": "input_0", "address": "rtsp://c", "options": []}],
        "output": [{"id": "output_0", "address": "-", "options": ["-c", "copy", "-f", "null"]}],
    }


def test_the_null_output_is_nobody_s_to_change() -> None:
    with_output({})["output"][0]["options"].append("-y")
    assert with_output({})["output"] == [NULL_OUTPUT]


def test_an_output_that_was_named_takes_its_options() -> None:
    changes = Changes(input="a", output="b", output_options=["-f", "flv"])
    made = with_output(changes.apply({}))
    assert made["output"] == [{"id": "output_0", "address": "b", "options": ["-f", "flv"]}]


@pytest.mark.parametrize(
    "changes",
    [Changes(input="a", output_options=["-y"]), Changes(input_options=["-re"])],
)
def test_options_of_nothing_are_a_usage_error(changes: Changes) -> None:
    with pytest.raises(ClientError, match="-option needs --") as told:
        changes.apply({})
    assert told.value.code is ExitCode.USAGE


def test_another_address_keeps_id_and_options() -> None:
    stored = {"input": [{"id": "main", "address": "a", "options": ["-re"]}]}
    changed = Changes(input="b").apply(stored)
    assert changed["input"] == [{"id": "main", "address": "b", "options": ["-re"]}]
    assert stored["input"][0]["address"] == "a"


def test_two_inputs_are_not_guessed_at() -> None:
    with pytest.raises(ClientError, match="2 inputs: change them with -f"):
        Changes(input="b").apply({"input": [{"address": "a"}, {"address": "c"}]})


def test_a_block_keeps_what_is_not_named() -> None:
    stored = {"webrtc": {"enabled": False, "video_pt": 100}}
    changed = Changes(plain={"webrtc": {"enabled": True}, "reference": None}).apply(stored)
    assert changed == {"webrtc": {"enabled": True, "video_pt": 100}}


def test_false_and_zero_are_values() -> None:
    assert Changes().is_empty
    assert not Changes(plain={"reconnect": False}).is_empty
    assert Changes(plain={"stale_timeout_seconds": 0}).apply({}) == {"stale_timeout_seconds": 0}


@pytest.mark.parametrize("body", [{"id": "cam"}, {"config": {"id": "cam"}, "state": {}}])
def test_a_file_may_be_what_show_writes(body: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "cam.json"
    path.write_text(json.dumps(body))
    assert read(str(path)) == {"id": "cam"}


def test_a_dash_is_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"id": "cam"}')))
    assert read("-") == {"id": "cam"}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"id":\n  cam}', ":2:3: not JSON"),
        (b"", ":1:1: not JSON"),
        (b"\xff\xfe\xfd", "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b"[]", "is a JSON object"),
        (b"{}" + b" " * 1024 * 1024, "longer than"),
    ],
)
def test_a_bad_file_is_told_with_its_place(data: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "cam.json"
    path.write_bytes(data)
    with pytest.raises(ClientError, match=why) as told:
        read(str(path))
    assert told.value.code is ExitCode.USAGE
    assert str(told.value).startswith(str(path))


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="No such file") as told:
        read(str(tmp_path / "none.json"))
    assert told.value.code is ExitCode.USAGE
