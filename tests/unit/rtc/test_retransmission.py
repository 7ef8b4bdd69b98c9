"""Retransmission, clocks and header extensions: what a viewer negotiated beyond the media."""

import struct
from collections.abc import Mapping
from dataclasses import replace

import pytest

from daemon.rtc import answer, codecs, extension, rtcp, sdp
from daemon.rtc.fanout import Burst, Fanout
from daemon.rtc.peer import KeyframeWanted
from daemon.rtc.srtp import Outbound, Profile, SessionKeys
from daemon.rtc.track import OutgoingTrack
from tests.fakes.delivery import datagrams
from tests.unit.rtc.offers import load
from tests.unit.rtc.pair import KEYFRAME, VIDEO, Pair

SOURCES = (
    codecs.SourceTrack("video", "H264", "42c01f", 0),
    codecs.SourceTrack("audio", "opus", None, 2),
)
WITH_RTX = replace(VIDEO, rtx_payload_type=103)
IDS = {extension.PLAYOUT_DELAY: 5, extension.CAPTURE_TIME: 13}
EXTENDED = replace(WITH_RTX, extensions=tuple(IDS.items()))
KEYS = SessionKeys(Profile.AEAD_AES_128_GCM, b"k" * 16, b"s" * 12, b"r" * 16, b"t" * 12)


def track(media: codecs.NegotiatedTrack) -> OutgoingTrack:
    return OutgoingTrack(media, Outbound(KEYS), ssrc=7, first_sequence=0, timestamp_offset=0)


def test_a_lost_packet_comes_again_in_a_stream_of_its_own() -> None:
    pair = Pair(media=WITH_RTX).connect()
    pair.wire = lambda data: data[2:4] != (101).to_bytes(2, "big")
    pair.send(1, 3, is_keyframe=True)
    pair.wire = lambda _: True
    for now in (0.1, 0.2):
        pair.now = now
        pair.give(pair.viewer.nack(7, 101))
    again = pair.viewer.packets[2:]
    assert [(one.ssrc, one.payload_type, one.sequence) for one in again] == [
        (70, 103, 900),
        (70, 103, 901),
    ]
    for one in again:
        assert one.payload == struct.pack("!H", 101) + KEYFRAME
        assert one.timestamp == 3000
    assert pair.viewer.refused == 0
    assert pair.peer.tracks["video"].resent == 2


def test_with_extensions_and_without_rtx_nothing_is_ever_sent_twice() -> None:
    # the resend would lack the extension: other bytes under one nonce give the key away
    bare = replace(EXTENDED, rtx_payload_type=None)
    assert track(bare).extension == 0, "with NACK, resends win over extensions"
    deaf = track(replace(bare, feedback=()))
    assert deaf.extension == extension.shape(IDS)
    assert not deaf.can_send_again
    assert track(EXTENDED).can_send_again


def test_a_picture_loss_is_told_once_a_compound() -> None:
    pair = Pair().connect()
    pli = struct.pack("!BBHII", 0x81, 206, 2, 1, 7)
    pair.give(pair.viewer.protect_rtcp(pli + pli))
    pair.give(pair.viewer.protect_rtcp(struct.pack("!BBHII", 0x81, 206, 2, 1, 8)))
    assert [one for one in pair.events if isinstance(one, KeyframeWanted)] == [
        KeyframeWanted("video")
    ]
    assert pair.peer.tracks["video"].plis == 2


def test_a_viewer_s_clock_comes_back_with_the_next_report() -> None:
    pair = Pair().connect()
    pair.send(1, 1, is_keyframe=True)
    reference = struct.pack("!BBHIBBHQ", 0x80, 207, 4, 9, 4, 0, 2, 0x11223344_55667788)
    pair.give(pair.viewer.protect_rtcp(reference))
    pair.now = 0.5
    reports: list[bytes] = []
    inbound = pair.viewer._inbound
    assert inbound is not None
    receive = pair.viewer._receive_media

    def note(kind: object, data: bytes) -> None:
        if data[1] == 200:
            reports.append(inbound.unprotect_rtcp(data))
        else:
            receive(kind, data)  # type: ignore[arg-type]

    pair.viewer._receive_media = note  # type: ignore[method-assign]
    pair.peer.request_reports(0.5)
    pair.settle()
    pair.peer.request_reports(0.6)
    pair.settle()
    first, second = reports
    wanted = struct.pack("!BBHI", 0x80, 207, 5, 7) + struct.pack(
        "!BBHIII", 5, 0, 3, 9, 0x33445566, 32768
    )
    assert first.endswith(wanted)
    assert len(second) == len(first) - len(wanted), "answered once"
    assert isinstance(rtcp.parse(second)[0], rtcp.SenderReport)


