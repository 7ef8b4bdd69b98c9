"""dragonctl about, log, skills, config: the server itself, and files here."""

import json
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.integration.dragonctl.api import ABOUT, WEBRTC, Answer, Api, Asked, refusal
from tests.integration.dragonctl.conftest import Run

ENTRIES: list[dict[str, Any]] = [
    {"ts": "2026-11-23T02:42:39.123Z", "level": "INFO", "component": "core", "message": "up"},
    {
        "ts": "2026-11-23T02:42:40.000Z",
        "level": "ERROR",
        "component": "webrtc",
        "message": "bad \x1b[2J",
        "exception": "Traceback:\n  here",
    },
]
SKILLS: dict[str, Any] = {
    "ffmpeg": {"version": "5.1.9", "compiler": "gcc 12"},
    "codecs": {
        "video": [{"id": "h264", "encoders": ["libx264", "h264_vaapi"], "decoders": ["h264"]}],
        "audio": [{"id": "opus", "encoders": None, "decoders": ["opus"]}],
    },
    "hwaccels": [{"id": "vaapi"}],
    "protocols": {"input": [{"id": "srt"}, {"id": "rtmp"}], "output": [{"id": "srt"}]},
    "filter": [{"id": "a"}, {"id": "b"}],
}
SERVER_CONFIG: dict[str, Any] = {
    "created_at": "2026-11-23T02:00:00Z",
    "loaded_at": "2026-11-23T02:00:00Z",
    "updated_at": "2026-11-23T02:00:00Z",
    "config": {"address": ":8080", "api": {"auth": {"password": "***"}}},
    "overrides": ["address"],
}


@pytest.fixture(autouse=True)
def no_core_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CORE_CONFIGFILE", "CORE_DB_DIR", "CORE_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_about_names_the_server_and_its_webrtc(logged_in: Api, run: Run) -> None:
    lines = [" ".join(line.split()) for line in run("about").out.splitlines()]
    assert "server dragonctl 0.1.0" in lines
    assert "up for 1 h 01 m" in lines
    assert "WebRTC on" in lines
    found = json.loads(run("about", "--json").out)
    assert found == ABOUT | {"url": logged_in.url, "webrtc": WEBRTC}


def test_about_renews_a_token_first(logged_in: Api, run: Run) -> None:
    logged_in.tokens = {"access-2"}
    assert json.loads(run("about", "--json").out)["id"] == ABOUT["id"]


def test_about_works_with_an_older_core(logged_in: Api, run: Run) -> None:
    logged_in.on("GET", "/api/v3/webrtc", refusal(404, "Not Found"))
    said = run("about")
    assert said.code == 0
    assert "WebRTC" not in said.out


def test_the_log_is_shown_but_not_obeyed(logged_in: Api, run: Run) -> None:
    logged_in.on("GET", "/api/v3/log", ENTRIES)
    assert run("log").out.splitlines() == [
        "2026-11-23T02:42:39.123Z INFO  core: up",
        "2026-11-23T02:42:40.000Z ERROR webrtc: bad \ufffd[2J",
        "    Traceback:",
        "      here",
    ]
    lines = run("log", "--json").out.splitlines()
    assert [json.loads(line) for line in lines] == ENTRIES


