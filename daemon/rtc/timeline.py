"""Timeline: many runs of FFmpeg become one line that never goes back.

RFC 3550 sections 5.1 and 6.4.1. Each run of FFmpeg starts with random sequence numbers and
timestamps. A viewer must see one rising line instead, and audio and video must keep their true
distance: both legs get the same ``start_time_realtime``, so their sender reports speak of one
common zero, and one offset per run moves both. Audio is stamped by its samples (``opus``).
"""

from dataclasses import dataclass
from enum import StrEnum

from daemon.rtc import h264, opus, rtcp, rtp

MAX_JUMP = 3000  # packets; a larger hole is a resynchronisation, not a loss
NTP_UNIT = 1 << 32
CLOCK_RATES = {"video": 90_000, "audio": 48_000}
MIN_STEP = {"video": 1 / 1000, "audio": 0.02}  # seconds between the runs' packets, at the least
FOLLOWING = 30.0  # seconds until the reports' clock has followed the source's
MAX_OFF = 10.0  # seconds; a source farther off is followed no faster
LEAP = 10.0  # seconds from one packet to the next, beyond the wait for it: a clock was set
STILL = 0.2  # seconds without a new timestamp while pictures come; parts of one come together

MARKER, PADDING = 0x80, 0x20  # flags, as they stand in the two first bytes of a header

Plain = tuple[int, int, int, bytes]
"""A packet on the line: index, timestamp, flags, payload with its padding."""


class Verdict(StrEnum):
    """What became of one packet from FFmpeg."""

    TAKEN = "taken"
    WAITING = "waiting_for_keyframe"
    LATE = "late"
    BACKWARDS = "backwards"
    SURPLUS = "surplus_audio"


@dataclass(slots=True)
class _Leg:
    """One track on the line. ``index`` and ``timestamp`` are the last ones given out."""

    clock_rate: int
    min_step: float
    index: int
    timestamp: int  # unwrapped
    has_output: bool = False
    sequence: int | None = None  # FFmpeg's last one in this run; None: nothing taken yet
    source: int = 0  # FFmpeg's last timestamp, put on the line, unwrapped
    shift: int = 0  # line timestamp minus FFmpeg's, until the source's clock is set
    arrived: float = 0.0  # when the last packet came
    has_ended: bool = False  # it was the last one of its picture
    since: float = 0.0  # when FFmpeg's timestamp last changed
    is_stuck: bool = False  # it doesn't, though pictures come
    report: tuple[float, int] | None = None  # media seconds, FFmpeg's timestamp
    samples: opus.SampleClock | None = None  # None: video, which has no samples to count

    @property
    def end(self) -> int:
        """Give the first timestamp that the next run may use."""
        if self.samples is not None:
            return self.samples.end
        return self.timestamp + round(self.min_step * self.clock_rate)


