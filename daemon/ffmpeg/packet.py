"""Packets of a video stream as ``-f framecrc`` lists them: B-frames, key frames; sans-IO."""

import re
from dataclasses import dataclass, field
from fractions import Fraction

from daemon.ffmpeg.line import LineSplitter

ENOUGH_PACKETS = 40  # reordering shows within a group of 16 at most (H.264 A.3.1)
_UNKNOWN = -(2**62)  # FFmpeg writes a time that it doesn't know as -2^63
_TIME_BASE = re.compile(r"#tb (\d{1,4}): (\d{1,10})/(\d{1,10})")
_PACKET = re.compile(
    r"(\d{1,4}), *(-?\d{1,19}), *(-?\d{1,19}), *-?\d{1,19}, *\d{1,19}, *0x[0-9a-f]{1,8}"
    r"(?:, F=0x([0-9a-f]{1,8}))?(?:,.*)?"
)


@dataclass(slots=True)
class Timing:
    """What the packets of one stream have shown so far."""

    time_base: Fraction = Fraction(1, 1)
    packets: int = 0
    has_reordering: bool = False
    keyframes: list[int] = field(default_factory=list)  # presentation times, at most two
    _latest: int | None = None

    @property
    def has_b_frames(self) -> bool | None:
        """None: too few packets to tell."""
        if self.has_reordering:
            return True
        return False if self.packets >= ENOUGH_PACKETS or self._is_whole_group else None

    @property
    def keyframe_interval_seconds(self) -> float | None:
        """From the first key frame to the second; None: not seen."""
        if len(self.keyframes) < 2:
            return None
        return float((self.keyframes[1] - self.keyframes[0]) * self.time_base)

    @property
    def seconds_without_keyframe(self) -> float:
        """From the last key frame noted to the last packet; 0 before a key frame."""
        if not self.keyframes or self._latest is None:
            return 0.0
        return float((self._latest - self.keyframes[-1]) * self.time_base)

    @property
    def is_known(self) -> bool:
        """Whether more packets are of no use: reordering rules out a copy whatever the GOP."""
        if self.has_b_frames is None:
            return False
        return self.has_b_frames or self.keyframe_interval_seconds is not None

    @property
    def _is_whole_group(self) -> bool:
        return len(self.keyframes) > 1 and self.packets > 2

    def note(self, pts: int, *, is_keyframe: bool) -> None:
        """Take the next packet, in the order of decoding."""
        if pts <= _UNKNOWN:
            return
        self.packets += 1
        if self._latest is not None and pts < self._latest:
            self.has_reordering = True
        self._latest = pts if self._latest is None else max(pts, self._latest)
        if is_keyframe and len(self.keyframes) < 2:
            self.keyframes.append(pts)


class PacketReader:
    """Reads framecrc's output in any pieces; streams are numbered as mapped."""

    def __init__(self) -> None:
        self._lines = LineSplitter()
        self._timings: dict[int, Timing] = {}

    def feed(self, data: bytes) -> None:
        for line in self._lines.feed(data):
            if packet := _PACKET.fullmatch(line):
                stream, _, pts, flags = packet.groups()
                # Only flags other than those of a plain key packet are written
                is_keyframe = flags is None or bool(int(flags, 16) & 1)
                self.timing(int(stream)).note(int(pts), is_keyframe=is_keyframe)
            elif base := _TIME_BASE.fullmatch(line):
                numerator, denominator = int(base[2]), max(int(base[3]), 1)
                self.timing(int(base[1])).time_base = Fraction(numerator, denominator)

    def timing(self, stream: int) -> Timing:
        """Give what is known about the stream of that number, perhaps nothing."""
        return self._timings.setdefault(stream, Timing())
