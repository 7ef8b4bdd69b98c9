"""RTP packets as FFmpeg sends them, and broken ones."""

import pytest
from aiortc.rtp import RtpPacket
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import RtpError
from daemon.rtc import rtp

PLAIN = bytes.fromhex("80e0 fffe 00000bb8 000004d2") + b"payload"


def test_a_plain_packet() -> None:
    assert rtp.parse(PLAIN) == rtp.Packet(
        payload_type=96,
        marker=True,
        sequence=0xFFFE,
        timestamp=3000,
        ssrc=1234,
        payload=b"payload",
    )


def test_no_marker() -> None:
    assert not rtp.parse(bytes.fromhex("8060") + PLAIN[2:]).marker


def test_padding_is_stripped() -> None:
    packet = rtp.parse(b"\xa0" + PLAIN[1:] + b"\0\0\0\4")
    assert packet.payload == b"payload"


def test_a_packet_of_padding_only_has_no_payload() -> None:
    assert rtp.parse(b"\xa0" + PLAIN[1:12] + b"\0\0\3").payload == b""


def test_extension_and_contributing_sources_are_stripped() -> None:
    extension = bytes.fromhex("bede0001 10ff0000")
    packet = rtp.parse(b"\x92" + PLAIN[1:12] + bytes(8) + extension + b"media")
    assert packet.payload == b"media"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        PLAIN[:11],
        b"\x40" + PLAIN[1:],  # version 1
        b"\x8f" + PLAIN[1:],  # 15 contributing sources, 7 bytes
        b"\x90" + PLAIN[1:15],  # the extension's header is cut off
        b"\x90" + PLAIN[1:12] + b"\xbe\xde\xff\xff",  # the extension is too long
        b"\xa0" + PLAIN[1:12] + b"media\0",  # padding of 0
        b"\xa0" + PLAIN[1:12] + b"media\x07",  # padding beyond the header
        b"\xa0" + PLAIN[1:12],  # padding is announced, but the last byte is the header's
    ],
)
def test_lengths_that_point_outside_are_refused(data: bytes) -> None:
    with pytest.raises(RtpError):
        rtp.parse(data)


@given(
    payload_type=st.integers(0, 127),
    marker=st.integers(0, 1),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=40),
    padding=st.integers(0, 255),
    sources=st.lists(st.integers(0, 0xFFFFFFFF), max_size=15),
)
def test_another_stack_s_packets_are_read_alike(
    payload_type: int,
    marker: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    payload: bytes,
    padding: int,
    sources: list[int],
) -> None:
    theirs = RtpPacket(payload_type, marker, sequence, timestamp, ssrc, payload)
    theirs.padding_size = padding
    theirs.csrc = sources
    ours = rtp.Packet(payload_type, bool(marker), sequence, timestamp, ssrc, payload)
    assert rtp.parse(theirs.serialize()) == ours
