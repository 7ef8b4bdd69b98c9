"""Globs: what they match, and that none of them takes long."""

import pytest

from daemon.storage.glob import MAX_PATTERN, Glob


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("/a/*.ts", "/a/b.ts", True),
        ("/a/*.ts", "/a/b/c.ts", False),
        ("x_*.ts", "/x_1.ts", True),
        ("/**", "/a/b/c", True),
        ("**", "/a/b", True),
        ("/cam**", "/cam/x/1.ts", True),
        ("/cam**", "/cam.m3u8", True),
        ("/cam**", "/camera2.ts", True),
        ("/cam*", "/cam/x", False),
        ("/[a-c]?.ts", "/bz.ts", True),
        ("/[!a-c]?.ts", "/bz.ts", False),
        ("/[!a-c]?.ts", "/dz.ts", True),
        ("/[]x]", "/]", True),
        ("/a[]x", "/a[]x", True),
        ("/[", "/[", True),
        ("/a?b", "/a/b", False),
        ("/a[/]b", "/a/b", False),
        ("/a**b", "/a/c/b", True),
        ("/**/x", "/a/b/x", True),
        ("/a.ts", "/axts", False),
        ("/\u00e4*", "/\u00e4\u00f6", True),
    ],
)
def test_what_a_pattern_matches(pattern: str, path: str, fits: bool) -> None:
    assert Glob(pattern).matches(path) is fits


def test_a_pattern_that_makes_regular_expressions_take_ages_does_not_here() -> None:
    path = "/" + "a" * 1000
    glob = Glob("/" + "*a" * 100 + "*b")
    assert not glob.matches(path)
    assert glob.matches(path + "b")


def test_a_pattern_that_is_too_long_matches_nothing() -> None:
    text = "/" + "a" * MAX_PATTERN
    assert not Glob(text).matches(text)
