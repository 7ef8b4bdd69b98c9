"""Lines come out the same however the bytes are divided."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from daemon.ffmpeg.line import MAX_LINE_BYTES, LineSplitter

TEXT = st.lists(
    st.sampled_from([b"a", b"\n", b"\r", b" ", b"\xff", b"\xc3\xa4", b"\0", b"x" * 3000])
).map(b"".join)


def split(pieces: list[bytes]) -> list[str]:
    splitter = LineSplitter()
    lines = [line for piece in pieces for line in splitter.feed(piece)]
    return lines + splitter.finish()


def test_carriage_returns_and_newlines_end_lines_and_empty_ones_vanish() -> None:
    assert split([b"one\rtwo\r\n\n  \nthree"]) == ["one", "two", "three"]


def test_an_open_line_waits_for_its_end() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"Overwrite? [y/N] ") == []
    assert splitter.finish() == ["Overwrite? [y/N]"]
    assert splitter.finish() == []


def test_a_megabyte_without_newline_is_cut_and_the_next_line_survives() -> None:
    splitter = LineSplitter()
    for _ in range(256):
        assert splitter.feed(b"x" * MAX_LINE_BYTES) == []
    assert splitter.feed(b"\nnext\n") == ["x" * MAX_LINE_BYTES, "next"]


def test_invalid_utf8_is_replaced() -> None:
    assert split([b"caf\xe9\n"]) == ["caf\ufffd"]


@given(TEXT, st.lists(st.integers(0, 4000)))
def test_any_chunking_gives_the_same_lines(data: bytes, cuts: list[int]) -> None:
    borders = [0, *sorted(cuts), len(data)]
    pieces = [data[a:b] for a, b in pairwise(borders)]
    assert split(pieces) == split([data])
