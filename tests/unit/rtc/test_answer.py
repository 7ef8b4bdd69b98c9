"""The answer: every section in its place, and nothing that wasn't offered."""

from dataclasses import dataclass

import pytest
from aiortc.sdp import SessionDescription

from daemon.errors import NegotiationError
from daemon.rtc import answer, codecs, extension, sdp
from tests.unit.rtc.offers import MINIMAL, NAMES, drop, load, swap

VIDEO = codecs.SourceTrack("video", "H264", "42c01f", 0)
AUDIO = codecs.SourceTrack("audio", "opus", None, 2)
FINGERPRINT = "sha-256 " + ":".join(["0A"] * 32)
CANDIDATES = answer.host_candidates([("192.0.2.7", 8189), ("2001:db8::7", 8189)])


@dataclass(frozen=True)
class Credentials:
    ufrag: str = "ours"
    pwd: str = "ourpasswordourpassword"


def local(
    mids: list[str], candidates: tuple[answer.Candidate, ...] = CANDIDATES
) -> answer.LocalDescription:
    return answer.LocalDescription(
        credentials=Credentials(),
        fingerprint=FINGERPRINT,
        candidates=candidates,
        session_id=4242,
        cname="cam",
        stream_id="dragon",
        ssrcs={mid: 1000 + index for index, mid in enumerate(mids)},
    )


def answer_to(text: str, *tracks: codecs.SourceTrack) -> str:
    offer = sdp.parse_offer(text)
    found = codecs.negotiate(offer, tracks or (VIDEO, AUDIO))
    return answer.build_answer(offer, found, local([track.mid for track in found]))


def sections(text: str) -> list[list[str]]:
    """Split into the session and the sections, as lines."""
    assert text.endswith("\r\n")
    lines = text[:-2].split("\r\n")
    assert not any("\n" in line or "\r" in line for line in lines)
    parts: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("m="):
            parts.append([])
        parts[-1].append(line)
    return parts


def test_the_whole_answer_to_a_single_section() -> None:
    assert sections(answer_to(MINIMAL)) == [
        [
            "v=0",
            "o=- 4242 1 IN IP4 127.0.0.1",
            "s=-",
            "t=0 0",
            "a=ice-lite",
            "a=ice-options:trickle",
        ],
        [
            "m=video 8189 UDP/TLS/RTP/SAVPF 102",
            "c=IN IP4 192.0.2.7",
            "a=sendonly",
            "a=msid:dragon video",
            "a=rtcp-mux",
            "a=rtcp-mux-only",
            "a=rtpmap:102 H264/90000",
            "a=fmtp:102 packetization-mode=1;profile-level-id=42e01f",
            "a=ssrc:1000 cname:cam",
            "a=ssrc:1000 msid:dragon video",
            f"a=fingerprint:{FINGERPRINT}",
            "a=setup:passive",
            "a=ice-ufrag:ours",
            "a=ice-pwd:ourpasswordourpassword",
            "a=candidate:1 1 udp 2130706431 192.0.2.7 8189 typ host",
            "a=candidate:2 1 udp 2130706175 2001:db8::7 8189 typ host",
            "a=end-of-candidates",
        ],
    ]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "firefox-153"])
def test_another_stack_reads_it(name: str) -> None:
    offer = SessionDescription.parse(load(name))
    parsed = SessionDescription.parse(answer_to(load(name)))
    assert [media.kind for media in parsed.media] == [media.kind for media in offer.media]
    assert str(parsed.group[0]) == str(offer.group[0])
    for ours, theirs in zip(parsed.media, offer.media, strict=True):
        assert ours.rtp.muxId == theirs.rtp.muxId
        assert ours.direction == "sendonly"
        assert ours.rtcp_mux
        assert (ours.host, ours.port) == ("192.0.2.7", 8189)
        assert ours.dtls is not None
        assert ours.dtls.role == "server"
        assert [one.algorithm for one in ours.dtls.fingerprints] == ["sha-256"]
        assert ours.ice is not None
        assert ours.ice.iceLite
        assert ours.ice.usernameFragment == "ours"
        assert [one.ip for one in ours.ice_candidates] == ["192.0.2.7", "2001:db8::7"]
        assert ours.ice_candidates_complete
        (codec,) = ours.rtp.codecs
        offered = next(one for one in theirs.rtp.codecs if one.payloadType == codec.payloadType)
        assert (codec.mimeType, codec.clockRate) == (offered.mimeType, offered.clockRate)
        assert {str(one) for one in codec.rtcpFeedback} <= {
            str(one) for one in offered.rtcpFeedback
        }
        (source,) = ours.ssrc
        assert source.cname == "cam"
    assert parsed.media[0].msid == f"dragon {parsed.media[0].kind}"


@pytest.mark.parametrize("name", [name for name in NAMES if name != "firefox-153"])
def test_our_own_parser_reads_it(name: str) -> None:
    parsed = sdp.parse_offer(answer_to(load(name)))
    assert parsed.bundle == sdp.parse_offer(load(name)).bundle
    assert parsed.is_ice_lite
    assert all(media.direction == "sendonly" for media in parsed.media)
    transports = [media.transport for media in parsed.media]
    assert [one.setup for one in transports if one] == ["passive", "passive"]


def test_the_group_keeps_the_offer_s_order() -> None:
    text = swap(load("chromium-156"), "BUNDLE 0 1", "BUNDLE 1 0")
    assert "a=group:BUNDLE 1 0" in answer_to(text)


