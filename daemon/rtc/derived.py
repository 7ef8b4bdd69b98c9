"""Derived: the line of a track that is made anew from the video line, such as VP8 from H.264.

Each of its pictures gets the timestamp that the same picture has on the video line. So it keeps
to the sound without a clock of its own, over any number of runs of the program that makes it.
"""

from collections import OrderedDict

from daemon.rtc import rtcp, rtp, vp8
from daemon.rtc.timeline import MARKER, MAX_JUMP, NTP_UNIT, Plain, Verdict, unwrap

CLOCK_RATE = 90_000
TICKS = 90  # a millisecond, which is how finely the program is told times
MAX_FED = 1024  # pictures on their way
NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970


class DerivedLine:
    """Puts the packets of one run after the other on the video line's time."""

    def __init__(self, first_index: int) -> None:
        self._index = first_index
        self._last = -1  # timestamp on the line, the last one given out
        self._sequence: int | None = None
        self._start_microseconds = 0
        self._zero: int | None = None  # the program's timestamp at time 0 of the run
        self._elapsed = 0  # ticks since then, unwrapped
        self._origin: int | None = None  # the line's timestamp at time 0
        self._fed: OrderedDict[int, int] = OrderedDict()  # milliseconds -> the line's timestamp

    def begin_run(self, start_microseconds: int) -> None:
        """Begin a run, whose ``-start_time_realtime`` is this."""
        self._start_microseconds = start_microseconds // 1000 * 1000  # FFmpeg cuts it so
        self._sequence = self._zero = self._origin = None
        self._elapsed = 0
        self._fed.clear()

    def feed(self, timestamp: int) -> int:
        """Note a picture of the video line that goes in; give its time in milliseconds."""
        if self._origin is None:
            self._origin = timestamp
        milliseconds = (timestamp - self._origin + TICKS // 2) // TICKS
        self._fed[milliseconds] = timestamp
        while len(self._fed) > MAX_FED:
            self._fed.popitem(last=False)
        return milliseconds

    def receive_report(self, report: rtcp.SenderReport) -> None:
        """Learn where the run's timestamps begin."""
        seconds = report.ntp / NTP_UNIT - NTP_EPOCH - self._start_microseconds / 1e6
        if self._zero is None:
            self._zero = (report.rtp_timestamp - round(seconds * CLOCK_RATE)) & 0xFFFFFFFF

    def receive(self, packet: rtp.Packet) -> tuple[Verdict, Plain | None]:
        """Put one packet on the line; None when viewers must not see it."""
        payload = vp8.simplify(packet.payload)
        if self._zero is None or self._origin is None or not payload:
            return Verdict.WAITING, None
        if self._sequence is None:
            if not vp8.is_keyframe_start(payload):
                return Verdict.WAITING, None
            step = 1
        else:
            step = (packet.sequence - self._sequence) & 0xFFFF
            if step == 0 or step > 0xFFFF - MAX_JUMP:
                return Verdict.LATE, None
            step = step if step <= MAX_JUMP else 1
        timestamp = self._line_timestamp(packet.timestamp)
        if timestamp < self._last or (self._sequence is None and timestamp == self._last):
            return Verdict.BACKWARDS, None
        self._sequence = packet.sequence
        self._index += step
        self._last = timestamp
        flags = MARKER if packet.marker else 0
        return Verdict.TAKEN, (self._index, timestamp, flags, payload)

    def _line_timestamp(self, timestamp: int) -> int:
        assert self._zero is not None
        assert self._origin is not None
        self._elapsed = unwrap(timestamp - self._zero, self._elapsed)
        exact = self._fed.get((self._elapsed + TICKS // 2) // TICKS)
        return self._origin + self._elapsed if exact is None else exact