def test_following_the_log_shows_each_line_once(
    logged_in: Api, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragonctl.follow.INTERVAL", 0.01)
    answers = iter([ENTRIES[:1], ENTRIES[:1], ENTRIES, [*ENTRIES[1:], ENTRIES[0]]])

    def play(asked: Asked) -> Answer:
        entries = next(answers, None)
        return refusal(403, "enough") if entries is None else Answer(entries)

    logged_in.on("GET", "/api/v3/log", play)
    said = run("log", "--follow")
    assert said.code == 3
    assert said.out.count("core: up") == 2
    assert said.out.count("webrtc: bad") == 1


def test_skills_tell_what_matters_here(logged_in: Api, run: Run) -> None:
    logged_in.on("GET", "/api/v3/skills", SKILLS)
    lines = [" ".join(line.split()) for line in run("skills").out.splitlines()]
    assert "H.264 encoders libx264, h264_vaapi" in lines
    assert "Opus encoders none" in lines
    assert json.loads(run("skills", "--json").out) == SKILLS
    logged_in.on("GET", "/api/v3/skills/reload", SKILLS)
    assert run("skills", "--reload").code == 0
    assert logged_in.asked[-1].path == "/api/v3/skills/reload"


def test_config_show_is_toml_with_its_sources(logged_in: Api, run: Run) -> None:
    logged_in.on("GET", "/api/v3/config", SERVER_CONFIG)
    said = run("config", "show")
    assert tomllib.loads(said.out) == SERVER_CONFIG["config"]
    assert 'address = ":8080"  # from the environment' in said.out
    assert said.err == ""
    logged_in.on(
        "GET", "/api/v3/config", SERVER_CONFIG | {"updated_at": "2026-11-23T02:00:01Z"}
    )
    assert "reload" in run("config", "show").err


def test_config_init_writes_a_file_that_check_finds_good(run: Run, tmp_path: Path) -> None:
    said = run("config", "init")
    path = tmp_path / "config.toml"
    assert (said.code, stat.S_IMODE(path.stat().st_mode)) == (0, 0o600)
    assert "#" in path.read_text()
    assert run("config", "check", str(path)).out == f"{path}: good\n"
    found = json.loads(run("config", "check", str(path), "--json").out)
    assert found == {"good": True, "path": str(path), "overrides": [], "warnings": []}


def test_config_init_overwrites_only_when_told_to(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("mine")
    said = run("config", "init")
    assert (said.code, path.read_text()) == (1, "mine")
    assert "--force" in said.err
    assert run("config", "init", "--force").code == 0
    assert run("config", "init", str(tmp_path / "none/c.toml")).code == 1


def test_config_check_names_file_line_and_key(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('version = 3\naddress = ":x"\n[webrtc]\nenabel = true\n')
    said = run("config", "check", str(path))
    assert said.code == 1
    assert f"{path}:2: address:" in said.err
    assert f"{path}:4: webrtc.enabel:" in said.err
    found = json.loads(run("config", "check", str(path), "--json").out)
    assert (found["good"], len(found["problems"])) == (False, 2)


def test_config_check_of_a_missing_file(run: Run, tmp_path: Path) -> None:
    said = run("config", "check", str(tmp_path / "none.toml"))
    assert said.code == 1
    assert "no such file" in said.err


def test_config_check_tells_what_the_environment_decides(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORE_ADDRESS", "127.0.0.1:9000")
    assert "from the environment: address" in run("config", "check").out


def test_about_shows_alarms(logged_in: Api, run: Run) -> None:
    alarm = {"code": "many-failures", "text": "4 of 9 processes failed", "since": 1}
    logged_in.on("GET", "/api", Answer(ABOUT | {"alarms": [alarm]}))
    lines = [" ".join(line.split()) for line in run("about").out.splitlines()]
    assert f"ALARM {alarm['text']}" in lines


def test_config_get_writes_values_and_tables(logged_in: Api, run: Run) -> None:
    held = {"name": "hall", "webrtc": {"enable": True, "nat_1to1_ips": ["192.0.2.1"]}}
    logged_in.on("GET", "/api/v3/config", {"config": held, "overrides": []})
    assert run("config", "get", "name").out == "hall\n"
    assert run("config", "get", "webrtc.enable").out == "true\n"
    assert json.loads(run("config", "get", "webrtc", "--json").out) == held["webrtc"]
    assert "enable = true" in run("config", "get", "webrtc").out
    assert run("config", "get", "webrtc.enabel").code == 2


@pytest.mark.parametrize(
    ("key", "words", "value"),
    [
        ("name", "front door", "front door"),
        ("name", '"8"', "8"),
        ("name", "8", "8"),
        ("webrtc.enable", "false", False),
        ("webrtc.nat_1to1_ips", "['192.0.2.7']", ["192.0.2.7"]),
    ],
)
def test_config_set_sends_what_toml_means(
    logged_in: Api, run: Run, key: str, words: str, value: object
) -> None:
    held = {"name": "hall", "webrtc": {"enable": True, "nat_1to1_ips": []}}
    logged_in.on("GET", "/api/v3/config", {"config": held, "overrides": []})
    logged_in.on("PUT", "/api/v3/config", "OK")
    logged_in.on("GET", "/api/v3/config/reload", "OK")
    said = run("config", "set", key, words, "--reload")
    assert said.code == 0, said.err
    [body] = logged_in.bodies("PUT", "/api/v3/config")
    assert body.pop("version") == 3
    for part in key.split("."):
        body = body[part]
    assert body == value
    assert run("config", "set", key, "-", stdin=words + "\n").code == 0
    assert run("config", "set", "webrtc.enable", "maybe").code == 2
    assert run("config", "set", "webrtc", "1").code == 2
