"""Which codec each browser gets, and what the refused ones are told."""

import pytest

from daemon.errors import NegotiationError, SdpError
from daemon.rtc import codecs, extension, sdp
from tests.unit.rtc.offers import MINIMAL, drop, load, swap

VIDEO = codecs.SourceTrack("video", "H264", "42c01f", 0)
AUDIO = codecs.SourceTrack("audio", "opus", None, 2)
BOTH = (VIDEO, AUDIO)


def negotiate(text: str, *tracks: codecs.SourceTrack) -> dict[str, codecs.NegotiatedTrack]:
    found = codecs.negotiate(sdp.parse_offer(text), tracks)
    return {track.kind: track for track in found}


def refusal(text: str, *tracks: codecs.SourceTrack) -> NegotiationError:
    with pytest.raises(NegotiationError) as caught:
        negotiate(text, *tracks)
    return caught.value


def video(profile_level_id: str | None) -> codecs.SourceTrack:
    return codecs.SourceTrack("video", "H264", profile_level_id, 0)


def offer_of(*entries: str) -> str:
    """Build an offer with one H.264 entry per fmtp, payload types from 102 on."""
    numbers = [102 + index for index in range(len(entries))]
    text = drop(drop(MINIMAL, "a=rtpmap"), "a=fmtp")
    text = swap(text, "SAVPF 102", "SAVPF " + " ".join(map(str, numbers)))
    lines = [f"a=rtpmap:{number} H264/90000\r\n" for number in numbers]
    lines += [f"a=fmtp:{102 + index} {entry}\r\n" for index, entry in enumerate(entries)]
    return text + "".join(lines)


def of_profiles(*profiles: str) -> str:
    return offer_of(*(f"packetization-mode=1;profile-level-id={one}" for one in profiles))


@pytest.mark.parametrize(
    ("name", "video_type", "audio_type"),
    [
        ("chromium-156", 108, 111),
        ("safari-like", 98, 111),
        ("gstreamer-like", 96, 98),
        ("aiortc-1.16", 101, 96),
    ],
)
def test_each_browser_gets_its_own_numbers(name: str, video_type: int, audio_type: int) -> None:
    found = negotiate(load(name), *BOTH)
    assert found["video"].payload_type == video_type
    assert found["audio"].payload_type == audio_type
    assert not found["video"].is_lenient


def test_the_order_is_the_offer_s() -> None:
    offer = sdp.parse_offer(load("safari-like"))
    assert [track.kind for track in codecs.negotiate(offer, BOTH)] == ["audio", "video"]


def test_all_that_chromium_agrees_to() -> None:
    found = negotiate(load("chromium-156"), *BOTH)
    assert found["video"] == codecs.NegotiatedTrack(
        kind="video",
        mid="0",
        payload_type=108,
        clock_rate=90_000,
        name="H264",
        fmtp="level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        feedback=("nack", "nack pli", "ccm fir"),
        rtx_payload_type=109,
        extensions=((extension.PLAYOUT_DELAY, 5),),
        has_reference_times=True,
    )
    assert found["audio"] == codecs.NegotiatedTrack(
        kind="audio",
        mid="1",
        payload_type=111,
        clock_rate=48_000,
        name="opus",
        fmtp="minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1",
        feedback=(),
        channels=2,
        has_reference_times=True,
    )


def test_a_mono_source_does_not_promise_stereo() -> None:
    mono = codecs.SourceTrack("audio", "opus", None, 1)
    found = negotiate(load("chromium-156"), mono)
    assert found["audio"].fmtp == "minptime=10;useinbandfec=1"


@pytest.mark.parametrize(
    ("source", "payload_type", "is_lenient"),
    [
        ("42e01f", 108, False),
        ("42c028", 108, False),  # the same profile in other words
        ("42001f", 102, False),
        ("4d401f", 116, False),
        ("f40028", 41, False),
        ("640028", 108, True),  # Debian's Chromium lists no High
        ("64081f", 108, True),
        ("7a001f", 108, True),
        (None, 108, False),
    ],
)
def test_profiles_with_chromium(
    source: str | None, payload_type: int, is_lenient: bool
) -> None:
    found = negotiate(load("chromium-156"), video(source))["video"]
    assert (found.payload_type, found.is_lenient) == (payload_type, is_lenient)


@pytest.mark.parametrize(
    ("source", "payload_type", "is_lenient"),
    [("42c01f", 98, False), ("640c28", 96, False), ("640028", 96, True), ("4d401f", 96, True)],
)
def test_profiles_with_safari(source: str, payload_type: int, is_lenient: bool) -> None:
    found = negotiate(load("safari-like"), video(source))["video"]
    assert (found.payload_type, found.is_lenient) == (payload_type, is_lenient)