def test_browsers_offer_what_we_serve_and_get_their_own_numbers() -> None:
    offer = sdp.parse_offer(load("chromium-156"))
    found = codecs.negotiate(offer, SOURCES)
    video = next(one for one in found if one.kind == "video")
    audio = next(one for one in found if one.kind == "audio")
    assert video.rtx_payload_type is not None
    assert dict(video.extensions) == {extension.PLAYOUT_DELAY: 5}
    assert audio.rtx_payload_type is None
    assert video.has_reference_times
    local = answer.LocalDescription(
        credentials=_Credentials(),
        fingerprint="sha-256 00",
        candidates=(),
        session_id=1,
        cname="c",
        stream_id="s",
        ssrcs={video.mid: 11, audio.mid: 12},
        rtx_ssrcs={video.mid: 21, audio.mid: 22},
    )
    text = answer.build_answer(offer, found, local)
    for line in (
        f"a=rtpmap:{video.rtx_payload_type} rtx/90000",
        f"a=fmtp:{video.rtx_payload_type} apt={video.payload_type}",
        "a=ssrc-group:FID 11 21",
        "a=ssrc:21 cname:c",
        f"a=extmap:5 {extension.PLAYOUT_DELAY}",
        "a=rtcp-xr:rcvr-rtt=all",
    ):
        assert text.count(f"\r\n{line}\r\n") >= 1, line
    media = next(line for line in text.split("\r\n") if line.startswith("m=video"))
    assert media.split(" ")[3:] == [str(video.payload_type), str(video.rtx_payload_type)]
    assert "a=ssrc:22" not in text


class _Credentials:
    ufrag = "ours"
    pwd = "ourpasswordourpassword"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("5 urn:x", (("urn:x", 5),)),
        ("5/recvonly urn:x some words", (("urn:x", 5),)),
        ("5/sendonly urn:x", ()),
        ("15 urn:x", ()),
        ("0 urn:x", ()),
        ("5", ()),
        ("5 " + "x" * 300, ()),
    ],
)
def test_extensions_are_read_within_their_bounds(
    line: str, wanted: tuple[tuple[str, int], ...]
) -> None:
    text = load("chromium-156")
    kept = [one for one in text.split("\r\n") if not one.startswith("a=extmap")]
    place = next(at for at, one in enumerate(kept) if one.startswith("m=video"))
    kept.insert(place + 2, f"a=extmap:{line}")
    offer = sdp.parse_offer("\r\n".join(kept))
    assert next(one for one in offer.media if one.kind == "video").extensions == wanted


def test_blocks_are_as_rfc_8285_has_them() -> None:
    shape = extension.shape(IDS)
    assert extension.build_delay(shape, (0.0, 10.0)) == bytes.fromhex("bede0001520003e8")
    assert extension.build_capture(shape, 0x0102030405060708) == bytes.fromhex(
        "bede0003d70102030405060708000000"
    )
    none: Mapping[str, int] = {}
    assert extension.build_capture(extension.shape(none), 1) == b""


def test_a_burst_s_extension_goes_to_those_who_negotiated_it() -> None:
    to = Fanout()
    for port, media in ((1, EXTENDED), (2, WITH_RTX)):
        one = track(media)
        one.address = ("10.0.0.1", port)
        to.wait(one)
    block = extension.build_delay(extension.shape(IDS), extension.NO_DELAY)
    burst = Burst("video", [(1, 0, 128, b"frame")], True, 0.0, {extension.shape(IDS): block})
    sent = {address[1]: data for address, data in datagrams(to.begin(burst)[0])}
    assert sent[1][0] == 0x90
    assert sent[1][12 : 12 + len(block)] == block
    assert sent[2][0] == 0x80
    assert len(sent[1]) == len(sent[2]) + len(block)
