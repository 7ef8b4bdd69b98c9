"""dragonctl token: addresses to watch by, and the URL form that whep-test plays."""

import json
import time
from typing import Any

import pytest

from tests.integration.dragonctl.api import Answer, Api, Asked
from tests.integration.dragonctl.conftest import Run

TOKENS = "/api/v3/process/cam/token"
URL = f"http://video.example/api/v3/process/cam/whep?token={'eyJhbGciOi.' * 40}"


def given(asked: Asked) -> dict[str, Any]:
    return {
        "token": "t",
        "url": URL,
        "id": "5b1f",
        "created_by": "admin",
        "expires_at": int(time.time()) + asked.body["ttl_seconds"] + 1,
        **asked.body,
    }


@pytest.fixture
def asked(logged_in: Api) -> list[Any]:
    """Collect what the command asks for."""
    bodies: list[Any] = []

    def create(asked: Asked) -> Answer:
        bodies.append(asked.body)
        return Answer(given(asked))

    logged_in.on("POST", TOKENS, create)
    return bodies


def test_create_writes_the_address_in_one_piece(asked: list[Any], run: Run) -> None:
    said = run("token", "create", "--process", "cam", "--ttl", "2h", "--viewers", "3")
    assert said.code == 0
    assert said.out.splitlines()[0] == URL
    assert "2 h 00 m" in said.out
    assert asked == [{"ttl_seconds": 7200, "max_viewers": 3, "max_view_seconds": 0}]


def test_create_has_defaults_and_json(asked: list[Any], run: Run) -> None:
    found = json.loads(run("token", "create", "--process", "cam", "--json").out)
    assert found["url"] == URL
    assert asked == [{"ttl_seconds": 3600, "max_viewers": 0, "max_view_seconds": 0}]


@pytest.mark.parametrize("words", ["soon", "-1h", "1w", "", "1.5h", "٣h"])
def test_a_time_that_is_none_is_a_usage_error(asked: list[Any], run: Run, words: str) -> None:
    said = run("token", "create", "--process", "cam", f"--ttl={words}")
    assert (said.code, asked) == (2, [])
    assert "90s, 1h or 7d" in " ".join(said.err.replace("│", " ").split())


@pytest.mark.parametrize(
    ("words", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("7D", 604_800)]
)
def test_times(asked: list[Any], run: Run, words: str, seconds: int) -> None:
    run("token", "create", "--process", "cam", "--ttl", words, "--view-time", words)
    assert (asked[0]["ttl_seconds"], asked[0]["max_view_seconds"]) == (seconds, seconds)


def test_list_and_revoke(logged_in: Api, run: Run) -> None:
    logged_in.on("GET", TOKENS, [])
    assert "no token counts" in run("token", "list", "--process", "cam").out
    token = {
        "id": "5b1f",
        "created_by": "ann",
        "expires_at": time.time() + 61,
        "max_viewers": 9,
    }
    logged_in.on("GET", TOKENS, [token])
    lines = run("token", "list", "--process", "cam").out.splitlines()
    assert lines[1].split() == ["5b1f", "ann", "1", "m", "00", "s", "9", "-"]
    logged_in.on("DELETE", f"{TOKENS}/5b1f", "OK")
    said = run("token", "revoke", "5b1f", "--process", "cam")
    assert (said.code, said.out) == (0, "5b1f: revoked\n")


def test_an_address_with_a_token_is_played_by_that_token_alone(
    logged_in: Api, run: Run
) -> None:
    said = run("whep-test", f"{logged_in.url}/whep?token=secret", "--timeout", "1", "--json")
    assert said.code == 3
    assert "secret" not in said.out + said.err
    posts = [asked for asked in logged_in.asked if asked.path == "/whep"]
    assert posts
    assert {asked.token for asked in posts} == {""}
