"""dragonctl live, stats and whep-test against a server that is watched by one viewer."""

import json
from pathlib import Path

import pytest

from tests.fakes.whep_server import FakeWhepServer
from tests.integration.dragonctl.api import (
    ACCESS,
    CONFIG,
    PROCESS,
    VIEWER,
    WHEP,
    Answer,
    Api,
    Asked,
    refusal,
)
from tests.integration.dragonctl.conftest import Run

CAM = "/api/v3/process/cam"


def test_live_shows_where_what_why_and_who(logged_in: Api, run: Run) -> None:
    said = run("live", "cam")
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert said.code == 0
    assert f"WHEP URL {logged_in.url}{CAM}/whep" in lines
    assert "video encode h264 2.1 Mbit/s now b-frames: the stream has B-frames" in lines
    assert "audio copy opus 64.0 kbit/s 4 s ago compatible: Opus" in lines
    viewer = (
        "7f3a99c0 connected 192.0.2.7:50000 1 m 35 s 46.0 MiB 0.1 % 23 ms 12 1 admin Chrome"
    )
    assert f"{viewer} 140" in lines


def test_live_as_json_has_the_whole_address(logged_in: Api, run: Run) -> None:
    found = json.loads(run("live", "cam", "--json").out)
    assert found == WHEP | {"url": f"{logged_in.url}{CAM}/whep"}


def test_live_without_viewers(logged_in: Api, run: Run) -> None:
    logged_in.on("GET", f"{CAM}/whep", WHEP | {"viewers": []})
    assert "nobody is watching" in run("live", "cam").out


def test_live_that_failed_is_bad_and_says_why(logged_in: Api, run: Run) -> None:
    failed = WHEP | {"state": "failed", "reason": "no stream was found"}
    logged_in.on("GET", f"{CAM}/whep", failed)
    said = run("live", "cam")
    assert said.code == 1
    assert "no stream was found" in said.out


def test_live_of_a_process_without_webrtc_says_how_to_switch_it_on(
    logged_in: Api, run: Run
) -> None:
    logged_in.on("GET", f"{CAM}/whep", refusal(404, "WebRTC is off"))
    logged_in.on("GET", f"{CAM}/config", CONFIG | {"webrtc": {"enabled": False}})
    said = run("live", "cam")
    assert said.code == 1
    assert "`dragonctl process enable-webrtc cam`" in said.err


def test_live_when_the_subsystem_is_off_repeats_the_server(logged_in: Api, run: Run) -> None:
    logged_in.on("GET", f"{CAM}/whep", refusal(404, "WebRTC is off: port taken"))
    said = run("live", "cam")
    assert (said.code, said.err) == (1, "WebRTC is off: port taken\n")


@pytest.mark.parametrize("command", ["live", "whep-test"])
def test_an_unknown_process_is_told_as_such(command: str, logged_in: Api, run: Run) -> None:
    said = run(command, "none")
    assert said.code == 1
    assert said.err.startswith("no process 'none' at http://127.0.0.1:")


def test_a_token_only_to_watch_may_not_look(logged_in: Api, run: Run) -> None:
    sdp = Answer(b"", headers={"Content-Type": "application/sdp"})
    logged_in.on("GET", f"{CAM}/whep", sdp)
    said = run("live", "cam")
    assert said.code == 3
    assert "only watch" in said.err


# -- stats


def test_stats_once_is_two_tables(logged_in: Api, run: Run) -> None:
    lines = [" ".join(line.split()) for line in run("stats", "--once").out.splitlines()]
    assert lines[1] == "cam start running 3 h 04 m 25.0 4.2 Mbit/s 1.00x 3.4 % 45.0 MiB 1"
    viewer = "cam 7f3a99c0 connected 192.0.2.7:50000 1 m 35 s - 0.1 % 1.2 ms 23 ms 0 Chrome 140"
    assert lines[-1] == viewer


def test_stats_of_one_process_asks_for_one(logged_in: Api, run: Run) -> None:
    assert run("stats", "cam", "--once", "--json").code == 0
    assert [one.path for one in logged_in.asked] == [CAM, f"{CAM}/whep"]


