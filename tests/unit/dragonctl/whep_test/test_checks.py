"""Protocol checks on recorded exchanges."""

import httpx
import pytest

from dragonctl.whep_test import answer as sdp
from dragonctl.whep_test.checks import check_answer, check_protocol
from dragonctl.whep_test.model import Options, Reason, ViewerReport
from dragonctl.whep_test.signalling import Exchange
from tests.unit.dragonctl.whep_test.samples import ANSWER, AUDIO, OFFER, SESSION, VIDEO, join

HEADERS = {"Content-Type": "application/sdp", "Location": "/s/1", "ETag": '"x"'}
ENDED = ViewerReport(number=1, delete_status=200)


def failed(
    *,
    status: int = 201,
    headers: dict[str, str] | None = None,
    body: str = ANSWER,
    url: str = "http://127.0.0.1/whep",
    report: ViewerReport = ENDED,
) -> list[str]:
    exchange = Exchange(
        url, status, httpx.Headers(HEADERS if headers is None else headers), body
    )
    checks = check_protocol(Options(url), exchange, OFFER, report)
    return [check.id for check in checks if not check.is_met]


def failed_answer(text: str) -> list[str]:
    checks = check_answer(sdp.parse(OFFER), sdp.parse(text))
    return [check.id for check in checks if not check.is_met]


def test_a_good_server_meets_every_check() -> None:
    assert failed() == []
    checks = check_protocol(
        Options("http://127.0.0.1/whep"),
        Exchange("http://127.0.0.1/whep", 201, httpx.Headers(HEADERS), ANSWER),
        OFFER,
        ENDED,
    )
    assert {"post-201", "post-answer-sendonly", "ice-allcands", "sdp-setup", "delete-200"} <= {
        check.id for check in checks
    }


@pytest.mark.parametrize(
    ("changes", "identifiers"),
    [
        ({"Content-Type": "text/plain"}, ["post-ctype"]),
        ({"ETag": 'W/"x"'}, ["post-etag"]),
        ({"ETag": '"*"'}, ["post-etag"]),
        ({"ETag": ""}, ["post-etag"]),
        ({"Content-Type": "Application/SDP; charset=utf-8"}, []),
    ],
)
def test_headers_are_checked(changes: dict[str, str], identifiers: list[str]) -> None:
    assert failed(headers={**HEADERS, **changes}) == identifiers


def test_without_location_there_is_nothing_to_delete() -> None:
    headers = {"Content-Type": "application/sdp", "ETag": '"x"'}
    assert failed(headers=headers, report=ViewerReport(number=1)) == ["post-location"]


def test_delete_must_succeed_unless_the_server_was_first() -> None:
    gone = ViewerReport(number=1, delete_status=404)
    assert failed(report=gone) == ["delete-200"]
    assert failed(report=ViewerReport(number=1)) == ["delete-200"]
    ended = ViewerReport(number=1, delete_status=404, reasons=(Reason("server-ended", ""),))
    assert failed(report=ended) == []


def test_plain_http_is_for_loopback() -> None:
    assert failed(url="http://192.0.2.1/whep") == ["https"]
    assert failed(url="https://192.0.2.1/whep") == []


@pytest.mark.parametrize(
    ("status", "headers", "identifiers"),
    [
        (401, {}, ["err-problem", "auth-bearer"]),
        (401, {"WWW-Authenticate": "Bearer"}, ["err-problem"]),
        (404, {"Content-Type": "application/problem+json"}, []),
        (409, {"Content-Type": "application/problem+json"}, ["post-409"]),
        (406, {"Content-Type": "application/problem+json"}, ["co-406"]),
        (406, {"Content-Type": "application/sdp", "Location": "/s"}, ["err-problem"]),
    ],
)
def test_refusals_are_checked(
    status: int, headers: dict[str, str], identifiers: list[str]
) -> None:
    assert failed(status=status, headers=headers, body="") == identifiers


@pytest.mark.parametrize(
    ("text", "identifiers"),
    [
        (ANSWER.replace("a=sendonly", "a=sendrecv"), ["post-answer-sendonly"]),
        (ANSWER.replace("a=rtcp-mux\r\n", ""), ["sdp-rtcpmux"]),
        (ANSWER.replace("a=rtcp-mux-only\r\n", ""), ["sdp-rtcpmuxonly"]),
        (ANSWER.replace("a=msid:s a", "a=msid:t a"), ["sdp-msid"]),
        (ANSWER.replace("BUNDLE 0 1", "BUNDLE 0"), ["sdp-bundle"]),
        (ANSWER.replace("setup:passive", "setup:active"), ["sdp-setup"]),
        (ANSWER.replace("a=end-of-candidates\r\n", ""), ["ice-allcands"]),
        (ANSWER.replace("a=mid:0", "a=mid:7").replace("E 0 1", "E 7 1"), ["post-jsep"]),
        (join(SESSION, VIDEO), ["post-jsep", "sdp-bundle"]),
        (join(SESSION, VIDEO, ["m=audio 0 X 96", "a=mid:1"]).replace("E 0 1", "E 0"), []),
        (join(SESSION, AUDIO, VIDEO), ["post-jsep"]),
    ],
)
def test_the_answer_is_checked(text: str, identifiers: list[str]) -> None:
    assert failed_answer(text) == identifiers


def test_an_answer_that_is_not_sdp_is_a_failed_check() -> None:
    assert failed(body="<html>") == ["post-jsep"]
