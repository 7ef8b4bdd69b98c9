"""Track: what one viewer gets of one track: own SSRC, own numbers, counters, sender reports.

RFC 3550 sections 5.1 and 6.4.1. The numbers are the shared line's plus two offsets that stay
the same while media flows; only a drop of whole frames, or a replay, moves the first one.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from daemon.rtc import extension, rtcp
from daemon.rtc.codecs import NegotiatedTrack
from daemon.rtc.demux import Address
from daemon.rtc.history import Budget
from daemon.rtc.lane import Lane
from daemon.rtc.srtp import Outbound
from daemon.rtc.timeline import PADDING, Plain

MAX_SEGMENTS = 16  # remembered offsets; each drop of frames and each replay makes one


class Line:
    """How far a line has come: index and timestamp of the last packet."""

    __slots__ = ("last_index", "last_timestamp")

    def __init__(self) -> None:
        self.last_index = 0
        self.last_timestamp = 0


class Segment(NamedTuple):
    """Numbers from ``start`` on, until the next segment's."""

    start: int
    offset: int  # index given out minus the line's
    stamp: Callable[[int], int] | None  # the line's timestamp -> what was sent


class OutgoingTrack:
    """One track of one viewer.

    Closed or open. While it's open its ``lane`` sends, either live or through a replay.
    Each opening has a lane of its own, so that what is still on its way to the last one can't
    come under the numbers of the next: an index must never serve two packets.
    ``first_sequence`` and ``timestamp_offset`` are random, chosen by the caller;
    ``first_sequence`` lies in the lower half of the range, so that an early loss can't confuse
    the rollover counter (RFC 3711 section 3.3.1).
    """

    __slots__ = (
        "_address", "_closed_at", "_first_sequence", "_outbound", "_rtx", "_segments", "_sent",
        "answered_plis", "budget", "dropped_frames", "extension", "lane", "last_timestamp",
        "line", "media", "needs_keyframe", "plis", "replayed_at", "resent", "ssrc",
        "timestamp_offset", "unanswered_nacks",
    )  # fmt: skip

    def __init__(
        self,
        media: NegotiatedTrack,
        outbound: Outbound,
        *,
        ssrc: int,
        first_sequence: int,
        timestamp_offset: int,
        rtx: tuple[int, int] = (0, 0),
    ) -> None:
        """``rtx``: SSRC and first sequence number of the retransmissions, if negotiated."""
        self.media = media
        self.ssrc = ssrc
        self.timestamp_offset = timestamp_offset
        self.needs_keyframe = media.kind == "video"
        self.lane: Lane | None = None
        self.line = Line()  # the fan-out's while live, our own in a replay
        self.last_timestamp: int | None = None  # of what was sent when it closed
        self._rtx = rtx if media.rtx_payload_type is not None else None
        repeats = self._rtx is not None or "nack" not in media.feedback
        self.extension = extension.shape(dict(media.extensions)) if repeats else 0
        self.plis = 0
        self.answered_plis = 0  # from the cache
        self.replayed_at = float("-inf")
        self.resent = 0
        self.unanswered_nacks = 0
        self.dropped_frames = 0
        self.budget = Budget()
        self._address: Address | None = None
        self._outbound = outbound
        self._first_sequence = first_sequence
        self._closed_at = first_sequence - 1
        self._segments: deque[Segment] = deque(maxlen=MAX_SEGMENTS)
        self._sent = (0, 0)  # packets and octets of former lanes

    @property
    def is_open(self) -> bool:
        """Whether media goes out to this viewer."""
        return self.lane is not None

    @property
    def address(self) -> Address | None:
        """Where media goes to; None while there is no proven address."""
        return self._address

    @address.setter
    def address(self, address: Address | None) -> None:
        self._address = address
        if self.lane is not None:
            self.lane.address = address

    @property
    def has_started(self) -> bool:
        """Whether media has ever gone out to this viewer."""
        return bool(self._segments)

    @property
    def out_index(self) -> int:
        """The last index that was given out; its low 16 bits are the sequence number."""
        if self.lane is None:
            return self._closed_at
        return self.line.last_index + self._segments[-1].offset

    @property
    def packets(self) -> int:
        """Packets sent (RFC 3550 section 6.4.1)."""
        return self._sent[0] + (self.lane.packets if self.lane else 0)

    @property
    def octets(self) -> int:
        """Payload bytes sent (RFC 3550 section 6.4.1)."""
        return self._sent[1] + (self.lane.octets if self.lane else 0)

    def open(self, first_index: int, stamp: Callable[[int], int] | None = None) -> None:
        """Send from this index of the line on, where a decoder can begin.

        ``stamp``: how the line's timestamps are changed; it must keep them rising.
        """
        assert self.lane is None
        offset = self._closed_at + 1 - first_index
        self._segments.append(Segment(self._closed_at + 1, offset, stamp))
        self.lane = self._outbound.new_lane(
            ssrc=self.ssrc,
            payload_type=self.media.payload_type,
            sequence_offset=offset,
            timestamp_offset=self.timestamp_offset,
        )
        self.lane.address = self._address
        self.lane.extension = self.extension
        self.line = Line()
        self.line.last_index = first_index - 1

    def close(self, last_index: int | None = None) -> None:
        """Send nothing more up to the next opening.

        ``last_index``: on the line, the last one whose number counts as given out; None: all
        that was.
        """
        if self.lane is None:
            return
        if last_index is None:
            last_index = self.line.last_index
        self._closed_at = last_index + self._segments[-1].offset
        self.last_timestamp = self.stamp(self.line.last_timestamp)
        self._sent = (self.packets, self.octets)
        self.lane.is_open = False
        self.lane = None

    def note_replayed(self, packet: Plain) -> None:
        """Advance in a replay to this packet of the line."""
        self.line.last_index, self.line.last_timestamp = packet[:2]

    def stamp(self, timestamp: int) -> int:
        """Change a timestamp of the line as the current segment does."""
        stamp = self._segments[-1].stamp
        return timestamp if stamp is None else stamp(timestamp)

    def locate(self, sequence: int) -> tuple[int, Segment] | None:
        """Index on the shared line and segment of a number that was sent; None: never sent."""
        last = self.out_index
        ahead = (sequence - last) & 0xFFFF
        out_index = last + (ahead - 0x10000 if ahead >= 0x8000 else ahead)
        if not self._first_sequence <= out_index <= last:
            return None
        for segment in reversed(self._segments):
            if out_index >= segment.start:
                return out_index - segment.offset, segment
        return None

    @property
    def can_send_again(self) -> bool:
        """Whether lost packets can be sent again.

        As they were, only if no extension could have been in them: other bytes under the same
        index would give the key away (RFC 7714 section 5).
        """
        return self._rtx is not None or self.extension == 0

    def send_again(self, packet: Plain, segment: Segment, sequence: int) -> bytes:
        """Encrypt one packet of a segment again, as retransmission or as it was (RFC 4588)."""
        index, timestamp, flags, payload = packet
        if segment.stamp is not None:
            timestamp = segment.stamp(timestamp)
        ssrc, number, offset = self.ssrc, self.media.payload_type, segment.offset
        if self._rtx is not None and self.media.rtx_payload_type is not None:
            ssrc, index = self._rtx
            self._rtx = (ssrc, index + 1)
            number, offset = self.media.rtx_payload_type, 0
            if flags & PADDING:  # RFC 4588 section 4: not again
                payload = payload[: -payload[-1]]
            flags &= ~PADDING
            payload = sequence.to_bytes(2) + payload
        again = [(index, timestamp, flags, payload)]
        return b"".join(
            self._outbound.protect_burst(ssrc, number, again, offset, self.timestamp_offset)
        )

    def build_report(self, *, ntp: int, line_timestamp: int, cname: str) -> bytes:
        """Build a sender report and SDES, plain; ``line_timestamp`` belongs to ``ntp``."""
        return rtcp.build_sender_report(
            self.ssrc,
            ntp,
            (line_timestamp + self.timestamp_offset) & 0xFFFFFFFF,
            self.packets & 0xFFFFFFFF,
            self.octets & 0xFFFFFFFF,
            cname,
        )
