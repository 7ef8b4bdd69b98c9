"""Configs as JSON: there and back, and what hostile bodies do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import InvalidError
from daemon.http.schema import changed_config, config_json, decimal, merge, new_config, number
from daemon.restream.config import (
    ConfigCleanup,
    ConfigIO,
    ConfigLimits,
    ConfigWebRTC,
    ProcessConfig,
    ProcessId,
)

FULL = ProcessConfig(
    id=ProcessId("a"),
    input=(ConfigIO("in", "x", ("-re",)),),
    output=(ConfigIO("out", "-", (), (ConfigCleanup("memfs:/a*", 3, 60, True),)),),
    reference="r",
    options=("-y",),
    reconnect=True,
    reconnect_delay_seconds=5,
    autostart=False,
    stale_timeout_seconds=30,
    limits=ConfigLimits(12.5, 64 * 1024 * 1024, 9),
    webrtc=ConfigWebRTC(True, 96, 127, True),
)

TEXT = st.text(max_size=9)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner),
    max_leaves=9,
)
BODIES = st.fixed_dictionaries(
    {}, optional=dict.fromkeys([*config_json(FULL), "config"], VALUES)
)


def test_a_full_config_comes_back_as_it_went() -> None:
    written = config_json(FULL)
    assert written["limits"] == {
        "cpu_usage": 12.5, "memory_mbytes": 64, "waitfor_seconds": 9,
    }  # fmt: skip
    assert written["output"][0]["cleanup"] == [
        {"pattern": "memfs:/a*", "max_files": 3, "max_file_age_seconds": 60,
         "purge_on_delete": True}
    ]  # fmt: skip
    assert new_config(written) == FULL
    assert changed_config(FULL, written) == FULL
    assert changed_config(FULL, {}) == FULL


def test_keys_count_without_their_case() -> None:
    changed = changed_config(FULL, {"WebRTC": {"Enabled": False}, "Reconnect": False})
    assert not changed.webrtc.enabled
    assert not changed.reconnect


def test_ids_are_made_up_when_absent_and_never_twice() -> None:
    body = {
        "input": [{"address": "a"}, {"address": "b", "id": ""}],
        "output": [{"address": "-"}],
    }
    config = new_config(body)
    ids = {config.id, *(io.id for io in (*config.input, *config.output))}
    assert {len(name) for name in ids} == {22}
    assert len(ids) == 4


@pytest.mark.parametrize("process_id", ["", "  ", "x" * 129])
def test_an_empty_or_long_id_is_refused(process_id: str) -> None:
    with pytest.raises(InvalidError, match="Invalid process config"):
        changed_config(FULL, {"id": process_id})


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"webrtc": {"video_pt": 95}}, "webrtc.video_pt"),
        ({"webrtc": {"audio_pt": 128}}, "webrtc.audio_pt"),
        ({"webrtc": True}, "webrtc"),
        ({"limits": {"memory_mbytes": 1.5}}, "limits.memory_mbytes"),
        ({"options": ["a", None]}, "options.1"),
        ({"input": [{"address": 1}]}, "input.0.address"),
        ({"stale_timeout_seconds": 2**32}, "stale_timeout_seconds"),
        ({"reconnect": 1}, "reconnect"),
    ],
)
def test_a_wrong_value_is_named_by_its_place(change: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidError, match="Invalid JSON") as refused:
        changed_config(FULL, change)
    assert refused.value.details[0].startswith(f"{where}: ")


def test_what_a_secret_was_is_not_repeated() -> None:
    with pytest.raises(InvalidError) as refused:
        changed_config(FULL, {"reference": ["hunter2"]})
    assert "hunter2" not in str(refused.value.details)


def test_merge_leaves_the_stored_one_alone() -> None:
    stored = {"a": {"b": 1, "c": 2}, "d": [1, 2]}
    assert merge(stored, {"A": {"b": 3, "c": None}, "d": [9], "e": None}) == {
        "a": {"b": 3, "c": 2},
        "d": [9],
    }
    assert stored == {"a": {"b": 1, "c": 2}, "d": [1, 2]}


@pytest.mark.parametrize(
    ("value", "written"),
    [(25.0, 25), (0, 0), (1.23456, 1.235), (0.0001, 0), (float("nan"), 0), (float("inf"), 0)],
)
def test_numbers_are_whole_or_have_three_decimals(value: float, written: float) -> None:
    assert number(value) == written
    assert isinstance(number(value), int) == (written == int(written))
    assert isinstance(decimal(value), float)


@given(BODIES)
def test_only_invalid_error_escapes(body: Any) -> None:
    for read in (new_config, lambda sent: changed_config(FULL, sent)):
        try:
            config = read(body)
        except InvalidError:
            continue
        assert new_config(config_json(config)) == config
