"""RTCP: reports, feedback and BYE, read and written (RFC 3550, 3611, 4585, 5104, 5506).

``parse`` is total: any bytes give a list or RtpError. Types that we don't use are skipped, so
that a browser may add some. A compound need not start with a report (RFC 5506).
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from daemon.errors import RtpError

MAX_BYTES = 1500
MAX_PACKETS = 16  # per compound; browsers send about 4
MAX_SEQUENCES = 512  # in one NACK; about a second of video at 5 Mbit/s
MAX_LOST = 0x7FFFFF  # of a signed 24-bit field

_SENDER_REPORT, _RECEIVER_REPORT, _DESCRIPTION, _BYE = 200, 201, 202, 203
_TRANSPORT_FEEDBACK, _PAYLOAD_FEEDBACK, _EXTENDED_REPORT = 205, 206, 207
_GENERIC_NACK, _PICTURE_LOSS, _FULL_INTRA = 1, 1, 4
_RECEIVER_REFERENCE_TIME, _DLRR = 4, 5
_CNAME = 1

_HEADER = struct.Struct("!BBH")
_TWO_WORDS = struct.Struct("!II")
_SENDER_INFO = struct.Struct("!IQIII")
_REPORT_BLOCK = struct.Struct("!IIIIII")
_LOST = struct.Struct("!HH")
_FULL_INTRA_ENTRY = struct.Struct("!IB3x")
_BLOCK = struct.Struct("!BBH")


class ReportBlock(NamedTuple):
    """How one of our tracks arrives: ``fraction_lost`` in 1/256, ``dlsr`` in 1/65536 s."""

    ssrc: int
    fraction_lost: int
    lost: int
    highest: int
    jitter: int
    lsr: int
    dlsr: int


@dataclass(frozen=True, slots=True)
class SenderReport:
    """Which RTP timestamp belongs to which NTP time (64 bits, 32 of them a fraction)."""

    ssrc: int
    ntp: int
    rtp_timestamp: int
    packets: int
    octets: int
    reports: tuple[ReportBlock, ...] = ()


class ReceiverReport(NamedTuple):
    """What a viewer tells of our tracks."""

    ssrc: int
    reports: tuple[ReportBlock, ...]


@dataclass(frozen=True, slots=True)
class Nack:
    """Packets that a viewer misses, each once, in the order asked (RFC 4585 section 6.2.1)."""

    sender_ssrc: int
    media_ssrc: int
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pli:
    """The viewer's decoder needs a key frame (RFC 4585 section 6.3.1)."""

    sender_ssrc: int
    media_ssrc: int


@dataclass(frozen=True, slots=True)
class Fir:
    """As Pli, but with a number by which repeats are known (RFC 5104 section 4.3.1)."""

    sender_ssrc: int
    media_ssrc: int
    number: int


@dataclass(frozen=True, slots=True)
class Bye:
    """These sources end."""

    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReceiverReferenceTime:
    """A viewer's clock, to be sent back in a DLRR block (RFC 3611 section 4.4)."""

    ssrc: int
    ntp: int


RtcpPacket = SenderReport | ReceiverReport | Nack | Pli | Fir | Bye | ReceiverReferenceTime


def compact_ntp(ntp: int) -> int:
    """Take the middle 32 bits of an NTP time: what LSR and LRR hold, in 1/65536 s."""
    return (ntp >> 16) & 0xFFFFFFFF


def parse(data: bytes) -> list[RtcpPacket]:
    """Read one compound; types that we don't know are left out.

    RtpError if any length inside is wrong, or there are over 1500 bytes or 16 packets.
    """
    if not 8 <= len(data) <= MAX_BYTES:
        raise RtpError("an RTCP datagram has 8 to 1500 bytes")
    found: list[RtcpPacket] = []
    position = 0
    for _ in range(MAX_PACKETS):
        if position == len(data):
            return found
        position = _parse_one(data, position, found)
    if position < len(data):
        raise RtpError("too many packets in one RTCP compound")
    return found


def _parse_one(data: bytes, position: int, found: list[RtcpPacket]) -> int:
    if len(data) < position + _HEADER.size:
        raise RtpError("an RTCP header is cut off")
    flags, packet_type, words = _HEADER.unpack_from(data, position)
    if flags >> 6 != 2:
        raise RtpError("RTCP has version 2")
    body_at = position + _HEADER.size
    end: int = body_at + 4 * words
    if end > len(data):
        raise RtpError("an RTCP packet is cut off")
    body = data[body_at:end]
    if flags & 0x20:
        body = _without_padding(body)
    reader = _READERS.get(packet_type)
    if reader is not None:
        found.extend(reader(body, flags & 0x1F))
    return end


def _without_padding(body: bytes) -> bytes:
    padding = body[-1] if body else 0
    if padding == 0 or padding % 4 or padding > len(body):
        raise RtpError("RTCP padding is a multiple of 4 inside its packet")
    return body[:-padding]


def _read_sender_report(body: bytes, count: int) -> Iterable[RtcpPacket]:
    _need(body, _SENDER_INFO.size)
    ssrc, ntp, rtp_timestamp, packets, octets = _SENDER_INFO.unpack_from(body)
    reports = _read_blocks(body[_SENDER_INFO.size :], count)
    yield SenderReport(ssrc, ntp, rtp_timestamp, packets, octets, reports)


def _read_receiver_report(body: bytes, count: int) -> Iterable[RtcpPacket]:
    _need(body, 4)
    yield ReceiverReport(int.from_bytes(body[:4]), _read_blocks(body[4:], count))


