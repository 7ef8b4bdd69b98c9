"""dragonctl import against a real daemon: dry first, then for real, then again."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.daemon import Daemon, process_path, run_cli

pytestmark = pytest.mark.slow
DATA = Path(__file__).parents[1] / "data/core"


async def imported(daemon: Daemon, *words: str) -> tuple[int, dict[str, tuple[str, str]]]:
    place = (str(DATA / "db.json"), "--config", str(DATA / "config.json"))
    done = await run_cli(daemon, "import", *place, *words, "--json")
    report: list[dict[str, Any]] = json.loads(done.stdout)["report"]
    return done.code, {row["what"]: (row["result"], row["note"]) for row in report}


async def test_a_core_is_taken_over(daemon: Daemon) -> None:
    code, dry = await imported(daemon)
    assert code == 1  # something can't be taken over
    assert dry["process hall"][0] == dry["process archive"][0] == "taken"
    assert dry["process patched"][0] == "refused"
    assert dry["process"] == ("refused", "empty: it has no config")
    assert dry["api.auth.jwt.secret"][0] == "refused"
    assert "short" not in dry["api.auth.jwt.secret"][1]
    assert dry["db.dir"][0] == dry["ffmpeg.binary"][0] == "skipped"
    assert dry["ffmpeg.max_processes"] == ("taken", "9")
    assert await daemon.get("/api/v3/process") == []

    _, real = await imported(daemon, "--apply")
    assert {key: row[0] for key, row in dry.items() if key.startswith("process ")} == {
        key: row[0] for key, row in real.items() if key.startswith("process ")
    }
    names = [one["id"] for one in await daemon.get("/api/v3/process")]
    assert names == ["archive", "hall", "tower"]
    metadata = await daemon.get(f"{process_path('hall')}/metadata/restreamer-ui")
    assert metadata == {"name": "Hall"}
    assert await daemon.get("/api/v3/metadata/restreamer-ui") == {"version": "1.14.0"}
    shown = await daemon.get("/api/v3/config")
    assert shown["config"]["name"] == "old-core"
    assert shown["config"]["sessions"]["max_sessions"] == 20

    _, again = await imported(daemon, "--apply")
    assert again["process hall"][0] == "skipped"
    _, over = await imported(daemon, "--apply", "--replace")
    assert over["process hall"][0] == "replaced"


async def test_a_configuration_of_version_1_is_taken_over(
    daemon: Daemon, tmp_path: Path
) -> None:
    old = {
        "version": 1,
        "name": "oldest",
        "rtmp": {"enable_tls": True, "app": "live", "address": ":1937"},
        "storage": {"disk": {"cache": {"types": [".html"]}}},
    }
    path = tmp_path / "config.json"
    path.write_text(json.dumps(old))
    done = await run_cli(daemon, "import", "--config", str(path), "--apply", "--json")
    report = {row["what"]: row["result"] for row in json.loads(done.stdout)["report"]}
    assert done.code == 1  # there is no RTMP server
    assert report["rtmp.enable"] == report["rtmp.enable_tls"] == "refused"
    assert report["name"] == report["rtmp.app"] == "taken"
    shown = (await daemon.get("/api/v3/config"))["config"]
    assert shown["name"] == "oldest"
    assert shown["rtmp"]["app"] == "/live"
    assert shown["rtmp"]["address_tls"] == ":1937"
    assert shown["storage"]["disk"]["cache"]["types"]["allow"] == [".html"]
