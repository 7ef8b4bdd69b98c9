"""Peer: one viewer's connection from the offer to the end, over made-up datagrams and time."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL

from daemon.rtc import rtcp
from daemon.rtc.feedback import MAX_ASKED
from daemon.rtc.ice import Credentials
from daemon.rtc.peer import (
    Closed,
    Connected,
    State,
)
from tests.fakes.viewer import Identity, Viewer
from tests.unit.rtc.pair import (
    HOME,
    KEYFRAME,
    ROAMED,
    Pair,
)


@pytest.mark.parametrize("profile", [b"SRTP_AEAD_AES_128_GCM", b"SRTP_AES128_CM_SHA1_80"])
def test_media_arrives_at_a_real_srtp_receiver(profile: bytes) -> None:
    pair = Pair(Viewer(profile=profile, kinds=("video",))).connect()
    pair.send(1, 3, is_keyframe=True)
    got = pair.viewer.packets
    assert [(one.sequence, one.ssrc, one.payload_type, one.marker) for one in got] == [
        (100, 7, 102, False),
        (101, 7, 102, False),
        (102, 7, 102, True),
    ]
    assert [one.payload for one in got] == [KEYFRAME] * 3
    assert pair.events == [Connected(pair.events[0].profile)]  # type: ignore[union-attr]


def test_no_media_flows_before_the_handshake() -> None:
    pair = Pair()
    pair.give(pair.viewer.check())
    assert pair.peer.media_address is None
    pair.send(1, 1, is_keyframe=True)
    assert pair.viewer.packets == []


def test_dtls_from_an_unproven_address_gets_no_answer() -> None:
    pair = Pair()
    pair.viewer.start_dtls()
    hello = pair.viewer.poll_transmit()
    assert hello is not None
    pair.give(hello)
    pair.give(pair.viewer.check())
    pair.sent.clear()
    pair.give(hello, ROAMED)
    assert pair.sent == []
    assert pair.peer.dropped == {"unproven_address": 2}


def test_a_handshake_may_begin_before_the_nomination_and_settles_the_address() -> None:
    pair = Pair()
    pair.give(pair.viewer.check(nominate=False))
    assert pair.peer.media_address is None
    pair.viewer.start_dtls()
    pair.settle()
    assert pair.peer.state is State.CONNECTED
    assert pair.peer.media_address == HOME


def test_a_nomination_with_a_forged_source_gets_no_media() -> None:
    pair = Pair()
    pair.give(pair.viewer.check(), ROAMED)  # the victim's address, which never answers
    pair.give(pair.viewer.check(nominate=False))
    pair.viewer.start_dtls()
    pair.settle()
    assert pair.peer.state is State.CONNECTED
    assert pair.peer.media_address == HOME
    pair.now = 5.0
    pair.give(pair.viewer.check(), ROAMED)
    assert pair.peer.media_address == HOME


def test_a_flight_with_a_forged_source_proves_no_address() -> None:
    pair = Pair()
    pair.give(pair.viewer.check())
    pair.give(pair.viewer.check(nominate=False), ROAMED)
    pair.viewer.start_dtls()
    hello = pair.viewer.poll_transmit()
    assert hello is not None
    pair.give(hello)
    forged = pair.viewer.poll_transmit() or hello
    pair.sent.clear()
    pair.give(forged, ROAMED)
    assert [address for _, address in pair.sent if address == ROAMED] == []
    assert pair.peer.media_address in (None, HOME)


def test_numbers_that_a_viewer_asks_for_are_bounded_each_second() -> None:
    pair = Pair().connect()
    pair.send(1, 10, is_keyframe=True)
    for _ in range(20):
        pair.give(pair.viewer.nack(7, *range(20_000, 20_300)))
    assert pair.peer.tracks["video"].unanswered_nacks == MAX_ASKED


def test_a_check_with_the_wrong_password_gets_no_answer() -> None:
    pair = Pair()
    pair.give(pair.viewer.check(pwd="w" * 24))
    assert pair.sent == []
    assert not pair.peer.is_valid(HOME)


def test_a_viewer_with_another_certificate_is_refused() -> None:
    pair = Pair(Viewer(kinds=("video",), identity=Identity.generate()))
    pair.give(pair.viewer.check())
    pair.viewer.start_dtls()
    with pytest.raises(SSL.Error):  # our alert
        pair.settle()
    while (event := pair.peer.poll_event()) is not None:
        pair.events.append(event)
    assert isinstance(pair.events[-1], Closed)
    assert pair.peer.media_address is None


def test_without_any_check_the_peer_ends_in_time() -> None:
    pair = Pair()
    assert pair.peer.next_timeout() == 10.0
    pair.advance(10.0)
    assert [event.reason for event in pair.events if isinstance(event, Closed)] == [
        "ice-timeout"
    ]
    assert pair.peer.next_timeout() is None


def test_a_silent_handshake_ends_in_time() -> None:
    pair = Pair()
    pair.give(pair.viewer.check())
    for _ in range(50):
        due = pair.peer.next_timeout()
        if due is None:
            break
        pair.advance(due)
    assert pair.now <= 20.0
    assert pair.peer.state is State.CLOSED


def test_a_viewer_who_vanishes_is_gone_after_thirty_seconds() -> None:
    pair = Pair().connect()
    for _ in range(100):
        due = pair.peer.next_timeout()
        if due is None:
            break
        pair.advance(due)
    assert [event.reason for event in pair.events if isinstance(event, Closed)] == ["vanished"]
    assert 30.0 <= pair.now <= 35.0


def test_reports_keep_a_viewer_alive_without_checks() -> None:
    pair = Pair().connect()
    for second in range(1, 61):
        pair.now = float(second)
        pair.give(pair.viewer.protect_rtcp(b""))
        pair.advance(float(second))
    assert pair.peer.state is State.CONNECTED


def test_a_lost_packet_is_sent_again() -> None:
    pair = Pair().connect()
    pair.wire = lambda data: data[2:4] != (101).to_bytes(2, "big")
    pair.send(1, 3, is_keyframe=True)
    assert [one.sequence for one in pair.viewer.packets] == [100, 102]
    pair.wire = lambda _: True
    pair.give(pair.viewer.nack(7, 101))
    assert [one.sequence for one in pair.viewer.packets] == [100, 102, 101]
    assert pair.viewer.packets[-1].payload == KEYFRAME


def test_one_nack_for_everything_buys_no_flood() -> None:
    pair = Pair().connect()
    for first in range(1, 101, 10):
        pair.send(first, 10, is_keyframe=True)
    pair.sent.clear()
    pair.give(pair.viewer.nack(7, *(100 + place % 100 for place in range(300))))
    assert 0 < len(pair.sent) <= 30


def test_a_nack_for_what_was_never_sent_is_counted_and_no_more() -> None:
    pair = Pair().connect()
    pair.send(1, 2, is_keyframe=True)
    pair.sent.clear()
    pair.give(pair.viewer.nack(7, 99, 5000))
    pair.give(pair.viewer.nack(8, 100))
    assert pair.sent == []
    assert pair.peer.tracks["video"].unanswered_nacks == 2


def test_sender_reports_name_one_clock_and_what_was_sent() -> None:
    pair = Pair().connect()
    pair.send(1, 3, is_keyframe=True)
    assert pair.peer.needs_first_report("video")
    pair.peer.request_reports(2.0)
    pair.settle()
    assert not pair.peer.needs_first_report("video")
    report = pair.viewer.reports[0]
    assert isinstance(report, rtcp.SenderReport)
    assert (report.packets, report.octets, report.rtp_timestamp) == (3, 3000, 180_000)


def receiver_report(pair: Pair) -> bytes:
    """Report a loss of a quarter, and a sender report of 550 ms ago that was held for 500."""
    lsr = rtcp.compact_ntp(pair.setup.ntp(pair.now)) - int(0.55 * 65536)
    block = (7).to_bytes(4, "big") + bytes([64]) + (5).to_bytes(3, "big") + bytes(4)
    block += (900).to_bytes(4, "big") + lsr.to_bytes(4, "big") + (32768).to_bytes(4, "big")
    header = bytes([0x81, 201, 0, 7]) + (1).to_bytes(4, "big")
    return pair.viewer.protect_rtcp(header + block)


@pytest.mark.parametrize(("is_prompt", "seconds"), [(True, 0.05), (False, None)])
def test_a_receiver_report_tells_the_round_trip_time_unless_it_waited_here(
    is_prompt: bool, seconds: float | None
) -> None:
    pair = Pair().connect()
    pair.send(1, 1, is_keyframe=True)
    pair.now = 10.0
    pair.peer.receive_rtcp(receiver_report(pair), pair.now, is_prompt)
    feedback = pair.peer.feedback
    assert feedback is not None
    assert feedback.rtt_seconds == (seconds and pytest.approx(seconds, abs=0.001))
    quality = feedback.quality["video"]
    assert (quality.lost, quality.fraction_lost, quality.jitter_seconds) == (5, 0.25, 0.01)


def test_the_server_says_goodbye() -> None:
    pair = Pair().connect()
    pair.peer.close("process-stop", 1.0)
    pair.settle()
    assert pair.viewer.is_closed
    assert pair.events[-1] == Closed("process-stop")
    assert any(isinstance(one, rtcp.Bye) for one in pair.viewer.reports)


def test_the_viewer_says_goodbye() -> None:
    pair = Pair().connect()
    pair.viewer.close()
    pair.settle()
    assert isinstance(pair.events[-1], Closed)
    assert pair.peer.state is State.CLOSED


def test_media_moves_to_a_new_address_only_when_our_check_came_back() -> None:
    pair = Pair().connect()
    pair.now = 5.0
    pair.sent.clear()
    pair.give(pair.viewer.check(), ROAMED)  # a forged source: nobody there answers our check
    assert pair.peer.media_address == HOME
    pair.home = ROAMED  # now the viewer is really there
    pair.give(pair.viewer.check(), ROAMED)
    for _ in range(10):
        due = pair.peer.next_timeout()
        assert due is not None
        pair.advance(due)
        if pair.peer.media_address == ROAMED:
            break
    assert pair.peer.media_address == ROAMED


def test_an_ice_restart_keeps_the_session() -> None:
    pair = Pair().connect()
    fresh = Credentials("new1", "n" * 24)
    pair.peer.receive_restart(fresh, Credentials("vie2", "b" * 24), 3.0)
    assert pair.peer.media_address == HOME
    pair.viewer = replace_credentials(pair.viewer, fresh)
    pair.now = 3.1
    pair.give(pair.viewer.check())
    assert pair.peer.state is State.CONNECTED
    assert pair.peer.media_address == HOME


def replace_credentials(viewer: Viewer, server: Credentials) -> Viewer:
    viewer.ufrag, viewer.pwd = "vie2", "b" * 24
    viewer._answer = replace(viewer._answer, ufrag=server.ufrag, pwd=server.pwd)
    return viewer


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=1600), address=st.sampled_from([HOME, ROAMED]))
def test_no_datagram_ends_a_connected_viewer(data: bytes, address: tuple[str, int]) -> None:
    pair = CONNECTED
    pair.peer.receive_datagram(data, address, pair.now)
    assert pair.peer.state is State.CONNECTED


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80",
        b"\x80" + bytes(1600),
        b"\x80\xc8" + bytes(30),
        b"\x15\xfe\xfd" + bytes(8) + b"\x00\x02\x02\x28",  # a fatal alert in clear
        b"\x15\xfe\xfd" + bytes(8) + b"\x00\x02\x01\x00",  # close_notify in clear
        b"\x14\xfe\xfd" + bytes(8) + b"\x00\x01\x01",
        b"\x16\xfe\xfd" + bytes(8) + b"\xff\xff" + bytes(1400),
    ],
)
def test_forged_datagrams_from_the_viewers_own_address_do_nothing(data: bytes) -> None:
    pair = Pair().connect()
    pair.give(data)
    pair.send(1, 1, is_keyframe=True)
    assert pair.peer.state is State.CONNECTED
    assert len(pair.viewer.packets) == 1


CONNECTED = Pair().connect()
