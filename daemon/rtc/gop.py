"""Gop: the current group of pictures of one track, for who joins, or lost the picture.

A decoder can begin with it at any time, so nobody waits for the source's next key frame.
Bounded in bytes and in age: of a longer group nothing is kept, and viewers wait.
"""

from collections.abc import Sequence
from enum import StrEnum

from daemon.rtc.timeline import CLOCK_RATES, MARKER, Plain

MAX_BYTES = 4 << 20
MAX_SECONDS = 10.0
MAX_PACKETS = 16_384  # many tiny packets cost memory that their bytes don't show


class Start(StrEnum):
    """What who joins gets at once."""

    OFF = "off"  # nothing: wait for the next key frame
    KEYFRAME = "keyframe"  # a still picture, until the next key frame
    GOP = "gop"  # all since the key frame: the current picture


class Gop:
    """Bursts since the last key frame. ``packets`` is a new list for each group."""

    def __init__(self, mode: Start = Start.GOP) -> None:
        self.mode = mode
        self.packets: list[Plain] = []
        self.octets = 0
        self.is_too_long = False  # the current group is, or the last one was
        self.interval_seconds: float | None = None  # between the last two key frames
        self.frame_ticks = 3000  # between the last two frames
        self._clock_rate = CLOCK_RATES["video"]
        self._began: int | None = None  # timestamp of the key frame

    def add(self, packets: Sequence[Plain], *, is_keyframe: bool) -> None:
        """Take a burst of the line, in order."""
        timestamp = packets[0][1]
        if is_keyframe:
            self._begin(timestamp)
        elif not self.packets:
            return
        elif timestamp != self.packets[-1][1]:
            self.frame_ticks = timestamp - self.packets[-1][1]
            if self.mode is Start.KEYFRAME:
                return
        if self.mode is Start.OFF:
            return
        assert self._began is not None
        self.packets.extend(packets)
        self.octets += sum([len(packet[3]) for packet in packets])
        if (
            self.octets > MAX_BYTES
            or len(self.packets) > MAX_PACKETS
            or timestamp - self._began > MAX_SECONDS * self._clock_rate
        ):
            self.is_too_long = True
            self.packets, self.octets = [], 0

    @property
    def is_whole(self) -> bool:
        """Whether it ends with the end of a frame, as its marker bit tells."""
        return bool(self.packets) and self.packets[-1][2] & MARKER != 0

    @property
    def has_hole(self) -> bool:
        """Whether packets are missing that never reached us, so that nobody can get over it."""
        packets = self.packets
        return bool(packets) and packets[-1][0] - packets[0][0] + 1 != len(packets)

    def seconds_to_next(self, timestamp: int) -> float | None:
        """Seconds from ``timestamp`` to the next key frame, as the last one came; or None."""
        if self.interval_seconds is None or self._began is None:
            return None
        return self.interval_seconds - (timestamp - self._began) / self._clock_rate

    def get(self, index: int) -> Plain | None:
        """Find a packet by its index on the line; None: it's not in the current group."""
        packets = self.packets
        if not packets:
            return None
        place = index - packets[0][0]
        # indices have holes only where FFmpeg's packets were lost: then look behind
        for at in range(min(place, len(packets) - 1), -1, -1):
            if packets[at][0] <= index:
                return packets[at] if packets[at][0] == index else None
        return None

    def _begin(self, timestamp: int) -> None:
        if self._began is not None:
            self.interval_seconds = (timestamp - self._began) / self._clock_rate
            self.is_too_long = self.is_too_long and not self.packets
        self._began = timestamp
        self.packets, self.octets = [], 0