def test_stats_as_json_is_one_line(logged_in: Api, run: Run) -> None:
    said = run("stats", "--once", "--json")
    found = json.loads(said.out)
    assert said.out.count("\n") == 1
    assert found["processes"][0]["bitrate_bits"] == 4_194_816
    assert found["viewers"] == [{"process_id": "cam"} | VIEWER | {"bitrate_bits": None}]
    assert "hunter2" not in said.out


def test_stats_go_on_without_the_viewers_of_a_stopped_process(logged_in: Api, run: Run) -> None:
    logged_in.on("GET", f"{CAM}/whep", refusal(404, "not there"))
    said = run("stats", "--once")
    assert said.code == 0
    assert said.out.splitlines()[1].split()[-1] == "off"


def test_stats_without_processes_say_what_to_do(logged_in: Api, run: Run) -> None:
    logged_in.on("GET", "/api/v3/process", [])
    assert "dragonctl process create" in run("stats", "--once").out


def test_stats_wait_for_a_server_that_went_away(
    logged_in: Api, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = 0

    def play(asked: Asked) -> Answer:
        nonlocal turns
        turns += 1
        if turns == 2:
            logged_in.hang_up = True
        if turns == 4:
            return refusal(403, "that is enough")
        return Answer([PROCESS])

    logged_in.on("GET", "/api/v3/process", play)
    said = run("stats", "--interval", "0.1")
    assert said.code == 3
    assert "trying again" in said.err
    assert "that is enough" in said.err
    assert said.out.count("cam: running") == 2
    assert said.out.splitlines()[0].endswith("3.4 % CPU, 45.0 MiB, 1 viewer")


# -- whep-test


def test_a_token_on_the_command_line_is_refused(logged_in: Api, run: Run) -> None:
    said = run("whep-test", "cam", "--token", "eyJhbGciOi")
    assert said.code == 2
    assert "--token -" in said.err
    assert "eyJ" not in said.err
    assert run("whep-test", "cam", "--token", "@/no/such/file").code == 2
    assert run("whep-test", "cam", "--token", "-", stdin="\n").code == 2


@pytest.mark.parametrize(
    "option", [["--duration", "0"], ["--viewers", "0"], ["--viewers", "x"]]
)
def test_impossible_tests_are_usage_errors(option: list[str], run: Run) -> None:
    assert run("whep-test", "http://127.0.0.1:1/whep", *option).code == 2


def test_a_whep_url_where_nobody_is(run: Run) -> None:
    said = run("whep-test", "http://127.0.0.1:1/whep", "--json")
    assert said.code == 3
    assert json.loads(said.out)["verdict"] == "bad"


def test_a_process_is_tested_at_its_own_address_with_our_token(
    logged_in: Api, run: Run
) -> None:
    logged_in.on("POST", f"{CAM}/whep", refusal(409, "no media yet"))
    said = run("whep-test", "cam")
    assert said.code == 1
    assert "not-ready" in said.out
    assert (logged_in.asked[-1].method, logged_in.asked[-1].token) == ("POST", ACCESS)


def test_our_token_goes_to_no_other_server(logged_in: Api, run: Run) -> None:
    with Api() as other:
        other.on("POST", "/whep", refusal(409, "no media yet"))
        run("whep-test", f"{other.url}/whep")
        run("whep-test", f"{other.url}/whep", "--token", "-", stdin="theirs\n")
        assert [one.token for one in other.asked] == ["", "theirs"]
    assert logged_in.asked == []


def test_our_token_goes_to_an_address_of_our_server(logged_in: Api, run: Run) -> None:
    logged_in.on("POST", "/other/whep", refusal(409, "no media yet"))
    run("whep-test", f"{logged_in.url}/other/whep")
    assert logged_in.asked[-1].token == ACCESS


@pytest.mark.slow
@pytest.mark.usefixtures("patience")
async def test_a_good_stream_is_good(run: Run, tmp_path: Path) -> None:
    import asyncio

    picture = tmp_path / "frame.png"
    async with FakeWhepServer() as server:
        said = await asyncio.to_thread(
            run, "whep-test", server.url, "--duration", "1", "--save", str(picture)
        )
    assert said.code == 0, said.out + said.err
    assert "good" in said.out
    assert picture.read_bytes().startswith(b"\x89PNG")