def _read_blocks(body: bytes, count: int) -> tuple[ReportBlock, ...]:
    """Read the blocks; what follows them is a profile's extension, which we skip."""
    _need(body, count * _REPORT_BLOCK.size)
    blocks = []
    for index in range(count):
        ssrc, loss, highest, jitter, lsr, dlsr = _REPORT_BLOCK.unpack_from(
            body, index * _REPORT_BLOCK.size
        )
        lost = loss & 0xFFFFFF  # signed: duplicates make it negative, which we count as none
        lost = 0 if lost > MAX_LOST else lost
        blocks.append(ReportBlock(ssrc, loss >> 24, lost, highest, jitter, lsr, dlsr))
    return tuple(blocks)


def _read_bye(body: bytes, count: int) -> Iterable[RtcpPacket]:
    _need(body, 4 * count)
    yield Bye(struct.unpack_from(f"!{count}I", body))


def _read_transport_feedback(body: bytes, kind: int) -> Iterable[RtcpPacket]:
    _need(body, _TWO_WORDS.size)
    if kind != _GENERIC_NACK:
        return
    sender_ssrc, media_ssrc = _TWO_WORDS.unpack_from(body)
    sequences: dict[int, None] = {}
    for first, following in _LOST.iter_unpack(body[_TWO_WORDS.size :]):
        sequences[first] = None
        for bit in range(16):
            if following >> bit & 1:
                sequences[(first + bit + 1) & 0xFFFF] = None
    yield Nack(sender_ssrc, media_ssrc, tuple(sequences)[:MAX_SEQUENCES])


def _read_payload_feedback(body: bytes, kind: int) -> Iterable[RtcpPacket]:
    _need(body, _TWO_WORDS.size)
    sender_ssrc, media_ssrc = _TWO_WORDS.unpack_from(body)
    if kind == _PICTURE_LOSS:
        yield Pli(sender_ssrc, media_ssrc)
    elif kind == _FULL_INTRA:
        entries = body[_TWO_WORDS.size :]
        if len(entries) % _FULL_INTRA_ENTRY.size:
            raise RtpError("a FIR has entries of 8 bytes")
        for ssrc, number in list(_FULL_INTRA_ENTRY.iter_unpack(entries))[:MAX_PACKETS]:
            yield Fir(sender_ssrc, ssrc, number)


def _read_extended_report(body: bytes, _: int) -> Iterable[RtcpPacket]:
    _need(body, 4)
    ssrc = int.from_bytes(body[:4])
    position = 4
    while position < len(body):
        block_type, _, words = _BLOCK.unpack_from(body, position)
        content = body[position + _BLOCK.size : position + _BLOCK.size + 4 * words]
        _need(content, 4 * words)
        position += _BLOCK.size + 4 * words
        if block_type == _RECEIVER_REFERENCE_TIME:
            _need(content, 8)
            yield ReceiverReferenceTime(ssrc, int.from_bytes(content[:8]))
            return  # one clock per viewer; more of them would only make us work


def _need(body: bytes, size: int) -> None:
    if len(body) < size:
        raise RtpError("an RTCP packet is shorter than its contents")


_READERS: dict[int, Callable[[bytes, int], Iterable[RtcpPacket]]] = {
    _SENDER_REPORT: _read_sender_report,
    _RECEIVER_REPORT: _read_receiver_report,
    _BYE: _read_bye,
    _TRANSPORT_FEEDBACK: _read_transport_feedback,
    _PAYLOAD_FEEDBACK: _read_payload_feedback,
    _EXTENDED_REPORT: _read_extended_report,
}


def build_sender_report(
    ssrc: int, ntp: int, rtp_timestamp: int, packets: int, octets: int, cname: str
) -> bytes:
    """SR and SDES in one compound; the counters may be larger than 32 bits, they wrap."""
    info = _SENDER_INFO.pack(
        ssrc,
        ntp,
        rtp_timestamp & 0xFFFFFFFF,
        packets & 0xFFFFFFFF,
        octets & 0xFFFFFFFF,
    )
    name = cname.encode()
    chunk = struct.pack(f"!IBB{len(name)}s", ssrc, _CNAME, len(name), name)
    chunk += bytes(4 - len(chunk) % 4)  # at least one zero ends the list (section 6.5)
    return _packet(_SENDER_REPORT, 0, info) + _packet(_DESCRIPTION, 1, chunk)


def build_bye(ssrcs: Sequence[int]) -> bytes:
    """Say that these sources end, 31 at the most."""
    return _packet(_BYE, len(ssrcs), struct.pack(f"!{len(ssrcs)}I", *ssrcs))


def build_dlrr(ssrc: int, entries: Sequence[tuple[int, int, int]]) -> bytes:
    """Answer ReceiverReferenceTime, so that a viewer learns its round-trip time.

    Each entry is the viewer's SSRC, ``compact_ntp`` of its time, and the delay since then in
    1/65536 s.
    This is no compound on its own: append it to a sender report (RFC 3611 section 4.5).
    """
    block = b"".join(struct.pack("!III", *entry) for entry in entries)
    header = _BLOCK.pack(_DLRR, 0, len(block) // 4)
    return _packet(_EXTENDED_REPORT, 0, struct.pack("!I", ssrc) + header + block)


def _packet(packet_type: int, count: int, body: bytes) -> bytes:
    return _HEADER.pack(0x80 | count, packet_type, len(body) // 4) + body
