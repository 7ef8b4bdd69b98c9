"""Offers and trickle fragments: what is read, and what is refused."""

import time

import pytest

from daemon.errors import SdpError
from daemon.rtc import sdp
from tests.unit.rtc.offers import MINIMAL, NAMES, drop, load, swap

PWD = "0123456789012345678901"


def refused(text: str) -> None:
    with pytest.raises(SdpError):
        sdp.parse_offer(text)


def transport(text: str) -> sdp.Transport:
    offer = sdp.parse_offer(text)
    return offer.transport_of([offer.media[0].mid])


def test_chromium() -> None:
    offer = sdp.parse_offer(load("chromium-156"))
    video, audio = offer.media
    assert offer.bundle == ("0", "1")
    assert not offer.is_ice_lite
    assert (video.kind, video.mid, video.direction) == ("video", "0", "recvonly")
    assert (audio.kind, audio.mid, audio.direction) == ("audio", "1", "recvonly")
    assert video.has_reduced_size_rtcp
    assert len(video.formats) == 34
    assert len(video.codecs) == 34
    assert video.codecs[14] == sdp.Codec(
        payload_type=108,
        name="H264",
        clock_rate=90_000,
        channels=1,
        parameters={
            "level-asymmetry-allowed": "1",
            "packetization-mode": "1",
            "profile-level-id": "42e01f",
        },
        feedback=("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"),
    )
    assert audio.codecs[0].channels == 2


def test_the_transport_of_chromium() -> None:
    found = transport(load("chromium-156"))
    assert (found.ufrag, found.pwd) == ("0R+F", "MTgbFAiaxfXnBhnnQKjcCN2b")
    assert found.setup == "actpass"
    assert found.has_rtcp_mux
    assert len(found.candidates) == 2
    ((name, digest),) = found.fingerprints
    assert name == "sha-256"
    assert digest.hex().startswith("e15fe44e91b2")


def test_firefox_says_much_at_the_session_level_and_in_its_own_order() -> None:
    offer = sdp.parse_offer(load("firefox-153"))
    video, audio = offer.media
    assert video.direction == "recvonly"  # not the session's sendrecv
    assert [codec.name for codec in video.codecs][:3] == ["VP8", "rtx", "VP9"]
    assert video.codecs[0].parameters == {"max-fs": "12288", "max-fr": "60"}
    assert "nack pli" in video.codecs[0].feedback
    assert audio.codecs[0].parameters["stereo"] == "1"
    assert not audio.has_reduced_size_rtcp
    found = offer.transport_of(["1"])
    assert found.ufrag == "d83c60d4"
    assert found.fingerprints[0][1].hex().startswith("714186d7")


def test_aiortc_has_three_fingerprints() -> None:
    found = transport(load("aiortc-1.16"))
    sizes = [(name, len(digest)) for name, digest in found.fingerprints]
    assert sizes == [("sha-256", 32), ("sha-384", 48), ("sha-512", 64)]


def test_a_bundle_only_section_shares_the_transport_of_the_first() -> None:
    offer = sdp.parse_offer(load("gstreamer-like"))
    video, audio = offer.media
    assert audio.is_open
    assert audio.transport == video.transport
    assert offer.transport_of(["audio1"]).ufrag == "k1vBnT8Yw0pQ+/Zs"


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_lines_in_a_section_does_not_matter(name: str) -> None:
    parts = load(name).split("m=")
    session = parts[0].split("\r\n", 4)
    turned = ["\r\n".join([*session[:4], *reversed(session[4].rstrip().split("\r\n")), ""])]
    for part in parts[1:]:
        first, *lines = part.rstrip("\r\n").split("\r\n")
        turned.append("\r\n".join([first, *reversed(lines), ""]))
    plain, other = sdp.parse_offer(load(name)), sdp.parse_offer("m=".join(turned))
    assert plain.bundle == other.bundle
    for ours, theirs in zip(plain.media, other.media, strict=True):
        assert (ours.mid, ours.direction, ours.formats) == (
            theirs.mid,
            theirs.direction,
            theirs.formats,
        )
        for codec, twin in zip(ours.codecs, theirs.codecs, strict=True):
            assert codec.parameters == twin.parameters
            assert set(codec.feedback) == set(twin.feedback)


@pytest.mark.parametrize("name", NAMES)
def test_bare_line_feeds_are_as_good(name: str) -> None:
    assert sdp.parse_offer(load(name).replace("\r\n", "\n")) == sdp.parse_offer(load(name))


def test_different_transports_follow_the_first_accepted_section() -> None:
    start, middle, audio = load("chromium-156").partition("m=audio")
    offer = sdp.parse_offer(start + middle + swap(audio, "0R+F", "audio"))
    assert offer.transport_of(["0", "1"]).ufrag == "0R+F"
    assert offer.transport_of(["1"]).ufrag == "audio"


