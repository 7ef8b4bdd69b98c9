"""Whatever shape a server's JSON has, looking into it raises nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragonctl import record
from dragonctl.commands import live, process_view, sample
from dragonctl.commands.sample import Sample

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
NAMES = """
    id state exec order config webrtc enabled progress fps bitrate_kbit inputs outputs viewers
    plan reasons source video audio runtime_seconds restarts pid command options created_at
"""
KEYS = st.sampled_from(NAMES.split())
SHAPED = st.recursive(
    JSON,
    lambda inner: st.dictionaries(KEYS, inner, max_size=8) | st.lists(inner, max_size=3),
    max_leaves=20,
)


def test_what_is_there_is_found() -> None:
    found = {"a": {"b": "text", "n": 1.5, "l": [1], "yes": True}}
    assert record.text(found, "a", "b") == "text"
    assert record.number(found, "a", "n") == 1.5
    assert record.items(found, "a", "l") == [1]
    assert record.flag(found, "a", "yes")


@pytest.mark.parametrize("found", [None, 3, "x", [], {}, {"a": None}, {"a": []}])
def test_what_is_not_there_is_nothing(found: Any) -> None:
    assert record.text(found, "a", "b") == ""
    assert record.number(found, "a", "b") is None
    assert record.items(found, "a", "b") == []
    assert not record.flag(found, "a", "b")


def test_true_is_not_a_number_and_1_is_not_true() -> None:
    assert record.number({"a": True}, "a") is None
    assert not record.flag({"a": 1}, "a")


@given(SHAPED)
def test_any_json_can_be_drawn(found: Any) -> None:
    list(process_view.drawn_process(found))
    list(process_view.drawn_state(found))
    list(process_view.drawn_probe(found))
    process_view.list_row(found)
    process_view.last_words(found)
    list(live.drawn(found))
    seen = Sample(2.0, [found], {"": found})
    before = Sample(1.0, [found], {"": found})
    sample.as_json(seen, before)
    sample.process_rows(seen)
    sample.viewer_rows(seen, before)