class Timeline:
    """Both tracks of one process over all its runs.

    ``origin`` is the line's first timestamp in seconds, ``first_index`` the first index: chosen
    by the caller at random, small enough never to wrap.
    """

    def __init__(self, kinds: tuple[str, ...], *, origin: float, first_index: int) -> None:
        self._legs = {
            kind: _Leg(
                clock_rate=CLOCK_RATES[kind],
                min_step=MIN_STEP[kind],
                index=first_index,
                timestamp=round(origin * CLOCK_RATES[kind]),
            )
            for kind in kinds
        }
        self._origin = origin
        self._anchor: tuple[float, float] | None = None  # now, line seconds
        self._run_shift: float | None = None  # line seconds minus media seconds, in this run
        self._reference: _Leg | None = None  # the track that the reports' clock follows
        self.resyncs = 0

    def begin_run(self) -> None:
        """FFmpeg starts anew: its numbers mean nothing until its first packets came."""
        self._run_shift = None
        for leg in self._legs.values():
            leg.sequence = None
            leg.report = None

    def receive_report(self, kind: str, report: rtcp.SenderReport) -> None:
        """Learn which timestamp of FFmpeg's belongs to which instant of the common clock."""
        self._legs[kind].report = (report.ntp / NTP_UNIT, report.rtp_timestamp)

    def receive(
        self, kind: str, packet: rtp.Packet, now: float
    ) -> tuple[Verdict, Plain | None]:
        """Put one packet on the line; None when viewers must not see it."""
        leg = self._legs[kind]
        if leg.sequence is None:
            if kind == "video" and not h264.is_keyframe_start(packet.payload):
                return Verdict.WAITING, None
            if not self._begin_leg(leg, packet, now):
                return Verdict.BACKWARDS, None
            step = 1
        else:
            step = (packet.sequence - leg.sequence) & 0xFFFF
            if step == 0 or step > 0xFFFF - MAX_JUMP:
                return Verdict.LATE, None
            if step > MAX_JUMP:
                self.resyncs += 1
                step = 1
        leg.sequence = packet.sequence
        timestamp = _place(leg, packet, now)
        if leg.samples is not None:
            stamped = leg.samples.stamp(timestamp, packet.payload, lost=step - 1)
            if stamped is None:
                leg.index += step - 1
                return Verdict.SURPLUS, None
            timestamp = stamped
        elif timestamp < leg.timestamp:
            leg.index += step - 1
            return Verdict.BACKWARDS, None  # a B-frame that the probe didn't show
        leg.index += step
        leg.timestamp = timestamp
        leg.has_output = True
        if leg is self._reference:
            self._follow(timestamp / leg.clock_rate, now)
        plain = (leg.index, timestamp, MARKER if packet.marker else 0, packet.payload)
        return Verdict.TAKEN, plain

    def seconds_at(self, now: float) -> float | None:
        """Line seconds that belong to ``now``, the same for both tracks; None before media."""
        if self._anchor is None:
            return None
        return self._anchor[1] + now - self._anchor[0]

    def timestamp_at(self, kind: str, now: float) -> int | None:
        """Map ``now`` to the line's timestamp of ``kind``, for sender reports."""
        seconds = self.seconds_at(now)
        return None if seconds is None else round(seconds * self._legs[kind].clock_rate)

    def _begin_leg(self, leg: _Leg, packet: rtp.Packet, now: float) -> bool:
        media = self._media_seconds(leg, packet.timestamp, now)
        if self._run_shift is None:
            self._run_shift = self._shift_of_run(leg, media, now)
        target = round((media + self._run_shift) * leg.clock_rate)
        if leg.has_output and target < leg.end:
            return False  # the other track set the offset; this one is still in the past
        leg.shift = target - packet.timestamp
        leg.timestamp = leg.source = target
        leg.arrived = leg.since = now
        leg.has_ended = leg.is_stuck = False
        if leg.clock_rate == opus.CLOCK_RATE:
            leg.samples = opus.SampleClock(target)
        return True

    def _shift_of_run(self, leg: _Leg, media: float, now: float) -> float:
        seconds = self.seconds_at(now)
        if seconds is None:
            seconds = self._origin
        ends = [
            other.end / other.clock_rate for other in self._legs.values() if other.has_output
        ]
        start = max([seconds, *ends])
        self._anchor = (now, start)
        self._reference = leg
        return start - media

    def _follow(self, media: float, now: float) -> None:
        """Let the reports' clock run as fast as the source's, which is never quite ours.

        Else the reports of a long run would name instants further and further from the media's.
        Both tracks share the clock, so this never moves them against each other.
        """
        assert self._anchor is not None
        then, seconds = self._anchor
        expected = seconds + now - then
        off = min(max(media - expected, -MAX_OFF), MAX_OFF)
        self._anchor = (now, expected + off * min((now - then) / FOLLOWING, 1.0))

    def _media_seconds(self, leg: _Leg, timestamp: int, now: float) -> float:
        """Seconds on the run's common clock; without a report, the time of arrival."""
        if leg.report is None:
            return now
        instant, at = leg.report
        ahead = (timestamp - at) & 0xFFFFFFFF
        if ahead >= 1 << 31:
            ahead -= 1 << 32
        return instant + ahead / leg.clock_rate


def _place(leg: _Leg, packet: rtp.Packet, now: float) -> int:
    """Put FFmpeg's timestamp on the line; where the source's clock was set, go on by arrival.

    FFmpeg lets such a leap through if it's forward. If it's back, all that follows gets one
    timestamp, until the old time is reached, which may take hours.
    """
    timestamp = unwrap(packet.timestamp + leg.shift, leg.source)
    waited = round((now - leg.arrived) * leg.clock_rate)
    is_new = leg.samples is None and leg.has_ended
    if timestamp != leg.source:
        leg.since, leg.is_stuck = now, False
    elif is_new and now - leg.since > STILL:
        leg.is_stuck = True
    leap = round(LEAP * leg.clock_rate)
    if (is_new and leg.is_stuck) or not -leap <= timestamp - leg.source <= leap + waited:
        leg.shift += leg.source + max(waited, 1) - timestamp
        timestamp = leg.source + max(waited, 1)
    leg.source, leg.arrived, leg.has_ended = timestamp, now, packet.marker
    return timestamp


def unwrap(timestamp: int, near: int) -> int:
    """Find the value nearest to ``near`` that is ``timestamp`` modulo 2^32."""
    ahead = (timestamp - near) & 0xFFFFFFFF
    return near + ahead - (1 << 32 if ahead >= 1 << 31 else 0)