def test_a_section_that_is_not_there_has_no_transport() -> None:
    with pytest.raises(SdpError):
        sdp.parse_offer(MINIMAL).transport_of(["1"])


def test_session_level_credentials_are_a_default() -> None:
    text = drop(drop(MINIMAL, "a=ice-ufrag"), "a=ice-pwd")
    text = swap(text, "t=0 0\r\n", f"t=0 0\r\na=ice-ufrag:sess\r\na=ice-pwd:{PWD}\r\n")
    assert transport(text).ufrag == "sess"


def test_unknown_hashes_are_left_out() -> None:
    text = swap(MINIMAL, "a=setup", "a=fingerprint:sha-1 00:11\r\na=setup")
    assert [name for name, _ in transport(text).fingerprints] == ["sha-256"]


def test_candidates_are_kept_as_text_up_to_a_bound() -> None:
    text = MINIMAL + "".join(f"a=candidate:{n} 1 udp 1 host.local 9\r\n" for n in range(500))
    found = transport(text).candidates
    assert len(found) == sdp.MAX_CANDIDATES
    assert found[0] == "0 1 udp 1 host.local 9"


def test_a_data_channel_is_a_section_without_codecs() -> None:
    lines = (
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\na=sctp-port:5000\r\n"
    )
    section = sdp.parse_offer(load("chromium-156") + lines).media[2]
    assert section.formats == ("webrtc-datachannel",)
    assert section.codecs == ()
    assert not section.is_media


def test_a_closed_section_needs_nothing() -> None:
    offer = sdp.parse_offer(MINIMAL + "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n")
    assert not offer.media[1].is_open
    assert not offer.media[1].is_usable


def test_the_bundle_leaves_out_what_is_closed_or_unknown() -> None:
    text = swap(load("chromium-156"), "m=audio 9", "m=audio 0")
    text = swap(text, "BUNDLE 0 1", "BUNDLE 7 0 0 1")
    assert sdp.parse_offer(text).bundle == ("0",)


@pytest.mark.parametrize("tail", ["", "\r\n\r\n"])
def test_the_last_line_end_may_vary(tail: str) -> None:
    assert sdp.parse_offer(MINIMAL.rstrip() + tail) == sdp.parse_offer(MINIMAL)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("v=0\r\n", ""),
        ("v=0", "v=1"),
        ("v=0", "v=00"),
        ("s=-\r\n", "s=-\r\n\r\n"),
        ("s=-", "s=\0"),
        ("s=-", "s=\x1b[2J"),
        ("s=-\r\n", "s=-\r"),
        ("s=-", "S=-"),
        ("s=-", "s -"),
        ("m=video 9", "m=video -9"),
        ("m=video 9", "m=video 999999"),
        ("m=video 9", "m=video \N{ARABIC-INDIC DIGIT NINE}"),
        ("m=video 9 UDP/TLS/RTP/SAVPF 102", "m=video 9 UDP/TLS/RTP/SAVPF"),
        ("m=video 9 UDP", "m=vi<deo 9 UDP"),
        ("UDP/TLS/RTP/SAVPF", "UDP\\TLS"),
        ("SAVPF 102", "SAVPF 102  103"),
        ("SAVPF 102", "SAVPF 128"),
        ("SAVPF 102", "SAVPF x"),
        ("a=ice-ufrag:abcd", "a=ice-ufrag:abc"),
        ("a=ice-ufrag:abcd", "a=ice-ufrag:abc_"),
        ("a=ice-ufrag:abcd", "a=ice-ufrag:" + 257 * "a"),
        ("a=ice-ufrag:abcd\r\n", ""),
        (f"a=ice-pwd:{PWD}\r\n", ""),
        (f"a=ice-ufrag:abcd\r\na=ice-pwd:{PWD}\r\n", ""),
        (PWD, PWD[1:]),
        (PWD, PWD[1:] + ":"),
        (PWD, 257 * "a"),
        ("a=fingerprint:sha-256", "a=fingerprint:sha-1"),
        ("a=fingerprint:sha-256", "a=fingerprint:sha-512"),
        ("AB:AB", "AB-AB"),
        ("AB:AB", "AG:AB"),
        ("a=setup", "a=mid:\N{SNOWMAN}\r\na=setup"),
        ("a=setup", "a=mid:a b\r\na=setup"),
        ("a=rtpmap:102 H264/90000", "a=rtpmap:102 H264"),
        ("a=rtpmap:102 H264/90000", "a=rtpmap:H264/90000"),
        ("a=rtpmap:102 H264/90000", "a=rtpmap:102 H264/9000000"),
        ("a=rtpmap:102 H264/90000", "a=rtpmap:102 <b>/90000"),
        ("a=rtpmap:102 H264/90000", "a=rtpmap"),
    ],
)
def test_broken_offers_are_refused(old: str, new: str) -> None:
    sdp.parse_offer(MINIMAL)
    refused(swap(MINIMAL, old, new))


