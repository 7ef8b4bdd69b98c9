"""Patterns of labels: what clients send, in linear time."""

import pytest

from daemon.http.label import MAX_PATTERN, label_pattern


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ("hls", "hlsingress", True),
        ("^hls$", "hlsingress", False),
        ("^hls$", "hls", True),
        ("^hls|rtmp$", "x-rtmp", True),
        ("h.*s$", "h/1s", True),
        ("a.c", "abc", True),
        (r"a\.c", "abc", False),
        (r"a\.c", "a.c", True),
        ("", "anything", True),
        ("a*", "a*b", True),
        ("a*", "aab", False),
        ("[x", "[x", True),
        (r"cost\$", "cost$", True),
    ],
)
def test_what_fits(pattern: str, value: str, fits: bool) -> None:
    assert label_pattern(pattern)(value) is fits


def test_an_expression_that_takes_ages_elsewhere_is_just_text_here() -> None:
    assert not label_pattern("(a+)+$")("a" * 2000 + "b")
    assert not label_pattern(".*a" * 60 + "b")("a" * 2000)


def test_what_is_too_long_fits_nothing() -> None:
    assert not label_pattern("a" * (MAX_PATTERN + 1))("a" * (MAX_PATTERN + 1))
