"""Meters: what packets, pictures and sound say about a stream (RFC 3550, 6184, 7741).

Nothing in here waits, reads a clock or knows a socket: numbers in, reports out.
"""

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from operator import mul, sub
from statistics import median

from dragonctl.whep_test.model import PictureReport, SoundReport, TrackReport

# A picture is judged by a thumbnail, so that coding noise is not taken for movement.
THUMBNAIL = (64, 36)
MOVEMENT = 3  # levels of 255 that one cell must change; key frames of a still stay below
FREEZE_FLOOR = 0.25  # seconds
FREEZE_INTERVALS = 3
SETTLE_SECONDS = 1.0  # after the first picture, before pictures are counted for a rate
BLACK_MEAN = 8.0  # levels of 255, of the mean of a picture
BLACK_PEAK = 24  # no cell of a black picture is brighter
BLACK_SHARE = 0.95  # of the pictures
SILENCE_DBFS = -60.0  # of the peak: a tone that nobody hears
FULL_SCALE = 32768.0
FLOOR_DBFS = -120.0  # what is written for digital silence: JSON has no minus infinity
SEQUENCES = 1 << 16
TIMESTAMPS = 1 << 32
MAX_MISSING = 4096  # more than this is not loss, it is another stream
MAX_LINES = 16  # SSRCs of one track; each restart of a careless server brings a new one
NAL_IDR, NAL_SPS, NAL_STAP_A, NAL_FU_A = 5, 7, 24, 28


@dataclass(frozen=True, slots=True)
class Codec:
    """One payload type of an answer; ``associated`` is set for retransmissions (RFC 4588)."""

    payload_type: int
    name: str
    clock_rate: int
    channels: int = 1
    fmtp: str = ""
    associated: int | None = None


@dataclass(slots=True)
class Line:
    """The sequence line of one SSRC: what came, what is missing."""

    first: int
    highest: int
    received: int = 1
    missing: set[int] = field(default_factory=set)
    recovered: int = 0
    given_up: int = 0

    def add(self, sequence: int) -> None:
        """Note a packet; one that was missing counts as recovered."""
        index = nearest(sequence, self.highest, SEQUENCES)
        if index > self.highest:
            self._skip(index)
            self.received += 1
        elif index in self.missing:
            self.missing.discard(index)
            self.recovered += 1
            self.received += 1

    def _skip(self, index: int) -> None:
        gap = index - self.highest - 1
        if gap and len(self.missing) + gap <= MAX_MISSING:
            self.missing.update(range(self.highest + 1, index))
        else:
            self.given_up += gap
        self.highest = index

    @property
    def expected(self) -> int:
        return self.highest - self.first + 1

    @property
    def lost(self) -> int:
        return len(self.missing) + self.given_up