@pytest.mark.parametrize("text", ["", "\r\n", "v=0", "v=0\r\n", "v=0\r\ns=-\r\n", "<html>"])
def test_what_is_no_offer_at_all(text: str) -> None:
    refused(text)


def test_no_fingerprint() -> None:
    refused(drop(MINIMAL, "a=fingerprint"))


def test_the_same_mid_twice() -> None:
    refused(swap(load("chromium-156"), "a=mid:1", "a=mid:0"))


def with_lines(count: int, size: int = 3) -> str:
    have = MINIMAL.count("\r\n")
    return MINIMAL + (count - have) * ("a=" + (size - 2) * "x" + "\r\n")


def test_limits_of_lines() -> None:
    sdp.parse_offer(with_lines(1000))
    refused(with_lines(1001))
    sdp.parse_offer(MINIMAL + "a=" + 2046 * "x" + "\r\n")
    refused(MINIMAL + "a=" + 2047 * "x" + "\r\n")
    refused(MINIMAL + "a=" + 1024 * "\N{LATIN SMALL LETTER U WITH DIAERESIS}" + "\r\n")


def test_limits_of_bytes() -> None:
    body = MINIMAL + 32 * ("a=" + 2000 * "x" + "\r\n")
    rest = 64 * 1024 - len(body)
    sdp.parse_offer(body + "a=" + (rest - 4) * "x" + "\r\n")
    refused(body + "a=" + (rest - 3) * "x" + "\r\n")
    refused(MINIMAL + 40 * ("a=" + 900 * "\N{SNOWMAN}" + "\r\n"))


def test_limits_of_sections() -> None:
    closed = "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n"
    sdp.parse_offer(MINIMAL + 7 * closed)
    refused(MINIMAL + 8 * closed)


def test_the_largest_offer_is_read_quickly() -> None:
    """V3 asks for 5 ms; what grows with the square of the length takes seconds."""
    lines = [f"a=rtpmap:{n % 128} {'x' * 48}/90000\r\n" for n in range(980)]
    text = MINIMAL + "".join(lines)[: 64 * 1024 - len(MINIMAL)].rpartition("\r\n")[0]
    start = time.process_time()
    sdp.parse_offer(text)
    assert time.process_time() - start < 0.5


FRAGMENT = """a=group:BUNDLE 0 1
m=audio 9 UDP/TLS/RTP/SAVPF 111
a=mid:0
a=ice-ufrag:EsAw
a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1
a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw
a=candidate:473322822 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active generation 0
a=end-of-candidates
""".replace("\n", "\r\n")


def test_a_fragment() -> None:
    fragment = sdp.parse_fragment(FRAGMENT)
    assert (fragment.ufrag, fragment.pwd) == ("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1")
    assert len(fragment.candidates) == 2
    assert fragment.candidates[0].startswith("1387637174 1 udp 2122260223 192.0.2.1 61764")
    assert fragment.is_complete


def test_a_fragment_may_have_its_credentials_at_the_top() -> None:
    text = f"a=ice-ufrag:abcd\r\na=ice-pwd:{PWD}\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n"
    assert sdp.parse_fragment(text) == sdp.Fragment("abcd", PWD, (), is_complete=False)


def test_a_fragment_without_credentials() -> None:
    text = drop(drop(FRAGMENT, "a=ice-ufrag"), "a=ice-pwd")
    fragment = sdp.parse_fragment(text)
    assert (fragment.ufrag, fragment.pwd) == (None, None)
    assert fragment.is_complete


def test_a_fragment_has_sixteen_candidates_at_most() -> None:
    text = FRAGMENT + 60 * "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"
    assert len(sdp.parse_fragment(text).candidates) == sdp.MAX_CANDIDATES


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\r\n",
        "m=audio 9 RTP/AVP 0\r\n",
        '{"candidate": ""}',
        drop(FRAGMENT, "a=ice-pwd"),
        swap(FRAGMENT, "EsAw", "E"),
        FRAGMENT + 9 * "m=audio 9 RTP/AVP 0\r\n",
        FRAGMENT + "a=\0\r\n",
    ],
)
def test_broken_fragments_are_refused(text: str) -> None:
    with pytest.raises(SdpError):
        sdp.parse_fragment(text)
