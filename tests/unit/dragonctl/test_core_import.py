"""A datarhei Core's database and configuration, converted (datarhei-core.md b.1, d.2)."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragonctl import core_config, core_database
from dragonctl.errors import ClientError

DATA = Path(__file__).parents[2] / "data/core"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)


def load(name: str) -> Any:
    return json.loads((DATA / name).read_text())


def found(process_id: str) -> core_database.Found:
    processes = core_database.read(load("db.json")).processes
    return next(one for one in processes if one.id == process_id)


def test_units_names_and_order_become_the_apis() -> None:
    hall = found("hall")
    assert hall.config["limits"] == {
        "cpu_usage": 50, "memory_mbytes": 257, "waitfor_seconds": 5,
    }  # fmt: skip
    assert hall.config["reference"] == "building-1"
    assert hall.config["autostart"] is False
    assert hall.config["output"][0]["cleanup"][0]["max_files"] == 12
    assert hall.metadata == {"restreamer-ui": {"name": "Hall"}}
    assert "limit_cpu_usage" not in hall.config


def test_what_is_lost_is_said() -> None:
    assert "ffversion ^5.1.2" in found("hall").notes[0]
    assert found("tower").notes == ["log_patterns is unknown here and dropped"]
    assert any("datarhei's own FFmpeg" in note for note in found("patched").notes)
    assert core_database.read(load("db.json")).problems == ["empty: it has no config"]


def test_a_process_comes_after_those_that_it_refers_to() -> None:
    order = [one.id for one in core_database.read(load("db.json")).processes]
    assert order.index("tower") < order.index("archive")
    assert found("archive").references == {"tower"}


def test_circles_are_left_to_the_server() -> None:
    tree = load("db.json")
    for a, b in (("tower", "archive"), ("archive", "tower")):
        tree["process"][a]["config"]["input"] = [{"address": f"#{b}:output=out"}]
    assert len(core_database.read(tree).processes) == 4


@pytest.mark.parametrize("tree", [None, [], {}, {"version": 3, "process": {}}, {"version": 4}])
def test_another_version_is_refused_with_what_to_do(tree: Any) -> None:
    with pytest.raises(ClientError, match="start a Core 16"):
        core_database.read(tree)


@given(JSON, JSON)
def test_no_content_breaks_anything(entry: Any, metadata: Any) -> None:
    tree = {"version": 4, "process": {"x": entry}, "metadata": metadata}
    assert core_database.read(tree) is not None


@given(JSON)
def test_no_config_breaks_anything(config: Any) -> None:
    tree = {"version": 4, "process": {"x": {"config": config, "order": "start"}}}
    core_database.read(tree)


def test_the_configuration_is_what_differs() -> None:
    shown = {"name": "new", "log": {"level": "warn", "max_lines": 1000}}
    wanted = core_config.changes(load("config.json"), shown)
    assert wanted["name"] == "old-core"
    assert "log.level" not in wanted
    assert wanted["log.max_lines"] == 500
    assert not {"id", "created_at", "version"} & wanted.keys()
    assert core_config.body({"log.max_lines": 500}) == {"version": 3, "log": {"max_lines": 500}}


def test_older_configurations_are_read_as_the_core_does() -> None:
    shown = {"rtmp": {"app": "/", "address": ":1935"}}
    rtmp = {"enable_tls": True, "address": ":1937", "app": "live"}
    types = {"disk": {"cache": {"types": [".html"]}}}
    wanted = core_config.changes({"version": 1, "rtmp": rtmp, "storage": types}, shown)
    assert wanted == {
        "rtmp.enable": True,
        "rtmp.enable_tls": True,
        "rtmp.address": ":1936",
        "rtmp.address_tls": ":1937",
        "rtmp.app": "/live",
        "storage.disk.cache.types.allow": [".html"],
    }
    old = core_config.changes({"version": 2, "rtmp": rtmp, "storage": types}, shown)
    assert old["rtmp.app"] == "live"
    assert old["storage.disk.cache.types.allow"] == [".html"]


@pytest.mark.parametrize("version", [None, 0, 4, True, "3", 3.0])
def test_a_configuration_of_another_version_is_refused(version: Any) -> None:
    with pytest.raises(ClientError, match="version 1 to 3"):
        core_config.changes({"version": version, "name": "x"}, {})


@given(st.dictionaries(st.sampled_from(["rtmp", "storage", "log"]), JSON), st.integers(1, 3))
def test_no_old_configuration_breaks_anything(tree: dict[str, Any], version: int) -> None:
    core_config.changes(tree | {"version": version}, {})


def test_secrets_are_not_shown() -> None:
    assert core_config.words("api.auth.jwt.secret", "short") == "***"
    assert core_config.words("name", "x") == "'x'"