def nearest(value: int, reference: int, modulus: int) -> int:
    """Return the number congruent to ``value`` that is nearest to ``reference``."""
    return reference + (value - reference + modulus // 2) % modulus - modulus // 2


class RtpMeter:
    """Counts one track's packets; ``now`` is in seconds on the caller's clock."""

    def __init__(self, codecs: Sequence[Codec]) -> None:
        self._codecs = {codec.payload_type: codec for codec in codecs}
        self.first_at: float | None = None
        self.packets = 0
        self.key_frames = 0
        self.unknown = 0
        self.profile_sent = ""
        self._codec: Codec | None = None
        self._last_at = 0.0
        self._bytes = 0
        self._jitter = 0.0
        self._transit: float | None = None
        self._timestamp: int | None = None
        self._key_timestamp: int | None = None
        self._least_delay = math.inf
        self._sender_report: tuple[float, int] | None = None
        self._lines: dict[int, Line] = {}
        self._line: Line | None = None

    def receive_packet(
        self,
        now: float,
        *,
        payload_type: int,
        ssrc: int,
        sequence: int,
        timestamp: int,
        payload: bytes,
    ) -> None:
        """Note one packet that was authenticated and parsed."""
        codec = self._codecs.get(payload_type)
        if codec is None:
            self.unknown += 1
            return
        if self.first_at is None:
            self.first_at = now
        self.packets += 1
        self._last_at = now
        self._bytes += 12 + len(payload)
        if codec.associated is not None:
            self._receive_retransmission(codec.associated, timestamp, payload)
            return
        self._codec = codec
        self._place(ssrc, sequence)
        self._time(now, timestamp, codec.clock_rate)
        self._look_inside(codec, timestamp, payload)

    def receive_sender_report(self, ntp: int, timestamp: int) -> None:
        """Note a sender report's pair of clocks; ``ntp`` has 64 bits."""
        if ntp:  # zero is what a sender without a clock, or without a packet yet, writes
            self._sender_report = (ntp / (1 << 32), timestamp)

    def delay(self) -> float | None:
        """Arrival minus capture of the least delayed packet: only differences mean anything."""
        if self._sender_report is None or self._codec is None or self._timestamp is None:
            return None
        captured, timestamp = self._sender_report
        unwrapped = nearest(timestamp, self._timestamp, TIMESTAMPS)
        return self._least_delay + unwrapped / self._codec.clock_rate - captured

    def report(self) -> TrackReport:
        """Sum up; ``lost`` counts what never came, also not by retransmission."""
        codec = self._codec or next(iter(self._codecs.values()))
        expected = sum(line.expected for line in self._lines.values())
        lost = sum(line.lost for line in self._lines.values())
        seconds = self._last_at - (self.first_at or 0.0)
        return TrackReport(
            codec=codec.name,
            fmtp=codec.fmtp,
            payload_type=codec.payload_type,
            profile_sent=self.profile_sent,
            packets=self.packets,
            lost=lost,
            recovered=sum(line.recovered for line in self._lines.values()),
            loss_percent=round(100.0 * lost / expected, 2) if expected else 0.0,
            jitter_ms=round(1000.0 * self._jitter, 2),
            bitrate_bits=round(8 * self._bytes / seconds) if seconds > 0 else 0,
            key_frames=self.key_frames,
        )

    def _receive_retransmission(self, original: int, timestamp: int, payload: bytes) -> None:
        codec = self._codecs.get(original)
        if len(payload) >= 2 and self._line is not None and codec is not None:
            self._line.add(int.from_bytes(payload[:2], "big"))
            self._look_inside(codec, timestamp, payload[2:])

    def _place(self, ssrc: int, sequence: int) -> None:
        line = self._lines.get(ssrc)
        if line is not None:
            line.add(sequence)
            self._line = line
        elif len(self._lines) < MAX_LINES:
            self._line = self._lines[ssrc] = Line(first=sequence, highest=sequence)

    def _time(self, now: float, timestamp: int, clock_rate: int) -> None:
        """RFC 3550 section 6.4.1; packets of one picture share a timestamp and tell nothing."""
        if self._timestamp is None:
            unwrapped = timestamp
        else:
            unwrapped = nearest(timestamp, self._timestamp, TIMESTAMPS)
            if unwrapped == self._timestamp:
                return
        self._timestamp = unwrapped
        transit = now - unwrapped / clock_rate
        self._least_delay = min(self._least_delay, transit)
        if self._transit is not None:
            self._jitter += (abs(transit - self._transit) - self._jitter) / 16
        self._transit = transit

    def _look_inside(self, codec: Codec, timestamp: int, payload: bytes) -> None:
        if codec.name.upper() == "VP8":
            self._note_key_frame(timestamp, is_key=is_vp8_key_frame(payload))
        elif codec.name.upper() == "H264":
            kinds = h264_units(payload)
            self._note_key_frame(timestamp, is_key=any(kind == NAL_IDR for kind, _ in kinds))
            for kind, unit in kinds:
                if kind == NAL_SPS and len(unit) >= 4:
                    self.profile_sent = unit[1:4].hex()

    def _note_key_frame(self, timestamp: int, *, is_key: bool) -> None:
        if is_key and self._key_timestamp != timestamp:  # its slices share it
            self.key_frames += 1
            self._key_timestamp = timestamp


def h264_units(payload: bytes) -> list[tuple[int, bytes]]:
    """List the NAL units that begin in an RTP payload: (type, bytes) (RFC 6184)."""
    if not payload:
        return []
    kind = payload[0] & 31
    if kind == NAL_FU_A:
        starts = len(payload) > 1 and payload[1] & 0x80
        return [(payload[1] & 31, payload[1:])] if starts else []
    if kind != NAL_STAP_A:
        return [(kind, payload)]
    units = []
    rest = payload[1:]
    while len(rest) > 2:
        size = int.from_bytes(rest[:2], "big")
        unit, rest = rest[2 : 2 + size], rest[2 + size :]
        if unit:
            units.append((unit[0] & 31, unit))
    return units


def is_vp8_key_frame(payload: bytes) -> bool:
    """Tell whether a VP8 key frame begins in this payload (RFC 7741 section 4.2)."""
    if not payload or payload[0] & 0x17 != 0x10:  # S set, partition 0
        return False
    offset = 1
    if payload[0] & 0x80 and len(payload) > 1:
        flags = payload[1]
        offset = 2
        if flags & 0x80:
            offset += 2 if len(payload) > 2 and payload[2] & 0x80 else 1
        offset += bool(flags & 0x40) + bool(flags & 0x30)
    return len(payload) > offset and not payload[offset] & 1


class PictureMeter:
    """Judges decoded pictures by their thumbnails.

    A freeze is a stretch in which the picture doesn't change, or none comes, for longer than
    three usual frame intervals and 250 ms, whichever is more.
    """

    def __init__(self) -> None:
        self.first_at: float | None = None
        self.size = (0, 0)
        self._times: list[float] = []
        self._changes: list[float] = []
        self._thumbnail = b""
        self._luma = 0.0
        self._blacks = 0

    @property
    def count(self) -> int:
        return len(self._times)

    def receive_picture(self, now: float, size: tuple[int, int], thumbnail: bytes) -> None:
        """Note a picture; ``thumbnail`` is 8 bit luma, 0 black and 255 white."""
        if self.first_at is None:
            self.first_at = now
        self.size = size
        self._times.append(now)
        mean = sum(thumbnail) / len(thumbnail)
        self._luma += mean
        self._blacks += mean < BLACK_MEAN and max(thumbnail) < BLACK_PEAK
        if has_moved(self._thumbnail, thumbnail):
            self._changes.append(now)
            self._thumbnail = thumbnail

    def report(self, end: float) -> PictureReport | None:
        """Sum up at ``end``; None if there was no picture."""
        if not self._times:
            return None
        intervals = [later - sooner for sooner, later in pairwise(self._times)]
        usual = median(intervals) if intervals else 0.0
        limit = max(FREEZE_FLOOR, FREEZE_INTERVALS * usual)
        freezes = self._freezes(end, limit)
        length, start = max(freezes, default=(0.0, 0.0))
        return PictureReport(
            width=self.size[0],
            height=self.size[1],
            pictures=self.count,
            fps=self._rate(),
            freezes=len(freezes),
            longest_freeze_ms=round(1000 * length),
            frozen_ms=round(1000 * sum(length for length, _ in freezes)),
            longest_freeze_kind=self._kind(start, start + length, limit) if freezes else "",
            mean_luma=round(self._luma / self.count, 1),
            black=self._blacks >= BLACK_SHARE * self.count,
        )

    def _rate(self) -> float:
        """Pictures a second, without the first one: an instant start brings many at once."""
        settled = [time for time in self._times if time >= self._times[0] + SETTLE_SECONDS]
        times = settled if len(settled) > 1 else self._times
        covered = times[-1] - times[0]
        return round((len(times) - 1) / covered, 2) if covered > 0 else 0.0

    def _freezes(self, end: float, limit: float) -> list[tuple[float, float]]:
        marks = [*self._changes, max(end, self._changes[-1])]
        gaps = ((later - sooner, sooner) for sooner, later in pairwise(marks))
        return [gap for gap in gaps if gap[0] > limit]

    def _kind(self, start: float, end: float, limit: float) -> str:
        marks = [start, *(time for time in self._times if start < time < end), end]
        pause = max(later - sooner for sooner, later in pairwise(marks))
        return "no-frame" if pause > limit else "unchanged"


def has_moved(before: bytes, after: bytes) -> bool:
    """Tell whether any cell of a thumbnail changed by more than coding noise."""
    if before == after:
        return False
    return len(before) != len(after) or max(map(abs, map(sub, before, after))) >= MOVEMENT


class SoundMeter:
    """Measures decoded sound: 16 bit samples, interleaved."""

    def __init__(self) -> None:
        self.first_at: float | None = None
        self._samples = 0
        self._squares = 0
        self._peak = 0
        self._channels = 0
        self._sample_rate = 0

    def receive_sound(self, now: float, rate: int, channels: int, samples: bytes) -> None:
        """Note one frame of sound, in the machine's byte order."""
        if self.first_at is None:
            self.first_at = now
        self._channels, self._sample_rate = channels, rate
        values = array("h", samples)
        if not values:
            return
        self._samples += len(values)
        self._squares += sum(map(mul, values, values))
        self._peak = max(self._peak, max(values), -min(values))

    def report(self) -> SoundReport | None:
        """Sum up; None if no sound was decoded."""
        if not self._samples:
            return None
        peak = dbfs(self._peak)
        return SoundReport(
            peak_dbfs=peak,
            rms_dbfs=dbfs(math.sqrt(self._squares / self._samples)),
            silent=peak < SILENCE_DBFS,
            sample_rate=self._sample_rate,
            channels=self._channels,
        )


def dbfs(amplitude: float) -> float:
    """Return decibels below full scale of a 16 bit amplitude."""
    if amplitude <= 0:
        return FLOOR_DBFS
    return round(max(FLOOR_DBFS, 20 * math.log10(amplitude / FULL_SCALE)), 1)