@pytest.mark.parametrize(
    ("source", "offered", "payload_type", "is_lenient"),
    [
        ("42c01f", ["640c1f", "4d001f", "42001f"], 104, False),
        ("42c01f", ["640c1f", "4d001f"], 103, False),
        ("42c01f", ["640c1f"], 102, False),
        ("42c01f", ["64001f", "4de01f"], 103, False),  # Main with set 0 is constrained baseline
        ("42001f", ["4d001f", "42e01f"], 103, True),  # FMO and ASO are unknown to both
        ("4d401f", ["42e01f", "64001f"], 103, False),
        ("4d401f", ["4d401f", "4d001f"], 102, False),
        ("4d001f", ["4d401f", "4d001f"], 103, False),  # the exact words win
        ("640c1f", ["42e01f", "64001f"], 103, False),
        ("64001f", ["4d001f", "42e01f"], 103, True),
        ("64001f", ["4d001f"], 102, True),  # nothing fits, but mode 1 is there
        ("42c01f", ["58a01f"], 102, True),
    ],
)
def test_the_closest_profile_wins(
    source: str, offered: list[str], payload_type: int, is_lenient: bool
) -> None:
    found = negotiate(of_profiles(*offered), video(source))["video"]
    assert (found.payload_type, found.is_lenient) == (payload_type, is_lenient)


def test_the_fmtp_never_says_more_than_the_offer() -> None:
    fmtp = negotiate(of_profiles("42E01F"), VIDEO)["video"].fmtp
    assert fmtp == "packetization-mode=1;profile-level-id=42e01f"


def test_a_missing_profile_means_baseline() -> None:
    found = negotiate(offer_of("packetization-mode=1"), VIDEO)["video"]
    assert found.fmtp == "packetization-mode=1;profile-level-id=420010"


@pytest.mark.parametrize(
    "entry",
    [
        "profile-level-id=42e01f",  # a missing mode is 0
        "packetization-mode=0;profile-level-id=42e01f",
        "packetization-mode=2;profile-level-id=42e01f",
    ],
)
def test_other_packetization_modes_are_refused(entry: str) -> None:
    error = refusal(offer_of(entry), VIDEO)
    assert error.reason == "no-common-codec"
    assert error.details == ["its H264 entries lack packetization-mode=1"]


def test_a_bad_profile_is_skipped() -> None:
    assert negotiate(of_profiles("zz", "42e01f"), VIDEO)["video"].payload_type == 103
    assert refusal(of_profiles("42e01f00"), VIDEO).reason == "no-common-codec"


def test_payload_types_that_look_like_rtcp_are_skipped() -> None:
    text = swap(MINIMAL, "102", "72")
    assert refusal(text, VIDEO).reason == "no-common-codec"


@pytest.mark.parametrize("number", ["35", "63", "96", "127"])
def test_other_payload_types_are_fine(number: str) -> None:
    assert negotiate(swap(MINIMAL, "102", number), VIDEO)["video"].payload_type == int(number)


def test_a_firefox_without_its_plugin_is_told_so() -> None:
    error = refusal(load("firefox-153"), *BOTH)
    assert error.reason == "no-common-codec"
    assert error.message == "no common video codec: the offer has VP8, VP9, AV1, we send H264"
    assert error.details == ["Firefox offers H264 only once its OpenH264 plugin is installed"]


VP8 = codecs.SourceTrack("video", "VP8", None, 0)


def test_a_firefox_without_its_plugin_gets_vp8_where_there_is_some() -> None:
    found = negotiate(load("firefox-153"), VIDEO, VP8, AUDIO)
    assert (found["video"].name, found["video"].payload_type) == ("VP8", 120)
    assert (found["video"].line, found["audio"].line) == ("vp8", "audio")
    assert found["video"].fmtp == ""
    assert found["video"].feedback == codecs.FEEDBACK


def test_who_has_h264_gets_that() -> None:
    found = negotiate(load("chromium-156"), VIDEO, VP8, AUDIO)
    assert (found["video"].name, found["video"].line) == ("H264", "video")


def test_who_has_neither_is_told_of_both() -> None:
    offer = swap(MINIMAL, "H264/90000", "AV1/90000")
    assert "we send H264 or VP8" in str(refusal(offer, VIDEO, VP8))


def test_a_firefox_without_its_plugin_hears_an_audio_source() -> None:
    found = negotiate(load("firefox-153"), AUDIO)
    assert found.keys() == {"audio"}
    assert found["audio"].payload_type == 109
    assert found["audio"].fmtp == "useinbandfec=1;stereo=1;sprop-stereo=1"


def test_video_goes_on_when_audio_has_no_common_codec() -> None:
    text = swap(load("chromium-156"), "opus/48000/2", "multiopus/48000/6")
    assert negotiate(text, *BOTH).keys() == {"video"}


def test_an_audio_source_without_opus_in_the_offer() -> None:
    text = swap(load("chromium-156"), "opus/48000/2", "multiopus/48000/6")
    error = refusal(text, AUDIO)
    assert error.reason == "no-common-codec"
    assert error.details == []
    assert "multiopus, G722, PCMU, PCMA, we send opus" in error.message


@pytest.mark.parametrize("rtpmap", ["opus/48000", "opus/48000/1", "opus/44100/2"])
def test_opus_is_always_48000_2(rtpmap: str) -> None:
    text = swap(load("chromium-156"), "opus/48000/2", rtpmap)
    assert refusal(text, AUDIO).reason == "no-common-codec"


