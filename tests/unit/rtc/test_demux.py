"""demux: each first byte has one reader, and everything else none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.rtc.demux import Kind, classify, normalise


def _datagram(first: int, second: int = 0, size: int = 40) -> bytes:
    return bytes((first, second)).ljust(size, b"\0")


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        (0, 1, Kind.STUN),
        (3, 0, Kind.STUN),
        (4, 0, None),
        (19, 0, None),
        (20, 0xFE, Kind.DTLS),
        (63, 0xFE, Kind.DTLS),
        (64, 0, None),  # TURN channels: not ours
        (127, 0, None),
        (128, 96, Kind.RTP),
        (128, 96 | 128, Kind.RTP),  # the marker bit: 224
        (128, 191, Kind.RTP),
        (128, 192, Kind.RTCP),
        (129, 200, Kind.RTCP),
        (191, 223, Kind.RTCP),
        (191, 224, Kind.RTP),
        (192, 0, None),
        (255, 0, None),
    ],
)
def test_the_first_bytes_choose_the_reader(first: int, second: int, kind: Kind | None) -> None:
    assert classify(_datagram(first, second)) is kind


@pytest.mark.parametrize(
    ("first", "second", "least", "kind"),
    [
        (0, 1, 20, Kind.STUN),
        (22, 0xFE, 13, Kind.DTLS),
        (128, 96, 12, Kind.RTP),
        (128, 200, 8, Kind.RTCP),
    ],
)
def test_a_datagram_without_room_for_its_header_is_nobodys(
    first: int, second: int, least: int, kind: Kind
) -> None:
    assert classify(_datagram(first, second, least)) is kind
    assert classify(_datagram(first, second, least - 1)) is None


@given(st.binary(max_size=64))
def test_any_bytes_are_somebodys_or_nobodys(data: bytes) -> None:
    kind = classify(data)
    assert kind is None or len(data) >= 8


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("::ffff:0:7", "::ffff:0:7"),
    ],
)
def test_an_ipv4_peer_is_written_in_one_way(host: str, expected: str) -> None:
    assert normalise(host, 5000) == (expected, 5000)
