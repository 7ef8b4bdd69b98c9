"""Options are checked, reports are drawn and given as JSON."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from dragonctl.whep_test import Options, Reason, Report, Verdict, ViewerReport, table
from dragonctl.whep_test.client import summarise
from dragonctl.whep_test.model import Check, Level, TrackReport, public_url

TRACK = TrackReport("H264", "profile-level-id=42e01f", 99, "42e01f", 9, 1, 0, 10.0, 1.5, 999, 1)
REPORT = Report(
    url="http://h/whep",
    verdict=Verdict.BAD,
    reasons=[Reason("packet-loss", "10 % [red]lost[/red] \x1b[2J")],
    viewers=[ViewerReport(number=1, http_status=201, answer_ms=12.0, video=TRACK)],
    checks=[Check("post-etag", Level.SHOULD, is_met=False, text="no ETag")],
    notes=["this machine was late"],
    summary={},
)


def drawn(report: Report) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(table(report))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_table_names_verdict_reason_numbers_and_notes() -> None:
    text = drawn(REPORT)
    for words in ("bad", "packet-loss", "answer 12", "1 lost (10 %)", "post-etag", "was late"):
        assert words in text


def test_words_of_the_server_are_neither_markup_nor_control() -> None:
    text = drawn(REPORT)
    assert "[red]lost[/red]" in text
    assert "\x1b" not in text


def test_a_session_that_never_began_has_no_delete() -> None:
    def rows(status: int) -> str:
        return drawn(replace(REPORT, viewers=[ViewerReport(number=1, http_status=status)]))

    assert "DELETE" not in rows(409)
    assert "DELETE" in rows(201)  # it was sent, and nobody answered


def test_a_crowd_is_drawn_by_its_summary() -> None:
    viewers = [ViewerReport(number=number, answer_ms=10.0 * number) for number in (1, 2)]
    text = drawn(replace(REPORT, viewers=viewers, summary=summarise(viewers)))
    assert "2 of 2 good" in text
    assert "p50 10, p95 20, worst 20 (2 viewers)" in text


def test_json_round_trips() -> None:
    value = json.loads(json.dumps(REPORT.to_json()))
    assert value["verdict"] == "bad"
    assert value["viewers"][0]["video"]["codec"] == "H264"


def test_percentiles_are_by_nearest_rank_and_skip_who_has_none() -> None:
    viewers = [ViewerReport(number=n, answer_ms=float(n)) for n in range(1, 101)]
    spread = summarise([*viewers, ViewerReport(number=101)])["answer_ms"]
    assert (spread.count, spread.p50, spread.p95, spread.worst) == (100, 50.0, 95.0, 100.0)


@pytest.mark.parametrize(
    "values",
    [
        {"url": "ftp://host/x"},
        {"url": "http:///whep"},
        {"url": "http://host:99999/whep"},
        {"viewers": 0},
        {"viewers": 201},
        {"duration": 0.0},
        {"duration": float("nan")},
        {"timeout": float("inf")},
        {"timeout": 301.0},
    ],
)
def test_senseless_options_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must|[Pp]ort"):
        Options(**{"url": "http://host/whep", **values})


def test_secrets_are_in_no_repr_and_no_report() -> None:
    options = Options("http://h/whep", token="s3cret", headers={"X-Key": "s3cret"})
    assert "s3cret" not in repr(options)
    assert public_url("http://me:s3cret@h:8/whep?token=s3cret") == "http://h:8/whep?…"
