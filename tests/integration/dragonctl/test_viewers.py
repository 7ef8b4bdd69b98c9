"""dragonctl viewers: the list, and the door."""

import json
from typing import Any

import pytest

from tests.integration.dragonctl.api import VIEWER, Api, refusal
from tests.integration.dragonctl.conftest import Run

VIEWERS = "/api/v3/webrtc/viewers"
FULL: dict[str, Any] = VIEWER | {
    "process_id": "cam",
    "first_rtp_ms": 41.5,
    "codecs": {"video": "H264", "audio": "opus"},
    "nack_hit_ratio": 0.97,
}
OTHER = FULL | {"id": "00000000", "process_id": "yard", "nack_hit_ratio": None}


@pytest.fixture
def watched(logged_in: Api) -> Api:
    """Two people watch two processes."""
    logged_in.on("GET", VIEWERS, [FULL, OTHER])
    return logged_in


def test_the_list_has_a_line_for_each_viewer(watched: Api, run: Run) -> None:
    lines = [" ".join(line.split()) for line in run("viewers", "list").out.splitlines()]
    assert lines[1] == (
        "7f3a99c0 cam connected 192.0.2.7:50000 1 m 35 s 42 ms 46.0 MiB 0.1 % 1.2 ms 23 ms"
        " 12 97 % 1 0 H264+opus admin Chrome 140"
    )
    assert lines[2].startswith("00000000 yard connected")
    assert " 12 - 1 0 " in lines[2]


def test_the_list_of_one_process(watched: Api, run: Run) -> None:
    found = json.loads(run("viewers", "list", "yard", "--json").out)
    assert found == [OTHER]
    assert "nobody is watching" in run("viewers", "list", "attic").out


def test_kick_sends_away_and_says_so(watched: Api, run: Run) -> None:
    watched.on("DELETE", f"{VIEWERS}/7f3a99c0", "OK")
    said = run("viewers", "kick", "7f3a99c0")
    assert (said.code, said.out) == (0, "7f3a99c0: sent away\n")
    assert json.loads(run("viewers", "kick", "7f3a99c0", "--json").out) == {
        "id": "7f3a99c0",
        "kicked": True,
    }


def test_kick_goes_on_after_one_who_is_gone_and_ends_badly(watched: Api, run: Run) -> None:
    watched.on("DELETE", f"{VIEWERS}/gone%2F1", refusal(404, "no such viewer"))
    watched.on("DELETE", f"{VIEWERS}/7f3a99c0", "OK")
    said = run("viewers", "kick", "gone/1", "7f3a99c0")
    assert said.code != 0
    assert "gone/1: no such viewer" in said.err
    assert "7f3a99c0: sent away" in said.out
