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


class OutgoingTrack:
    """One track of one viewer.

    It opens at the first burst that a decoder can begin with. ``first_sequence`` and
    ``timestamp_offset`` are random, chosen by the caller; ``first_sequence`` lies in the lower
    half of the range, so that an early loss can't confuse the rollover counter (RFC 3711
    section 3.3.1).
    """

    __slots__ = (
        "_first_sequence", "_payload_type", "_protect", "_segments", "budget",
        "dropped_frames", "has_started", "is_open", "media", "needs_keyframe", "octets",
        "out_index", "overhead", "packets", "plis", "resent", "sequence_offset", "ssrc",
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
        self.overhead = outbound.overhead
        self.ssrc = ssrc
        self.timestamp_offset = timestamp_offset
        self.sequence_offset = 0
        self.needs_keyframe = media.kind == "video"
        self.is_open = False
        self.has_started = False
        self.out_index = first_sequence - 1  # last one given out
        self.packets = 0
        self.octets = 0
        self.plis = 0
        self.resent = 0
        self.unanswered_nacks = 0
        self.dropped_frames = 0
        self.budget = Budget()
        self._payload_type = media.payload_type
        self._protect = outbound.protect_burst
        self._first_sequence = first_sequence
        self._segments: deque[tuple[int, int]] = deque(maxlen=MAX_SEGMENTS)

    def accepts(self, burst: Sequence[Plain], *, is_keyframe: bool) -> bool:
        """Whether this burst goes out to this viewer; opens the track where it can begin."""
        if self.is_open:
            return True
        if self.needs_keyframe and not is_keyframe:
            self.dropped_frames += self.has_started
            return False
        self.sequence_offset = self.out_index + 1 - burst[0][0]
        self._segments.append((self.out_index + 1, self.sequence_offset))
        self.is_open = True
        self.has_started = True
        return True

    def protect(self, burst: Sequence[Plain], size: int) -> list[bytes]:
        """Encrypt a burst: two buffers a packet, see ``Outbound.protect_burst``."""
        offset = self.sequence_offset
        self.out_index = burst[-1][0] + offset
        self.packets += len(burst)
        self.octets += size
        return self._protect(
            self.ssrc, self._payload_type, burst, offset, self.timestamp_offset
        )

    def protect_again(self, packet: Plain, offset: int) -> bytes:
        """Encrypt one packet that was sent before, at its offset then: the same bytes."""
        buffers = self._protect(
            self.ssrc, self._payload_type, [packet], offset, self.timestamp_offset
        )
        return b"".join(buffers)

    def close_gate(self) -> None:
        """Send nothing more up to the next key frame: the viewer or its path is too slow."""
        self.is_open = False

    def locate(self, sequence: int) -> tuple[int, int] | None:
        """Index on the shared line and offset of a number that was sent; None: never sent."""
        ahead = (sequence - self.out_index) & 0xFFFF
        out_index = self.out_index + (ahead - 0x10000 if ahead >= 0x8000 else ahead)
        if not self._first_sequence <= out_index <= self.out_index:
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
