"""RTCP both ways: what browsers and FFmpeg send us, and what we send."""

import struct

import pytest
from aiortc import rtp as other

from daemon.errors import RtpError
from daemon.rtc import rtcp

# As FFmpeg 5.1 sent it with -ssrc 2222 before its first packet: no blocks, no description
FFMPEG_REPORT = bytes.fromhex("80c80006 000008ae eeaf4464 051eb851 b564c12e 00000000 00000000")


def test_ffmpeg_s_28_bytes() -> None:
    assert rtcp.parse(FFMPEG_REPORT) == [
        rtcp.SenderReport(
            ssrc=2222,
            ntp=0xEEAF4464051EB851,
            rtp_timestamp=0xB564C12E,
            packets=0,
            octets=0,
            reports=(),
        )
    ]


def test_a_receiver_report_of_another_stack() -> None:
    info = other.RtcpReceiverInfo(
        ssrc=7,
        fraction_lost=64,
        packets_lost=1000,
        highest_sequence=0x1FFFF,
        jitter=90,
        lsr=5,
        dlsr=6,
    )
    packet = bytes(other.RtcpRrPacket(ssrc=1, reports=[info]))
    block = rtcp.ReportBlock(7, 64, 1000, 0x1FFFF, 90, 5, 6)
    assert rtcp.parse(packet) == [rtcp.ReceiverReport(1, (block,))]


def test_negative_loss_counts_as_none() -> None:
    info = other.RtcpReceiverInfo(7, 0, -3, 0, 0, 0, 0)
    (report,) = rtcp.parse(bytes(other.RtcpRrPacket(ssrc=1, reports=[info])))
    assert isinstance(report, rtcp.ReceiverReport)
    assert report.reports[0].lost == 0


def test_a_sender_report_with_blocks() -> None:
    info = other.RtcpReceiverInfo(7, 1, 2, 3, 4, 5, 6)
    sender = other.RtcpSenderInfo(1 << 40, 8, 9, 10)
    (report,) = rtcp.parse(bytes(other.RtcpSrPacket(1, sender, [info])))
    block = rtcp.ReportBlock(7, 1, 2, 3, 4, 5, 6)
    assert report == rtcp.SenderReport(1, 1 << 40, 8, 9, 10, (block,))


def test_a_nack_of_another_stack() -> None:
    packet = bytes(other.RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=2, lost=[10, 12, 26, 90]))
    assert rtcp.parse(packet) == [rtcp.Nack(1, 2, (10, 12, 26, 90))]


def test_a_nack_asks_for_each_packet_once_and_wraps() -> None:
    entries = struct.pack("!HHHH", 0xFFFF, 0b11, 0, 0b1)
    packet = bytes(other.RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=2, fci=entries))
    packet = packet[:1] + b"\xcd" + packet[2:]
    assert rtcp.parse(packet) == [rtcp.Nack(1, 2, (0xFFFF, 0, 1))]


def test_a_nack_for_everything_is_cut() -> None:
    entries = b"".join(struct.pack("!HH", first, 0xFFFF) for first in range(0, 6000, 17))
    header = struct.pack("!BBHII", 0x81, 205, 2 + len(entries) // 4, 1, 2)
    (nack,) = rtcp.parse(header + entries)
    assert isinstance(nack, rtcp.Nack)
    assert nack.sequences == tuple(range(rtcp.MAX_SEQUENCES))


def test_pli_and_fir() -> None:
    pli = bytes(other.RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=2))
    entries = struct.pack("!IB3xIB3x", 2, 200, 3, 201)
    fir = bytes(other.RtcpPsfbPacket(fmt=4, ssrc=1, media_ssrc=0, fci=entries))
    assert rtcp.parse(pli + fir) == [
        rtcp.Pli(1, 2),
        rtcp.Fir(1, 2, 200),
        rtcp.Fir(1, 3, 201),
    ]


def test_a_fir_for_everyone_is_cut() -> None:
    fir = bytes(other.RtcpPsfbPacket(fmt=4, ssrc=1, media_ssrc=0, fci=bytes(8 * 100)))
    assert len(rtcp.parse(fir)) == rtcp.MAX_PACKETS


def test_bye_may_carry_a_reason() -> None:
    packet = struct.pack("!BBHII", 0x82, 203, 3, 5, 6) + b"\3end"
    assert rtcp.parse(packet) == [rtcp.Bye((5, 6))]


def test_the_receiver_s_clock_behind_another_block() -> None:
    statistics = struct.pack("!BBHI", 6, 0, 1, 99)
    clock = struct.pack("!BBHQ", 4, 0, 2, 0x0123456789ABCDEF)
    packet = struct.pack("!BBHI", 0x80, 207, 6, 77) + statistics + clock
    assert rtcp.parse(packet) == [rtcp.ReceiverReferenceTime(77, 0x0123456789ABCDEF)]


