"""JSON bodies: what is refused, and that nothing else escapes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import InvalidError
from daemon.http.body import MAX_DEPTH, parse_json


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def test_sixteen_levels_are_read_and_seventeen_refused() -> None:
    assert parse_json(nested(MAX_DEPTH))
    with pytest.raises(InvalidError, match="Invalid JSON") as refused:
        parse_json(nested(MAX_DEPTH + 1))
    assert "deeper than 16" in refused.value.details[0]


@pytest.mark.parametrize(
    "data",
    [
        b"NaN", b"[Infinity]", b"-Infinity", b"1e999", b"9" * 5000, b"\xff", b"\xef\xbb\xbf{}",
        b'"\\ud800"', b'{"\\udfff": 1}', nested(100_000), b"", b"{}{}", b"'a'",
    ],
    ids=range(13),
)  # fmt: skip
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidError, match="Invalid JSON") as refused:
        parse_json(data)
    assert refused.value.reason == "invalid-json"
    assert refused.value.details


def test_a_surrogate_pair_is_one_character() -> None:
    assert parse_json(b'"\\ud83d\\ude00"') == "\U0001f600"


@given(st.binary(max_size=200) | st.text(alphabet='[]{}",:\\u0d8x1e+-. ').map(str.encode))
def test_only_invalid_error_escapes(data: bytes) -> None:
    try:
        value = parse_json(data)
    except InvalidError:
        return
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
