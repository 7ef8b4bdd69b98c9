"""Which lines of a ring are new."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragonctl.follow import fresh_lines, pauses

LINES = st.lists(st.sampled_from("ab"), max_size=8)


@pytest.mark.parametrize(
    ("before", "now", "fresh"),
    [
        ("", "", ""),
        ("", "abc", "abc"),
        ("abc", "abc", ""),
        ("abc", "abcd", "d"),
        ("abc", "bcde", "de"),
        ("abc", "xyz", "xyz"),
        ("aaa", "aaaa", "a"),
        ("abc", "", ""),
    ],
)
def test_only_the_end_is_new(before: str, now: str, fresh: str) -> None:
    assert fresh_lines(before, now) == list(fresh)


@given(LINES, LINES, st.integers(1, 8))
def test_a_ring_never_shows_more_than_came(
    before: list[str], more: list[str], room: int
) -> None:
    ring = (before + more)[-room:]
    fresh = fresh_lines(before[-room:], ring)
    assert len(fresh) <= len(more)
    assert ring[len(ring) - len(fresh) :] == fresh


def test_one_turn_is_one_turn() -> None:
    assert len(list(pauses(is_endless=False))) == 1
