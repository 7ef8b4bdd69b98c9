"""The answer: read, judged usable or not, and rewritten for aiortc."""

import pytest
from aiortc.sdp import SessionDescription
from hypothesis import given
from hypothesis import strategies as st

from dragonctl.whep_test import answer as sdp
from tests.unit.dragonctl.whep_test.samples import (
    ANSWER,
    AUDIO,
    OFFER,
    REJECTED_VIDEO,
    SESSION,
    TRANSPORT,
    VIDEO,
    join,
)


def rewritten(text: str) -> SessionDescription:
    offer, answer = sdp.parse(OFFER), sdp.parse(text)
    sdp.require_usable(answer, offer)
    return SessionDescription.parse(sdp.for_aiortc(answer, offer))


def test_codecs_come_with_their_parameters_in_order() -> None:
    codecs = sdp.codecs(sdp.parse(OFFER).sections[0])
    assert [(codec.payload_type, codec.name) for codec in codecs] == [(97, "VP8"), (99, "H264")]
    assert codecs[1].fmtp == "packetization-mode=1;profile-level-id=42e01f"


def test_rtx_names_the_payload_type_it_repeats() -> None:
    text = join(["v=0", "m=video 9 X 98", "a=rtpmap:98 rtx/90000", "a=fmtp:98 apt=97"])
    assert sdp.codecs(sdp.parse(text).sections[0])[0].associated == 97


def test_candidates_are_written_for_people() -> None:
    extra = "a=candidate:2 1 UDP 1 fd00::1 8189 typ host"
    answer = sdp.parse(join(SESSION, [*VIDEO, extra], AUDIO))
    assert answer.candidates() == ["10.0.0.5:8189/udp", "[fd00::1]:8189/udp"]


def test_every_section_gets_the_transport_of_the_bundle() -> None:
    description = rewritten(ANSWER)
    for media in description.media:
        assert media.ice is not None
        assert (media.ice.usernameFragment, media.ice.iceLite) == ("abcd", True)
        assert media.dtls is not None
        assert media.dtls.role == "server"
        assert [candidate.ip for candidate in media.ice_candidates] == ["10.0.0.5"]


def test_a_rejected_first_section_borrows_the_transport_of_the_accepted_one() -> None:
    description = rewritten(join(SESSION, REJECTED_VIDEO, AUDIO + TRANSPORT))
    video, audio = description.media
    assert (video.port, video.direction) == (0, "inactive")
    assert [codec.name for codec in video.rtp.codecs] == ["VP8", "H264"]  # of the offer
    assert video.ice == audio.ice
    assert video.ice is not None
    assert video.ice.usernameFragment == "abcd"
    assert [group.items for group in description.group] == [["1"]]


def test_transport_of_the_session_level_counts() -> None:
    session = SESSION + [line for line in TRANSPORT if "candidate" not in line]
    video = [line for line in VIDEO if line not in TRANSPORT]
    ice = rewritten(join(session, video, AUDIO)).media[0].ice
    assert ice is not None
    assert ice.usernameFragment == "abcd"


def test_lines_that_aiortc_chokes_on_are_left_out() -> None:
    odd = [
        "a=fmtp:35 what=1",
        "a=rtcp-fb:35 nack",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid more",
        "a=ssrc:17 nothing",
        "a=candidate:broken",
        "a=setup:actpass",
    ]
    media = rewritten(join(SESSION, [*VIDEO, *odd], AUDIO)).media[0]
    assert [extension.id for extension in media.rtp.headerExtensions] == [1]
    assert len(media.ice_candidates) == 1
    assert media.ssrc == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not SDP"),
        ("<html>", "not SDP"),
        ("v=0\r\n", "0 media sections"),
        (join(SESSION, VIDEO), "1 media sections, the offer 2"),
        (join(SESSION, AUDIO, VIDEO), "another order"),
        (join(SESSION, ["m=video"], AUDIO), "malformed m-line"),
        (join(SESSION, ["m=video 99999999 X 99"], AUDIO), "malformed m-line"),
        (ANSWER.replace("a=sendonly", "a=inactive"), "accepts nothing"),
        (ANSWER.replace("a=ice-ufrag", "a=x"), "no a=ice-ufrag"),
        (ANSWER.replace("a=fingerprint", "a=x"), "no a=fingerprint"),
        ("v=0\r\n" + "a=x\r\n" * 100_000, "longer than"),
    ],
)
def test_an_unusable_answer_says_why(text: str, words: str) -> None:
    with pytest.raises(sdp.AnswerError, match=words):
        rewritten(text)


@given(
    st.lists(
        st.sampled_from(ANSWER.splitlines())
        | st.text(max_size=40)
        | st.just("a=rtpmap:99 " * 9),
        max_size=40,
    )
)
def test_hostile_answers_raise_nothing_else(lines: list[str]) -> None:
    offer = sdp.parse(OFFER)
    try:
        answer = sdp.parse(join(["v=0"], lines))
        for section in answer.sections:
            sdp.codecs(section)
        answer.candidates()
        sdp.require_usable(answer, offer)
        sdp.for_aiortc(answer, offer)
    except sdp.AnswerError:
        pass


@given(st.sampled_from(["rtpmap", "fmtp", "candidate", "ssrc", "extmap"]), st.text(max_size=30))
def test_hostile_attributes_raise_nothing(name: str, value: str) -> None:
    line = f"a={name}:{value}".replace("\r", " ").replace("\n", " ")
    digits = f"a={name}:{'9' * 5000} {'9' * 5000}/{'9' * 5000}"
    answer = sdp.parse(join(SESSION, [*VIDEO, line, digits], AUDIO))
    sdp.for_aiortc(answer, sdp.parse(OFFER))
    assert answer.candidates()[0] == "10.0.0.5:8189/udp"
