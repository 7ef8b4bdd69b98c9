"""Numbers for people, at their edges."""

import math

import pytest

from dragonctl import unit


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        (None, "-"),
        (0, "0 bit/s"),
        (999, "999 bit/s"),
        (1000, "1.0 kbit/s"),
        (999_949, "999.9 kbit/s"),
        (999_960, "1.0 Mbit/s"),
        (1_234_567, "1.2 Mbit/s"),
        (2.5e9, "2.5 Gbit/s"),
        (7e15, "7000000.0 Gbit/s"),
        (math.nan, "-"),
        (math.inf, "-"),
        (-1, "-"),
    ],
)
def test_bitrates_count_by_thousands(bits: float | None, words: str) -> None:
    assert unit.bitrate(bits) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(None, "-"), (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (47_185_920, "45.0 MiB")],
)
def test_sizes_count_by_1024(count: float | None, words: str) -> None:
    assert unit.size(count) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "-"),
        (-1, "-"),
        (math.nan, "-"),
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 m 00 s"),
        (3599, "59 m 59 s"),
        (11045, "3 h 04 m"),
        (86_399, "23 h 59 m"),
        (183_600, "2 d 03 h"),
    ],
)
def test_durations_have_at_most_two_units(seconds: float | None, words: str) -> None:
    assert unit.duration(seconds) == words


def test_decimals_keep_their_places_so_that_columns_align() -> None:
    assert unit.decimal(1, "x", places=2) == "1.00x"
    assert unit.decimal(3.44, " %") == "3.4 %"
    assert unit.decimal(None, " %") == "-"
    assert unit.decimal(math.inf) == "-"


def test_one_is_singular() -> None:
    assert unit.count(1, "viewer") == "1 viewer"
    assert unit.count(0, "viewer") == "0 viewers"
    assert unit.count(1200, "viewer") == "1,200 viewers"
