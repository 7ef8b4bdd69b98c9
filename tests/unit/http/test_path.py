"""Paths as sent, segments decoded once."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest

from daemon.http.path import decode_segment, raw_path


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        (b"/api/a%2Fb", "/api/a%2Fb"),
        (b"/api?x=/", "/api"),
        (b"http://host:80/api", "/api"),
        (b"http://host", "/"),
        (b"*", "/*"),
        (b"", "/"),
        (b"/\xff", "/\\xff"),
    ],
)
def test_the_path_is_taken_as_sent(sent: bytes, path: str) -> None:
    assert raw_path({"raw_path": sent, "path": "/other"}) == path


def test_a_server_without_raw_path_gives_its_own() -> None:
    assert raw_path({"path": "/api"}) == "/api"


def test_decoding_happens_once() -> None:
    assert decode_segment("a%2Fb") == "a/b"
    assert decode_segment("a%252Fb") == "a%2Fb"
    assert decode_segment("a+b") == "a+b"


@pytest.mark.parametrize("segment", ["%", "a%4", "%g0", "%ff", "%C0%AF", "x" * 2049])
def test_what_is_no_text_is_refused(segment: str) -> None:
    with pytest.raises(BadRequest):
        decode_segment(segment)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=128))
def test_every_id_of_128_characters_survives(text: str) -> None:
    assert decode_segment(quote(text, safe="")) == text
