"""Verdicts: each reason has a code and says what to do."""

from dataclasses import replace

import httpx
import pytest

from dragonctl.whep_test import verdict
from dragonctl.whep_test.model import (
    PictureReport,
    Reason,
    SoundReport,
    TrackReport,
    ViewerReport,
)
from dragonctl.whep_test.signalling import Exchange

VIDEO = TrackReport("H264", "", 99, "42e01f", 312, 0, 0, 0.0, 1.0, 1000, 5)
AUDIO = TrackReport("opus", "", 96, "", 250, 0, 0, 0.0, 1.0, 1000, 0)
PICTURE = PictureReport(640, 360, 100, 25.0, 0, 0, 0, "", 90.0, black=False)
SOUND = SoundReport(-12.0, -15.0, silent=False, sample_rate=48000, channels=2)
GOOD = ViewerReport(
    number=1,
    http_status=201,
    dtls_ms=50.0,
    video=VIDEO,
    audio=AUDIO,
    picture=PICTURE,
    sound=SOUND,
    av_offset_ms=20.0,
    watched_seconds=5.0,
)


def codes(report: ViewerReport, ended: str | None = None) -> list[str]:
    return [reason.code for reason in verdict.judge_media(report, timeout=10.0, ended=ended)]


def refusal(status: int, body: str = "", **headers: str) -> Exchange:
    given = httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return Exchange("http://h/whep", status, given, body)


def test_a_good_viewer_has_no_reasons() -> None:
    assert codes(GOOD) == []


def test_no_key_frame_says_what_came_and_what_to_do() -> None:
    report = replace(GOOD, picture=None, video=replace(VIDEO, key_frames=0))
    [reason] = verdict.judge_media(report, timeout=10.0, ended=None)
    assert reason == Reason(
        "no-key-frame",
        "no H264 picture within 10 s after DTLS connected: packets came (312) but no key frame:"
        " lengthen --timeout or shorten the GOP",
    )


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (replace(GOOD, picture=None), "no-picture"),
        (replace(GOOD, video=replace(VIDEO, packets=0), picture=None), "no-video-rtp"),
        (replace(GOOD, audio=replace(AUDIO, packets=0), sound=None), "no-audio-rtp"),
        (replace(GOOD, sound=None), "no-sound"),
        (replace(GOOD, sound=replace(SOUND, silent=True)), "audio-silent"),
        (replace(GOOD, picture=replace(PICTURE, black=True)), "video-black"),
        (
            replace(GOOD, picture=replace(PICTURE, freezes=1, longest_freeze_ms=1000)),
            "video-frozen",
        ),
        (replace(GOOD, picture=replace(PICTURE, freezes=4, frozen_ms=1100)), "video-frozen"),
        (replace(GOOD, video=replace(VIDEO, loss_percent=2.1)), "packet-loss"),
        (replace(GOOD, audio=replace(AUDIO, loss_percent=2.1)), "audio-loss"),
        (
            replace(GOOD, is_decoded=False, picture=None, video=replace(VIDEO, key_frames=0)),
            "no-key-frame",
        ),
    ],
)
def test_each_fault_has_its_code(report: ViewerReport, code: str) -> None:
    assert codes(report) == [code]


@pytest.mark.parametrize(
    "report",
    [
        replace(
            GOOD, picture=replace(PICTURE, freezes=1, longest_freeze_ms=999, frozen_ms=999)
        ),
        replace(GOOD, video=replace(VIDEO, loss_percent=2.0)),
        replace(GOOD, av_offset_ms=-900.0),
        replace(GOOD, video=None, picture=None),
        replace(GOOD, audio=None, sound=None),
        replace(GOOD, is_decoded=False, picture=None, sound=None),
    ],
)
def test_small_faults_and_missing_tracks_are_forgiven(report: ViewerReport) -> None:
    assert codes(report) == []


def test_a_large_offset_is_a_note_that_says_which_is_late() -> None:
    assert verdict.note_offset(replace(GOOD, av_offset_ms=-200.0)) is None
    late = verdict.note_offset(replace(GOOD, av_offset_ms=-201.0))
    assert late is not None
    assert late.startswith("the sound comes 201 ms late")


def test_nothing_at_all_is_one_reason() -> None:
    silent = replace(GOOD, video=replace(VIDEO, packets=0), audio=replace(AUDIO, packets=0))
    assert codes(silent) == ["no-rtp"]


def test_an_ended_session_says_when_and_how() -> None:
    reasons = verdict.judge_media(GOOD, timeout=10.0, ended="DTLS closed")
    assert reasons[0].text.startswith("server ended the session after 5.0 s (DTLS closed)")


def test_ice_names_the_candidates() -> None:
    reason = verdict.ice_timeout(10.0, ["10.0.0.5:8189/udp"])
    assert reason.text == (
        "ICE did not connect in 10 s: the server answered with the candidates"
        " 10.0.0.5:8189/udp; check firewall and public_ip"
    )
    assert verdict.ice_timeout(10.0, []).code == "no-candidates"


@pytest.mark.parametrize(
    ("exchange", "code", "words"),
    [
        (refusal(401), "unauthorized", "401: the server wants a token: --token or log in"),
        (refusal(403), "forbidden", "another"),
        (refusal(404), "not-found", "check the URL"),
        (refusal(409, retry_after="5"), "not-ready", "(after 5 s)"),
        (refusal(422), "offer-refused", "codecs"),
        (refusal(429), "rate-limited", "slow down"),
        (refusal(503), "overloaded", "later"),
        (refusal(500), "server-error", "look at its log"),
        (refusal(418), "unexpected-status", "check the URL"),
        (refusal(200, "<html>"), "unexpected-status", "not the 201"),
        (refusal(406), "unexpected-status", "check the URL"),
        (refusal(406, "v=0", content_type="application/sdp"), "counter-offer", "not supported"),
        (
            refusal(422, '{"error": "no common codec"}', content_type="application/json"),
            "offer-refused",
            "(it says: no common codec)",
        ),
    ],
)
def test_each_status_becomes_a_reason(exchange: Exchange, code: str, words: str) -> None:
    reason = verdict.judge_exchange(exchange)
    assert reason is not None
    assert reason.code == code
    assert words in reason.text


def test_created_is_no_reason() -> None:
    assert verdict.judge_exchange(refusal(201)) is None


def test_a_crowd_is_summed_up_by_code() -> None:
    loss, black = Reason("packet-loss", "5 %"), Reason("video-black", "black")
    crowd = [
        replace(GOOD, reasons=(black,)),
        replace(GOOD, reasons=(loss,)),
        replace(GOOD, reasons=(loss,)),
    ]
    assert verdict.merge(crowd) == [
        Reason("packet-loss", "2 of 3 viewers: 5 %"),
        Reason("video-black", "1 of 3 viewers: black"),
    ]
    assert verdict.merge(crowd[:1]) == [black]
