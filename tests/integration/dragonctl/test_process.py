"""dragonctl process: each command sends what it should and shows what came."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.integration.dragonctl.api import (
    CONFIG,
    PROCESS,
    REPORT,
    STATE,
    Answer,
    Api,
    Asked,
    refusal,
)
from tests.integration.dragonctl.conftest import Run

ALL = "/api/v3/process"
CAM = f"{ALL}/cam"
READING = ["list", "show cam", "state cam", "config cam", "report cam", "probe cam"]


def words(line: str) -> str:
    """Give a line of a table without its columns."""
    return " ".join(line.split())


@pytest.fixture
def probed(logged_in: Api) -> Api:
    stream = {
        "index": 0,
        "stream": 0,
        "type": "video",
        "codec": "h264",
        "profile": "High",
        "width": 1920,
        "height": 1080,
        "fps": 25.0,
        "bitrate_kbps": 4200,
        "has_b_frames": True,
    }
    logged_in.on("GET", f"{CAM}/probe", {"streams": [stream], "log": []})
    return logged_in


@pytest.mark.parametrize("command", READING)
def test_no_secret_reaches_a_screen(command: str, probed: Api, run: Run) -> None:
    said = run("process", *command.split())
    assert said.code == 0
    if command != "config cam":  # in a pipe it is for reading back; see test_terminal
        assert "hunter2" not in said.out


@pytest.mark.parametrize("command", READING)
def test_json_is_what_the_server_said(command: str, probed: Api, run: Run) -> None:
    said = run("process", *command.split(), "--json")
    assert said.code == 0
    path = ALL if command == "list" else CAM
    part = command.split()[0]
    asked = path if part in {"list", "show"} else f"{path}/{part}"
    answer: Any = {"list": [PROCESS], "show": PROCESS, "state": STATE, "config": CONFIG}
    answer |= {"report": REPORT}
    assert [one.path for one in probed.asked] == [asked]
    if part in answer:
        assert json.loads(said.out) == answer[part]


def test_list_is_a_table(logged_in: Api, run: Run) -> None:
    head, row = run("process", "list").out.splitlines()
    assert words(head) == "PROCESS REFERENCE ORDER STATE SINCE FPS BITRATE SPEED WEBRTC"
    assert words(row) == "cam hall start running 3 h 04 m 25.0 4.2 Mbit/s 1.00x on"


def test_list_says_why_a_process_failed(logged_in: Api, run: Run) -> None:
    state = STATE | {"exec": "failed", "last_logline": "Connection refused"}
    logged_in.on("GET", ALL, [PROCESS | {"state": state}])
    assert run("process", "list").out.splitlines()[-1].rstrip() == "cam: Connection refused"


def test_an_empty_list_says_what_to_do(logged_in: Api, run: Run) -> None:
    logged_in.on("GET", ALL, [])
    assert "dragonctl process create" in run("process", "list").out


def test_show_says_what_it_should_and_what_it_does(logged_in: Api, run: Run) -> None:
    lines = [line.split(maxsplit=1) for line in run("process", "show", "cam").out.splitlines()]
    shown = {line[0]: line[1].rstrip() for line in lines if len(line) == 2}
    assert shown["input"] == "-rtsp_transport tcp rtsp://***@camera/1"
    assert shown["output"] == "-c copy -f null -"
    assert shown["progress"] == "25.0 fps, 4.2 Mbit/s, speed 1.00x"
    assert shown["cost"] == "3.4 % CPU, 45.0 MiB"


def test_an_exit_code_is_the_last_ones_while_ffmpeg_runs(logged_in: Api, run: Run) -> None:
    state = STATE | {"exit_code": 255}
    logged_in.on("GET", f"{CAM}/state", state)
    assert "\nlast exit code  255\n" in run("process", "state", "cam").out
    logged_in.on("GET", f"{CAM}/state", state | {"exec": "failed", "pid": None})
    assert "\nexit code  255\n" in run("process", "state", "cam").out


def test_show_tells_what_webrtc_makes_of_the_input_and_why(logged_in: Api, run: Run) -> None:
    shown = run("process", "show", "cam").out
    assert "b-frames: the stream has B-frames" in " ".join(shown.split())
    logged_in.on("GET", f"{CAM}/whep", refusal(404, "the process is stopped"))
    said = run("process", "show", "cam")
    assert said.code == 0
    assert "b-frames" not in said.out


def test_the_log_is_shown_but_not_obeyed(logged_in: Api, run: Run) -> None:
    lines = run("process", "log", "cam").out.splitlines()
    assert lines[0] == REPORT["prelude"][0]
    assert lines[2].endswith("another \ufffd[31mline")
    assert all("old words" not in line for line in lines)
    assert any("old words" in line for line in run("process", "report", "cam").out.splitlines())


def test_a_probe_without_streams_is_bad_and_says_why(logged_in: Api, run: Run) -> None:
    logged_in.on("GET", f"{CAM}/probe", {"streams": [], "log": ["x", "Connection refused"]})
    said = run("process", "probe", "cam")
    assert said.code == 1
    assert said.err == "cam: the input gave no streams: Connection refused\n"


def test_a_probe_tells_about_b_frames(probed: Api, run: Run) -> None:
    row = run("process", "probe", "cam").out.splitlines()[1]
    assert words(row) == "0:0 video h264 High 1920x1080 at 25 fps 4.2 Mbit/s yes"


@pytest.mark.parametrize("name", ["start", "stop", "restart", "reload"])
def test_orders_are_given(name: str, logged_in: Api, run: Run) -> None:
    said = run("process", name, "cam")
    assert (said.code, said.out) == (0, f"cam: {name} ordered\n")
    assert logged_in.bodies("PUT", f"{CAM}/command") == [{"command": name}]


def test_delete(logged_in: Api, run: Run) -> None:
    assert run("process", "delete", "cam").out == "cam: deleted\n"
    assert logged_in.asked[-1].method == "DELETE"


@pytest.mark.parametrize("command", ["show", "state", "delete", "config", "report"])
def test_an_unknown_process_is_bad(command: str, logged_in: Api, run: Run) -> None:
    said = run("process", command, "none")
    assert said.code == 1
    assert "nknown process" in said.err


def test_ids_may_hold_anything(logged_in: Api, run: Run) -> None:
    said = run("process", "delete", "a/b c:ü?#%")
    assert said.code == 1  # the server has none such
    assert logged_in.asked[-1].path == f"{ALL}/a%2Fb%20c%3A%C3%BC%3F%23%25"


# -- create


def test_create_by_options(logged_in: Api, run: Run) -> None:
    said = run(
        *(
            "process",
            "create",
            "cam",
            "--input",
            "rtsp://c",
            "--input-option",
            "-rtsp_transport",
        ),
        *("--input-option", "tcp", "--output", "-", "--output-option=-f", "--output-option"),
        *("null", "--reference", "hall", "--stale-timeout", "30", "--option", "-nostdin"),
    )
    assert (said.code, said.out) == (0, "cam: created and started\n")
    assert logged_in.bodies("POST", ALL) == [
        {
            "reconnect": True,
            "reconnect_delay_seconds": 5,
            "id": "cam",
            "options": ["-nostdin"],
            "reference": "hall",
            "stale_timeout_seconds": 30,
            "input": [
                {"id": "input_0", "address": "rtsp://c", "options": ["-rtsp_transport", "tcp"]}
            ],
            "output": [{"id": "output_0", "address": "-", "options": ["-f", "null"]}],
        }
    ]


def test_create_without_an_output_gets_a_null_output(logged_in: Api, run: Run) -> None:
    run("process", "create", "cam", "--input", "a", "--no-reconnect", "--no-start", "--webrtc")
    [body] = logged_in.bodies("POST", ALL)
    assert body["output"] == [
        {"id": "output_0", "address": "-", "options": ["-c", "copy", "-f", "null"]}
    ]
    assert (body["reconnect"], body["autostart"]) == (False, False)
    assert body["webrtc"] == {"enabled": True}


def test_create_from_a_file_and_from_stdin(logged_in: Api, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "cam.json"
    path.write_text(json.dumps(CONFIG))
    assert run("process", "create", "-f", str(path)).code == 0
    assert run("process", "create", "-f", "-", stdin=json.dumps(PROCESS)).code == 0
    assert run("process", "create", "two", "-f", str(path), "--webrtc").code == 0
    first, second, third = logged_in.bodies("POST", ALL)
    assert first == second == CONFIG
    assert third == CONFIG | {"id": "two"}


def test_create_of_nothing_is_a_usage_error(logged_in: Api, run: Run) -> None:
    said = run("process", "create", "cam")
    assert said.code == 2
    assert "--input URL" in said.err
    assert logged_in.asked == []


def test_create_from_broken_json_says_where(logged_in: Api, run: Run) -> None:
    said = run("process", "create", "-f", "-", stdin='{"id": }')
    assert (said.code, said.err) == (2, "stdin:1:8: not JSON: Expecting value\n")


def test_a_refused_config_says_the_server_s_reasons(logged_in: Api, run: Run) -> None:
    logged_in.on("POST", ALL, refusal(400, "Invalid process config", "process already exists"))
    said = run("process", "create", "cam", "--input", "a")
    assert (said.code, said.err) == (1, "Invalid process config: process already exists\n")


# -- update, webrtc


def test_update_sends_only_what_changes(logged_in: Api, run: Run) -> None:
    assert run("process", "update", "cam", "--no-reconnect", "--rename", "c2").code == 0
    assert logged_in.bodies("PUT", CAM) == [{"id": "c2", "reconnect": False}]


def test_update_of_an_address_keeps_the_rest_of_the_arrays(logged_in: Api, run: Run) -> None:
    assert run("process", "update", "cam", "--input", "rtsp://new").code == 0
    [body] = logged_in.bodies("PUT", CAM)
    assert body["input"] == [
        {"id": "input_0", "address": "rtsp://new", "options": ["-rtsp_transport", "tcp"]}
    ]
    assert body["output"] == CONFIG["output"]


def test_update_of_nothing_is_a_usage_error(logged_in: Api, run: Run) -> None:
    assert run("process", "update", "cam").code == 2


def test_enable_webrtc_sends_only_what_was_said(logged_in: Api, run: Run) -> None:
    said = run("process", "enable-webrtc", "cam")
    assert (said.code, said.err) == (0, "")
    assert "`dragonctl live cam`" in said.out
    run("process", "enable-webrtc", "cam", "--force-transcode", "--video-pt", "96")
    assert logged_in.bodies("PUT", CAM) == [
        {"webrtc": {"enabled": True}},
        {"webrtc": {"enabled": True, "force_transcode": True, "video_pt": 96}},
    ]


def test_enable_webrtc_warns_when_the_server_has_it_off(logged_in: Api, run: Run) -> None:
    off = {"enabled": False, "state": "off", "reason": "port 4000 is taken"}
    logged_in.on("GET", "/api/v3/webrtc", off)
    said = run("process", "enable-webrtc", "cam")
    assert said.code == 0
    assert "port 4000 is taken" in said.err


@pytest.mark.parametrize("number", ["95", "128", "x"])
def test_payload_types_are_dynamic_ones(number: str, logged_in: Api, run: Run) -> None:
    assert run("process", "enable-webrtc", "cam", "--video-pt", number).code == 2


def test_disable_webrtc(logged_in: Api, run: Run) -> None:
    assert run("process", "disable-webrtc", "cam").out == "cam: WebRTC is off\n"
    assert logged_in.bodies("PUT", CAM) == [{"webrtc": {"enabled": False}}]


# -- metadata, completion


def test_metadata_is_shown_set_and_unset(logged_in: Api, run: Run) -> None:
    place = f"{CAM}/metadata/seats"
    logged_in.on("PUT", place, lambda asked: Answer(asked.body))
    logged_in.on("GET", f"{CAM}/metadata", {"seats": [1]})
    assert json.loads(run("process", "metadata", "cam").out) == {"seats": [1]}
    assert run("process", "metadata", "cam", "seats", '{"a": 1}').code == 0
    assert run("process", "metadata", "cam", "seats", "plain words").code == 0
    assert run("process", "metadata", "cam", "seats", "--unset").code == 0
    assert logged_in.bodies("PUT", place) == [{"a": 1}, "plain words", None]
    assert run("process", "metadata", "cam", "--unset").code == 2


def complete(run: Run, monkeypatch: pytest.MonkeyPatch, words: str) -> str:
    monkeypatch.setenv("_DRAGONCTL_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
    said = run()
    assert said.err == ""
    return said.out.strip()


def test_the_shell_completes_process_ids(
    logged_in: Api, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids: list[dict[str, str]] = [{"id": "cam"}, {"id": "car"}, {"id": "hall"}]

    def list_ids(asked: Asked) -> Answer:
        assert asked.query == "filter=none"
        return Answer(ids)

    logged_in.on("GET", ALL, list_ids)
    assert complete(run, monkeypatch, "dragonctl process stop ca").split() == ["cam", "car"]
    assert complete(run, monkeypatch, "dragonctl whep-test ha") == "hall"


@pytest.mark.parametrize("answer", [refusal(500, "no"), Answer(None), Answer(b"{")])
def test_completion_fails_silently(
    answer: Answer, logged_in: Api, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged_in.on("GET", ALL, answer)
    assert complete(run, monkeypatch, "dragonctl live c") == ""


def test_completion_without_a_server_is_silent(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "DRAGONCTL_URL" not in os.environ
    assert complete(run, monkeypatch, "dragonctl live c") == ""