def test_what_we_do_not_use_is_skipped() -> None:
    estimate = bytes(other.RtcpPsfbPacket(fmt=15, ssrc=1, media_ssrc=0, fci=b"REMB\1\0\0\0"))
    congestion = struct.pack("!BBHIII", 0x8F, 205, 3, 1, 2, 3)
    application = struct.pack("!BBHI4s", 0x80, 204, 2, 1, b"name")
    unheard_of = struct.pack("!BBH", 0x80, 222, 0)
    pli = bytes(other.RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=2))
    compound = estimate + congestion + application + unheard_of + pli
    assert rtcp.parse(compound) == [rtcp.Pli(1, 2)]


def test_padding_is_stripped() -> None:
    packet = struct.pack("!BBHI", 0xA0, 201, 2, 9) + b"\0\0\0\4"
    assert rtcp.parse(packet) == [rtcp.ReceiverReport(9, ())]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\xc9\0\0",
        struct.pack("!BBHI", 0x40, 201, 1, 9),  # version 1
        struct.pack("!BBHI", 0x80, 201, 2, 9),  # longer than the datagram
        struct.pack("!BBHI", 0x80, 201, 1, 9) + b"\x80",  # half a header follows
        struct.pack("!BBHI", 0x81, 201, 1, 9),  # a block that is not there
        struct.pack("!BBHI", 0x80, 200, 1, 9),  # a sender report without its numbers
        struct.pack("!BBHI", 0x9F, 203, 1, 9),  # 31 sources, one is there
        struct.pack("!BBHI", 0x81, 205, 1, 9),  # feedback without a target
        struct.pack("!BBHI", 0x81, 206, 1, 9),
        struct.pack("!BBHIII", 0x84, 206, 3, 9, 0, 1),  # half a FIR entry
        struct.pack("!BBHIBBH", 0x80, 207, 2, 9, 4, 0, 2),  # a clock that is not there
        struct.pack("!BBHIBBHI", 0x80, 207, 3, 9, 4, 0, 1, 0),  # half a clock
        struct.pack("!BBHI", 0xA0, 201, 1, 0),  # padding of 0
        struct.pack("!BBHI", 0xA0, 201, 1, 8),  # padding larger than the packet
        struct.pack("!BBHI", 0xA0, 201, 1, 3),  # padding not of whole words
        struct.pack("!BBHI", 0xA0, 201, 0, 0),  # padding of an empty packet
    ],
)
def test_lengths_that_lie_are_refused(data: bytes) -> None:
    with pytest.raises(RtpError):
        rtcp.parse(data)


def test_a_compound_has_sixteen_packets_at_most() -> None:
    one = struct.pack("!BBHI", 0x80, 201, 1, 9)
    assert len(rtcp.parse(16 * one)) == 16
    with pytest.raises(RtpError):
        rtcp.parse(17 * one)


def test_a_compound_has_1500_bytes_at_most() -> None:
    def skipped(size: int) -> bytes:
        return struct.pack("!BBH", 0x80, 204, size // 4 - 1) + bytes(size - 4)

    assert rtcp.parse(skipped(1500)) == []
    with pytest.raises(RtpError):
        rtcp.parse(skipped(1504))


@pytest.mark.parametrize("cname", ["", "a", "ab", "abc", "abcd", "x" * 255])
def test_our_sender_report_as_another_stack_reads_it(cname: str) -> None:
    packet = rtcp.build_sender_report(7, 1 << 63, (1 << 32) + 5, (1 << 32) + 6, 8, cname)
    assert len(packet) % 4 == 0
    report, description = other.RtcpPacket.parse(packet)
    assert report == other.RtcpSrPacket(7, other.RtcpSenderInfo(1 << 63, 5, 6, 8), [])
    assert isinstance(description, other.RtcpSdesPacket)
    assert description.chunks == [other.RtcpSourceInfo(7, [(1, cname.encode())])]


def test_our_sender_report_as_we_read_it() -> None:
    packet = rtcp.build_sender_report(7, 1, 2, 3, 4, "name")
    assert rtcp.parse(packet) == [rtcp.SenderReport(7, 1, 2, 3, 4)]


def test_our_bye_as_another_stack_reads_it() -> None:
    assert other.RtcpPacket.parse(rtcp.build_bye([7, 9])) == [other.RtcpByePacket([7, 9])]
    assert rtcp.parse(rtcp.build_bye([7, 9])) == [rtcp.Bye((7, 9))]


def test_our_answer_to_the_receiver_s_clock() -> None:
    # RFC 3611 section 4.5: header, our SSRC, block type 5, reserved, words, entries
    assert rtcp.build_dlrr(1, [(2, 3, 4), (5, 6, 7)]) == bytes.fromhex(
        "80cf0008 00000001 05000006 000000020000000300000004 000000050000000600000007"
    )


def test_compact_ntp_is_the_middle() -> None:
    assert rtcp.compact_ntp(0x0123456789ABCDEF) == 0x456789AB
