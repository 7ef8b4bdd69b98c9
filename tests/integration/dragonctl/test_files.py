"""dragonctl fs, sessions, metrics, metadata, rtmp, srt: as commands over answers by hand."""

import json
from pathlib import Path
from typing import Any

from tests.integration.dragonctl.api import Answer, Api, refusal
from tests.integration.dragonctl.conftest import Run

FS = "/api/v3/fs"
FILES = [
    {"name": "/cam.m3u8", "size_bytes": 181, "last_modified": 1_795_643_012},
    {"name": "/cam_1.ts", "size_bytes": 203_792, "last_modified": 1_795_643_010},
]
SYSTEMS = [
    {"name": "disk", "type": "disk", "mount": "/"},
    {"name": "mem", "type": "mem", "mount": "/memfs"},
]
SESSION = {
    "id": "x",
    "reference": "cam",
    "local": "/memfs/cam.m3u8",
    "remote": "192.0.2.1",
    "extra": "Chrome \x1b[2J",
    "bytes_rx": 0,
    "bytes_tx": 2_000_000,
}
SERIES = [
    {"name": "cpu_user", "labels": None, "values": [[1, 5], [3, 64.851]]},
    {"name": "session_active", "labels": {"collector": "hls"}, "values": [[1, 2]]},
]


def words(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_file_systems_and_files_are_listed(logged_in: Api, run: Run) -> None:
    logged_in.on("GET", FS, Answer(SYSTEMS))
    logged_in.on("GET", f"{FS}/mem", Answer(FILES))
    assert ["mem", "mem", "/memfs"] in words(run("fs", "ls").out)
    listed = words(run("fs", "ls", "mem", "/cam**").out)
    assert listed[1][0] == "/cam.m3u8"
    assert json.loads(run("fs", "ls", "mem", "--json").out) == FILES


def test_a_file_that_is_not_there_is_said(logged_in: Api, run: Run) -> None:
    logged_in.on("GET", FS, Answer(SYSTEMS))
    missing = refusal(404, "File not found", "/x")
    logged_in.on("GET", f"{FS}/mem/x", missing)
    logged_in.on("DELETE", f"{FS}/mem/x", missing)
    for command in ("get", "rm"):
        said = run("fs", command, "mem", "/x")
        assert (said.code, said.err) == (1, "File not found: /x\n")


def test_sessions_are_a_table_without_control_characters(logged_in: Api, run: Run) -> None:
    logged_in.on("GET", "/api/v3/session/active", Answer({"hls": [SESSION], "srt": []}))
    out = run("sessions", "hls", "srt").out
    assert "192.0.2.1" in out
    assert "\x1b" not in out


def test_sums_of_sessions(logged_in: Api, run: Run) -> None:
    one: dict[str, Any] = {
        "active": {"sessions": 1},
        "summary": {"sessions": 7, "traffic_rx_mb": 0, "traffic_tx_mb": 1.5},
    }
    logged_in.on("GET", "/api/v3/session", Answer({"hls": one}))
    assert ["hls", "1", "7", "0", "1.5"] in words(run("sessions", "--summary").out)


def test_metrics_are_described_or_shown(logged_in: Api, run: Run) -> None:
    described = [{"name": "cpu_user", "description": "Time", "labels": []}]
    logged_in.on("GET", "/api/v3/metrics", Answer(described))
    assert ["cpu_user", "Time"] in words(run("metrics").out)
    logged_in.on("POST", "/api/v3/metrics", Answer({"metrics": SERIES}))
    shown = words(run("metrics", "cpu_user", "session_active", "--range", "10").out)
    assert ["cpu_user", "64.851", "2"] in shown
    assert ["session_active", "collector=hls", "2", "1"] in shown


def test_notes_about_the_system(logged_in: Api, run: Run) -> None:
    logged_in.on("PUT", "/api/v3/metadata/a%2Fb", Answer({"floor": 2}))
    assert json.loads(run("metadata", "a/b", '{"floor": 2}').out) == {"floor": 2}
    assert run("metadata", "--unset").code == 2


def test_servers_that_are_off_say_so(logged_in: Api, run: Run) -> None:
    for name in ("rtmp", "srt"):
        off = refusal(404, f"{name.upper()} server not found", "it is off")
        logged_in.on("GET", f"/api/v3/{name}", off)
        said = run(name)
        assert said.code == 1
        assert "it is off" in said.err
    logged_in.on("GET", "/api/v3/rtmp", Answer([{"name": "/live/x"}]))
    assert ["/live/x"] in words(run("rtmp").out)
    logged_in.on("GET", "/api/v3/srt", Answer({"publisher": {"cam": 1}}))
    assert ["cam"] in words(run("srt").out)


def test_a_file_to_send_must_exist(logged_in: Api, run: Run, tmp_path: Path) -> None:
    assert run("fs", "put", "disk", "/x", str(tmp_path / "nothing")).code == 2


def test_bytes_go_and_come_as_they_are(logged_in: Api, run: Run, tmp_path: Path) -> None:
    data = bytes(range(256)) * 1000
    (tmp_path / "source").write_bytes(data)
    logged_in.on("GET", FS, SYSTEMS)
    logged_in.on("PUT", f"{FS}/disk/a%20b.ts", Answer(b"", 201, {"Content-Type": "text/plain"}))
    assert run("fs", "put", "disk", "/a b.ts", str(tmp_path / "source")).code == 0
    [sent] = [one for one in logged_in.asked if one.method == "PUT"]
    assert sent.body == data
    logged_in.on("GET", f"{FS}/disk/a%20b.ts", Answer(data))
    assert run("fs", "get", "disk", "/a b.ts", str(tmp_path / "target")).code == 0
    assert (tmp_path / "target").read_bytes() == data