def test_a_source_without_audio_refuses_that_section() -> None:
    session, video, audio = sections(answer_to(load("chromium-156"), VIDEO))
    assert "a=group:BUNDLE 0" in session
    assert video[0].startswith("m=video 8189 ")
    assert audio == [
        "m=audio 0 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126",
        "c=IN IP4 0.0.0.0",
        "a=mid:1",
        "a=inactive",
    ]


def test_when_the_first_section_is_refused_the_second_carries_the_transport() -> None:
    session, video, audio = sections(answer_to(load("chromium-156"), AUDIO))
    assert "a=group:BUNDLE 1" in session
    assert video[0].startswith("m=video 0 UDP/TLS/RTP/SAVPF 96 97 ")
    assert video[1:] == ["c=IN IP4 0.0.0.0", "a=mid:0", "a=inactive"]
    assert "a=ice-ufrag:ours" in audio
    assert f"a=fingerprint:{FINGERPRINT}" in audio


def test_a_data_channel_is_refused_with_its_format() -> None:
    lines = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n"
    text = swap(load("chromium-156"), "BUNDLE 0 1", "BUNDLE 0 1 2") + lines
    session, *_, channel = sections(answer_to(text))
    assert "a=group:BUNDLE 0 1" in session
    assert channel[0] == "m=application 0 UDP/DTLS/SCTP webrtc-datachannel"
    assert "a=mid:2" in channel
    SessionDescription.parse(answer_to(text))


def test_a_second_video_section_is_refused() -> None:
    text = load("chromium-156")
    section = "m=video" + text.partition("m=video")[2].partition("m=audio")[0]
    text = swap(text + swap(section, "a=mid:0", "a=mid:2"), "BUNDLE 0 1", "BUNDLE 0 1 2")
    _, first, _, second = sections(answer_to(text))
    assert first[0].startswith("m=video 8189 ")
    assert second[0].startswith("m=video 0 ")


def test_a_refused_section_without_mid_is_not_taken_for_the_accepted_one() -> None:
    text = MINIMAL + "m=video 0 UDP/TLS/RTP/SAVPF 96\r\n"
    _, first, second = sections(answer_to(text))
    assert first[0] == "m=video 8189 UDP/TLS/RTP/SAVPF 102"
    assert second == ["m=video 0 UDP/TLS/RTP/SAVPF 96", "c=IN IP4 0.0.0.0", "a=inactive"]


def test_reduced_size_is_mirrored() -> None:
    text = load("chromium-156")
    assert answer_to(text).count("a=rtcp-rsize\r\n") == 2
    assert "a=rtcp-rsize" not in answer_to(drop(text, "a=rtcp-rsize"))


def test_no_extension_and_no_feedback_that_we_do_not_serve() -> None:
    text = answer_to(load("chromium-156"))
    assert [line for line in text.split("\r\n") if "extmap" in line] == [
        f"a=extmap:5 {extension.PLAYOUT_DELAY}"
    ]
    assert "transport-cc" not in text
    assert "goog-remb" not in text
    assert text.count("a=rtcp-fb") == 3


def test_all_sections_share_stream_and_cname() -> None:
    text = answer_to(load("chromium-156"))
    assert "a=msid:dragon video\r\n" in text
    assert "a=msid:dragon audio\r\n" in text
    assert "a=ssrc:1000 cname:cam\r\n" in text
    assert "a=ssrc:1001 cname:cam\r\n" in text


def test_the_default_address_may_be_of_either_family_or_none() -> None:
    offer = sdp.parse_offer(MINIMAL)
    found = codecs.negotiate(offer, [VIDEO])
    six = answer.host_candidates([("2001:db8::7", 1)])
    text = answer.build_answer(offer, found, local([""], six))
    assert "m=video 1 " in text
    assert "c=IN IP6 2001:db8::7\r\n" in text
    text = answer.build_answer(offer, found, local([""], ()))
    assert "m=video 9 " in text
    assert "c=IN IP4 0.0.0.0\r\n" in text


def test_candidates_fall_in_priority() -> None:
    candidates = answer.host_candidates([("192.0.2.1", 1), ("192.0.2.2", 2), ("::1", 3)])
    priorities = [one.priority for one in candidates]
    assert priorities == sorted(set(priorities), reverse=True)
    assert len({one.foundation for one in candidates}) == 3


def test_a_restart_s_fragment_has_the_same_ice_attributes() -> None:
    offer = sdp.parse_offer(load("chromium-156"))
    text = answer.build_fragment(local(["0", "1"]), offer)
    (session, section) = sections(text)
    assert session == ["a=ice-lite", "a=ice-options:trickle", "a=group:BUNDLE 0 1"]
    assert section[:2] == ["m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:0"]
    fragment = sdp.parse_fragment(text)
    assert fragment.ufrag == "ours"
    assert fragment.candidates == tuple(str(one) for one in CANDIDATES)
    assert fragment.is_complete


def test_a_restart_s_fragment_names_the_first_accepted_section() -> None:
    offer = sdp.parse_offer(load("chromium-156"))
    (session, section) = sections(answer.build_fragment(local(["1"]), offer))
    assert "a=group:BUNDLE 1" in session
    assert "a=mid:1" in section
    (session, section) = sections(answer.build_fragment(local([""]), sdp.parse_offer(MINIMAL)))
    assert len(session) == 2
    assert section[0] == "m=video 9 UDP/TLS/RTP/SAVPF 102"


def test_a_refused_offer_has_no_answer() -> None:
    with pytest.raises(NegotiationError):
        answer_to(load("firefox-153"))
