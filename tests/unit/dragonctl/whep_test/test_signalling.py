"""What is read from an HTTP exchange, without any."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragonctl.whep_test.signalling import MAX_TEXT, Exchange, clean


def exchange(body: str = "", **headers: str) -> Exchange:
    given = httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return Exchange("http://host:1/a/whep", 400, given, body)


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/s/1", "http://host:1/s/1"),
        ("whep/1", "http://host:1/a/whep/1"),
        ("https://other/s", "https://other/s"),
        ("//other/s", "http://other/s"),
        ("file:///etc/passwd", None),
        ("http://[", None),
        ("", None),
    ],
)
def test_location_is_resolved_against_the_request(location: str, url: str | None) -> None:
    assert exchange(location=location).session_url == url


@pytest.mark.parametrize(
    ("body", "media_type", "words"),
    [
        (
            '{"title": "Bad", "detail": "no BUNDLE"}',
            "application/problem+json",
            "Bad: no BUNDLE",
        ),
        ('{"error": "x", "message": "x"}', "application/json; charset=utf-8", "x"),
        ('{"error": 5}', "application/json", ""),
        ("[1]", "application/json", ""),
        ("{", "application/json", ""),
        ("[" * 100_000, "application/json", ""),
        ("plain\nwords", "text/plain", "plain words"),
        ("<h1>no</h1>", "text/html", ""),
    ],
)
def test_the_reason_of_the_server_is_found(body: str, media_type: str, words: str) -> None:
    assert exchange(body, content_type=media_type).words() == words


@given(st.text(max_size=500))
def test_clean_text_is_one_bounded_printable_line(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.isprintable()
    assert len(cleaned) <= MAX_TEXT
