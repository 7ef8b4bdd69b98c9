"""Any datagram: the parsers of RTP and RTCP give a value or RtpError (FZ3, FZ5)."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import RtpError
from daemon.rtc import h264, rtcp, rtp

# Headers that are right, so that the bodies are reached
rtcp_packets = st.builds(
    lambda flags, kind, body, lie: (
        struct.pack("!BBH", 0x80 | flags, kind, max(0, len(body) + lie)) + b"".join(body)
    ),
    flags=st.integers(0, 63),
    kind=st.sampled_from([200, 201, 202, 203, 204, 205, 206, 207, 192, 223]),
    body=st.lists(st.binary(min_size=4, max_size=4), max_size=12),
    lie=st.sampled_from([0, 0, 0, 0, 0, 0, -1, 1, 9000]),
)

SPS = bytes.fromhex("67640028acd940780227e5c044000003000400000300c83c60c658")
nals = st.one_of(
    st.binary(max_size=12),
    st.binary(max_size=40).map(lambda tail: b"\x67\x64\0\x28" + tail),
    st.integers(0, len(SPS)).map(lambda cut: SPS[:cut]),
)
payloads = st.one_of(
    st.binary(max_size=60),
    nals,
    st.lists(nals, max_size=4).map(
        lambda parts: b"\x78" + b"".join(len(one).to_bytes(2) + one for one in parts)
    ),
    st.binary(max_size=20).map(lambda tail: b"\x7c" + tail),
)


@given(st.binary(max_size=80))
def test_any_bytes_as_rtp(data: bytes) -> None:
    try:
        packet = rtp.parse(data)
    except RtpError:
        return
    assert packet.payload in data
    assert 0 <= packet.payload_type < 128


@given(st.one_of(st.binary(max_size=80), st.lists(rtcp_packets, max_size=20).map(b"".join)))
def test_any_bytes_as_rtcp(data: bytes) -> None:
    try:
        packets = rtcp.parse(data)
    except RtpError:
        return
    for packet in packets:
        if isinstance(packet, rtcp.Nack):
            assert len(set(packet.sequences)) == len(packet.sequences) <= rtcp.MAX_SEQUENCES
            assert all(0 <= one <= 0xFFFF for one in packet.sequences)
        if isinstance(packet, rtcp.SenderReport | rtcp.ReceiverReport):
            assert len(packet.reports) <= 31
            assert all(0 <= one.lost <= rtcp.MAX_LOST for one in packet.reports)


@given(payloads)
def test_any_payload_as_h264(payload: bytes) -> None:
    sps = h264.find_sps(h264.nal_units([payload]))
    if sps is not None:
        assert h264.is_keyframe_start(payload)
        assert 0 < sps.width <= h264.MAX_SIZE
        assert 0 < sps.height <= h264.MAX_SIZE
        assert len(sps.profile_level_id) == 6


@given(st.lists(payloads, max_size=12))
def test_any_payloads_as_a_picture(parts: list[bytes]) -> None:
    stream = h264.annex_b(h264.nal_units(parts))
    assert not stream or stream.startswith(b"\0\0\0\1")
    # a start code of four bytes stands for at least one of a header or of a length
    assert len(stream) <= 5 * sum(map(len, parts))
