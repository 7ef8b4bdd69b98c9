"""Packetizer: whole pictures of H.264 become RTP payloads of one size (RFC 6184).

FFmpeg hands over a picture in as few datagrams as loopback takes, and we cut it: so one look
reads it whole, and the packets come in sizes that one system call sends (``fanout.runs``).
"""

from collections.abc import Sequence
from typing import NamedTuple

from daemon.rtc import h264, rtp
from daemon.rtc.timeline import MARKER, PADDING, Plain

MAX_PAYLOAD = 1200 - rtp.HEADER_BYTES  # leaves room for SRTP, IPv6 and tunnels below 1280
MAX_PADDING = 255  # bytes; the last one counts them (RFC 3550 section 5.1)
MAX_BYTES = 4 << 20  # of one picture; what is beyond is left out
_FRAGMENT = 2  # bytes of a fragment's headers (RFC 6184 section 5.8)
_AGGREGATE, _LENGTH = 1, 2  # bytes of a STAP-A's header, and before each unit (section 5.7.1)


Payload = tuple[int, bytes]
"""Flags, and bytes with their padding."""


class Picture(NamedTuple):
    """One coded picture. ``is_whole``: nothing of it was lost on the way to us."""

    timestamp: int
    nals: Sequence[bytes]
    packets: Sequence[Plain]
    is_keyframe: bool
    is_whole: bool


class Pictures:
    """Collects what came of each picture and numbers its packets anew, in one rising line."""

    def __init__(self, first_index: int) -> None:
        self._next = first_index
        self._last_in: int | None = None
        self._timestamp: int | None = None  # of the picture that is being collected
        self._sent: int | None = None  # timestamp of the last picture
        self._has_idr = False  # in this run
        self._clear()

    def feed(self, plain: Plain) -> list[Picture]:
        """Take a packet of FFmpeg's line; the pictures that end with it, two at the most.

        What was lost before it leaves a hole in the numbers, so that decoders know.
        """
        index, timestamp, marker, payload = plain
        done = []
        if self._payloads and timestamp != self._timestamp:
            self._is_whole = False  # its end is missing
            done += self._end()
        if self._last_in is not None and index != self._last_in + 1:
            self._next += index - self._last_in - 1
            self._is_whole = False
            self._payloads.append(b"")  # what was begun before the hole has no middle
        self._last_in = index
        self._timestamp = timestamp
        self._bytes += len(payload)
        if self._bytes <= MAX_BYTES:
            self._payloads.append(payload)
        else:
            self._is_whole = False
        if marker:
            done += self._end()
        return done

    def forget(self) -> None:
        """Drop what came of a picture whose end won't come."""
        self._clear()
        self._last_in = None
        self._has_idr = False

    def _clear(self) -> None:
        self._payloads: list[bytes] = []
        self._bytes = 0
        self._is_whole = True

    def _end(self) -> list[Picture]:
        payloads, is_whole = self._payloads, self._is_whole
        self._clear()
        nals = h264.nal_units(payloads)
        if not nals:
            return []
        assert self._timestamp is not None
        packets = number(packetize(nals), self._next, self._timestamp)
        self._next += len(packets)
        # a second field of a picture is no place to begin
        is_keyframe = self._timestamp != self._sent and self._can_begin(nals)
        self._sent = self._timestamp
        return [Picture(self._timestamp, nals, packets, is_keyframe, is_whole)]

    def _can_begin(self, nals: Sequence[bytes]) -> bool:
        """Tell by IDR pictures; only in a stream without any, by what it begins with itself.

        Some cameras repeat the SPS before each picture.
        """
        has_idr = h264.has_idr(nals)
        self._has_idr |= has_idr
        return has_idr or (not self._has_idr and h264.has_sps(nals))


def number(payloads: Sequence[Payload], first: int, timestamp: int) -> list[Plain]:
    """Make packets of one picture's payloads and their flags; the last one has the marker."""
    packets = [
        (first + place, timestamp, flags, payload)
        for place, (flags, payload) in enumerate(payloads)
    ]
    index, _, flags, payload = packets[-1]
    packets[-1] = (index, timestamp, flags | MARKER, payload)
    return packets


def packetize(nals: Sequence[bytes]) -> list[Payload]:
    """Cut one picture's NAL units into payloads of up to MAX_PAYLOAD bytes, with their flags.

    Small units share a packet. A large one becomes fragments of one size. The next one, as far
    as it needs no more packets for that, gets fragments of the same size: then a few bytes of
    padding (RFC 3550 section 5.1) let both leave together.
    """
    found: list[Payload] = []
    small: list[bytes] = []
    size = 0  # of the payloads before, which may be gone on with
    for nal in nals:
        if len(nal) <= MAX_PAYLOAD:
            small.append(nal)
            continue
        size = _append(found, _aggregate(small), size)
        small = []
        fewest = _divide(nal, MAX_PAYLOAD - _FRAGMENT)
        if size and _divide(nal, size - _FRAGMENT) == fewest:
            _append(found, _fragments(nal, size - _FRAGMENT), size)
            size = 0
        else:
            best = _divide(nal, fewest)
            found += _fragments(nal, best)
            size = best + _FRAGMENT if fewest <= MAX_PADDING else 0
    _append(found, _aggregate(small), size)
    return found


def _append(found: list[Payload], more: Sequence[Payload], size: int) -> int:
    """Let payloads follow; 0, or the size that they still can be gone on with."""
    if not more:
        return size
    if size and len(more[0][1]) <= size:
        found[-1] = _padded(found[-1][1], size)
    found += more
    return 0


def _divide(nal: bytes, by: int) -> int:
    """Divide the bytes behind a unit's header, rounded up."""
    return -(-(len(nal) - 1) // by)


def _fragments(nal: bytes, size: int) -> list[Payload]:
    header = nal[0]
    indicator = header & ~h264.TYPE & 0xFF | h264.FU_A
    kind = header & h264.TYPE
    middle = bytes((indicator, kind))
    found = [(0, middle + nal[start : start + size]) for start in range(1, len(nal), size)]
    found[0] = (0, bytes((indicator, kind | h264.FU_START)) + nal[1 : 1 + size])
    found[-1] = (0, bytes((indicator, kind | h264.FU_END)) + found[-1][1][_FRAGMENT:])
    return found


def _padded(payload: bytes, size: int) -> Payload:
    """Lengthen a unit's last fragment; it lacks less than a byte for each of its fragments."""
    lacking = size - len(payload)
    if not lacking:
        return 0, payload
    return PADDING, payload + bytes(lacking - 1) + bytes((lacking,))


def _aggregate(nals: Sequence[bytes]) -> list[Payload]:
    """Put small units together as far as they fit, in order (RFC 6184 section 5.7.1)."""
    groups: list[list[bytes]] = []
    room = 0
    for nal in nals:
        if len(nal) + _LENGTH > room:
            groups.append([])
            room = MAX_PAYLOAD - _AGGREGATE
        groups[-1].append(nal)
        room -= len(nal) + _LENGTH
    return [(0, _join(group)) for group in groups]


def _join(nals: Sequence[bytes]) -> bytes:
    if len(nals) == 1:
        return nals[0]
    importance = max(nal[0] & h264.IMPORTANCE for nal in nals)
    parts = [len(nal).to_bytes(_LENGTH) + nal for nal in nals]
    return bytes((importance | h264.STAP_A,)) + b"".join(parts)
