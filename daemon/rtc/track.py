"""Track: what one viewer gets of one track: own SSRC, own numbers, counters, sender reports.

RFC 3550 sections 5.1 and 6.4.1. The numbers are the shared line's plus two offsets that stay
the same while the viewer watches; only a drop of whole frames moves the first one.
"""

from collections import deque
from collections.abc import Sequence

from daemon.rtc import rtcp
from daemon.rtc.codecs import NegotiatedTrack
from daemon.rtc.history import Budget
from daemon.rtc.srtp import Outbound
from daemon.rtc.timeline import Plain

MAX_SEGMENTS = 16  # remembered offsets; each drop of frames makes one


class Line:
    """How far the line has come that a track's viewers share."""

    __slots__ = ("last_index",)

    def __init__(self) -> None:
        self.last_index = 0


class OutgoingTrack:
    """One track of one viewer.

    It opens at the first burst that a decoder can begin with. ``first_sequence`` and
    ``timestamp_offset`` are random, chosen by the caller; ``first_sequence`` lies in the lower
    half of the range, so that an early loss can't confuse the rollover counter (RFC 3711
    section 3.3.1).
    """

    __slots__ = (
        "_closed_at", "_first_sequence", "_outbound", "_segments", "budget", "dropped_frames",
        "has_started", "lane", "line", "media", "needs_keyframe", "plis", "resent", "ssrc",
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
    ) -> None:
        self.media = media
        self.ssrc = ssrc
        self.timestamp_offset = timestamp_offset
        self.line = Line()
        self.lane = outbound.new_lane(
            ssrc=ssrc, payload_type=media.payload_type, timestamp_offset=timestamp_offset
        )
        self.needs_keyframe = media.kind == "video"
        self.has_started = False
        self.plis = 0
        self.resent = 0
        self.unanswered_nacks = 0
        self.dropped_frames = 0
        self.budget = Budget()
        self._outbound = outbound
        self._first_sequence = first_sequence
        self._closed_at = first_sequence - 1
        self._segments: deque[tuple[int, int]] = deque(maxlen=MAX_SEGMENTS)

    @property
    def is_open(self) -> bool:
        """Whether live media goes out to this viewer."""
        return self.lane.is_open

    @property
    def out_index(self) -> int:
        """The last index that was given out; its low 16 bits are the sequence number."""
        if self.lane.is_open:
            return self.line.last_index + self.lane.sequence_offset
        return self._closed_at

    @property
    def packets(self) -> int:
        """Packets sent (RFC 3550 section 6.4.1)."""
        return self.lane.packets

    @property
    def octets(self) -> int:
        """Payload bytes sent (RFC 3550 section 6.4.1)."""
        return self.lane.octets

    def accepts(self, burst: Sequence[Plain], *, is_keyframe: bool) -> bool:
        """Open a closed track where a decoder can begin; False: it can't with this burst."""
        if self.needs_keyframe and not is_keyframe:
            self.dropped_frames += self.has_started
            return False
        offset = self._closed_at + 1 - burst[0][0]
        self.lane.sequence_offset = offset
        self._segments.append((self._closed_at + 1, offset))
        self.lane.is_open = True
        self.has_started = True
        return True

    def close_gate(self, last_index: int) -> None:
        """Send nothing more up to the next key frame: the viewer or its path is too slow.

        ``last_index``: on the line, the last one whose number counts as given out.
        """
        self._closed_at = last_index + self.lane.sequence_offset
        self.lane.is_open = False
        self.dropped_frames += 1

    def protect_again(self, packet: Plain, offset: int, extension: bytes = b"") -> bytes:
        """Encrypt one packet that was sent before, at its offset then: the same bytes."""
        buffers = self._outbound.protect_burst(
            self.ssrc,
            self.media.payload_type,
            [packet],
            offset,
            self.timestamp_offset,
            extension,
        )
        return b"".join(buffers)

    def locate(self, sequence: int) -> tuple[int, int] | None:
        """Index on the shared line and offset of a number that was sent; None: never sent."""
        last = self.out_index
        ahead = (sequence - last) & 0xFFFF
        out_index = last + (ahead - 0x10000 if ahead >= 0x8000 else ahead)
        if not self._first_sequence <= out_index <= last:
            return None
        for start, offset in reversed(self._segments):
            if out_index >= start:
                return out_index - offset, offset
        return None

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