def test_a_list_of_names_has_an_end() -> None:
    text = MINIMAL
    for number in range(20):
        text += f"a=rtpmap:{number} codec{number}/90000\r\n"
    text = swap(text, "SAVPF 102", "SAVPF " + " ".join(map(str, range(20))))
    assert refusal(text, VIDEO).message.count("codec") == 1 + codecs.MAX_NAMES


def audio_only(text: str) -> str:
    """Leave out the video section of an offer that begins with it."""
    start, _, audio = text.partition("m=video")
    return swap(start + "m=audio" + audio.partition("m=audio")[2], "BUNDLE 0 1", "BUNDLE 1")


def test_an_offer_for_audio_gets_audio() -> None:
    assert negotiate(audio_only(load("chromium-156")), *BOTH).keys() == {"audio"}


def test_an_offer_for_audio_is_nothing_for_a_silent_source() -> None:
    error = refusal(audio_only(load("chromium-156")), VIDEO)
    assert error.reason == "no-usable-media"


def test_a_second_video_section_stays_empty() -> None:
    text = load("chromium-156")
    section = "m=video" + text.partition("m=video")[2].partition("m=audio")[0]
    text = swap(text + swap(section, "a=mid:0", "a=mid:2"), "BUNDLE 0 1", "BUNDLE 0 1 2")
    found = codecs.negotiate(sdp.parse_offer(text), BOTH)
    assert [track.mid for track in found] == ["0", "1"]


def test_only_what_wants_to_receive_is_served() -> None:
    start, middle, audio = load("chromium-156").partition("m=audio")
    text = start + middle + swap(audio, "a=recvonly", "a=sendonly")
    assert negotiate(text, *BOTH).keys() == {"video"}


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
def test_an_offer_that_wants_nothing_is_malformed(direction: str) -> None:
    text = swap(load("chromium-156"), "a=recvonly", f"a={direction}")
    with pytest.raises(SdpError):
        negotiate(text, *BOTH)


@pytest.mark.parametrize("direction", ["a=sendrecv\r\n", ""])
def test_sendrecv_and_its_default_are_served(direction: str) -> None:
    text = swap(load("chromium-156"), "a=recvonly\r\n", direction)
    assert negotiate(text, *BOTH).keys() == {"video", "audio"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("m=video 9 UDP/TLS/RTP/SAVPF", "m=application 9 UDP/DTLS/SCTP"),
        ("m=video 9 UDP/TLS/RTP/SAVPF", "m=video 9 RTP/AVP"),
        ("m=video 9", "m=video 0"),
    ],
)
def test_an_offer_without_media(old: str, new: str) -> None:
    assert refusal(swap(MINIMAL, old, new), *BOTH).reason == "no-usable-media"


@pytest.mark.parametrize("group", ["", "a=group:BUNDLE 0\r\n", "a=group:LS 0 1\r\n"])
def test_sections_outside_the_bundle_are_refused(group: str) -> None:
    text = swap(load("chromium-156"), "a=group:BUNDLE 0 1\r\n", group)
    assert refusal(text, *BOTH).reason == "no-bundle"


def test_a_single_section_needs_neither_group_nor_mid() -> None:
    assert negotiate(MINIMAL, *BOTH)["video"].mid == ""


@pytest.mark.parametrize("setup", ["passive", "holdconn", "nonsense"])
def test_a_viewer_that_wants_to_be_the_server(setup: str) -> None:
    text = swap(load("chromium-156"), "a=setup:actpass", f"a=setup:{setup}")
    assert refusal(text, *BOTH).reason == "wrong-setup"


@pytest.mark.parametrize("setup", ["a=setup:active\r\n", ""])
def test_a_viewer_that_wants_to_be_the_client(setup: str) -> None:
    text = swap(load("chromium-156"), "a=setup:actpass\r\n", setup)
    assert negotiate(text, *BOTH).keys() == {"video", "audio"}


def test_rtcp_on_a_port_of_its_own_is_refused() -> None:
    assert refusal(drop(MINIMAL, "a=rtcp-mux"), VIDEO).reason == "no-rtcp-mux"


def test_two_ice_lite_sides_never_meet() -> None:
    text = swap(MINIMAL, "t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n")
    assert refusal(text, VIDEO).reason == "ice-lite"


def test_feedback_for_all_formats() -> None:
    text = MINIMAL + "a=rtcp-fb:* nack  pli\r\na=rtcp-fb:102 transport-cc\r\n"
    assert negotiate(text, VIDEO)["video"].feedback == ("nack pli",)


@pytest.mark.parametrize("value", ["10;x", "1 0", "-1", "9999", "٣", ""])
def test_only_numbers_are_mirrored_for_opus(value: str) -> None:
    text = swap(load("chromium-156"), "minptime=10;", f"minptime={value};")
    fmtp = negotiate(text, *BOTH)["audio"].fmtp
    assert fmtp in {
        "useinbandfec=1;stereo=1;sprop-stereo=1",
        "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1",
    }
    assert ("minptime" in fmtp) == value.startswith("10;")
