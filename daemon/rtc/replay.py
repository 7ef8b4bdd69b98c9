"""Replay: one track of one viewer catches up with the line, then goes live.

The group of pictures is sent paced, its timestamps squeezed into the time that this takes: the
decoder runs through and shows the newest picture, and the receiver's clock sees nothing odd,
for what comes fast is stamped close together. Sound begins live; the sender reports tell where
the picture belongs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from daemon.rtc.gop import Gop, Start
from daemon.rtc.timeline import CLOCK_RATES, Plain
from daemon.rtc.track import OutgoingTrack

MAX_SECONDS = 0.05  # that a replay takes: longer, its pictures are seen running
RATE = 120e6  # bits a second, if that is not too slow for the above
STEP = 0.002  # seconds between two chunks
MIN_CHUNK = 16  # packets
MAX_CHUNK = 48  # packets that the sender's memory surely holds
SHORT = 3000  # ticks: a frame at 30 a second; the next one may come as soon after a pause


@dataclass(frozen=True, slots=True)
class Squeeze:
    """Maps the timestamps from ``first`` to ``last`` to those from ``low`` to ``high``."""

    first: int
    last: int
    low: int
    high: int

    def __call__(self, timestamp: int) -> int:
        """Give the new timestamp; later ones stay as they are."""
        if timestamp > self.last:
            return timestamp
        if self.last == self.first:
            return self.high
        span, room = self.last - self.first, self.high - self.low
        return self.low + (timestamp - self.first) * room // span


class Replay:
    """A track on its way through the cache; drain ``poll`` whenever ``due`` has come."""

    def __init__(self, track: OutgoingTrack, gop: Gop, now: float) -> None:
        """``gop`` must be whole, and its last packet the line's last."""
        self.track = track
        self.due: float = now
        self._gop = gop
        self._packets = gop.packets
        self._position = 0
        self._is_still = gop.mode is Start.KEYFRAME
        seconds = min(MAX_SECONDS, gop.octets * 8 / RATE)
        chunk = math.ceil(len(gop.packets) * STEP / seconds)
        self._chunk = min(max(chunk, MIN_CHUNK), MAX_CHUNK)
        taken = STEP * math.ceil(len(gop.packets) / self._chunk)
        track.open(gop.packets[0][0], _squeeze(gop, taken, track.last_timestamp))

    def poll(self, now: float, last_index: int) -> Sequence[Plain]:
        """Take the next packets, of those up to ``last_index``; none: it has caught up."""
        if self._position >= len(self._packets) and self._packets is not self._gop.packets:
            self._packets, self._position = self._gop.packets, 0
        part = self._packets[self._position : self._position + self._chunk]
        while part and part[-1][0] > last_index:
            part.pop()
        self._position += len(part)
        self.due = now + STEP
        if part:
            self.track.note_replayed(part[-1])
        stamp = self.track.stamp
        return [(index, stamp(time), mark, payload) for index, time, mark, payload in part]

    @property
    def ends_live(self) -> bool:
        """Whether live media follows; else the viewer waits for the next key frame."""
        return not self._is_still


def _squeeze(gop: Gop, seconds: float, sent: int | None) -> Squeeze:
    """Place the group before the line's last timestamp, and behind what was ``sent``."""
    first, last = gop.packets[0][1], gop.packets[-1][1]
    high = last
    low = last - round(seconds * CLOCK_RATES["video"])
    if sent is not None:
        low = max(low, sent + 1)
        if low >= high:  # all was sent already: into the time before the next frame
            high = low + max(min(gop.frame_ticks, SHORT) // 2, 1)
    return Squeeze(first, last, min(low, high), high)
