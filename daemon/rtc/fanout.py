"""Fanout: one burst of one source goes to every viewer, in runs for UDP GSO.

A run of equal-sized packets, which one shorter packet may end, leaves in one system call
(Linux ``UDP_SEGMENT``). FFmpeg cuts all packets of a frame but the last to one size, and every
viewer gets the same sizes, so the runs are found once a burst.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from daemon.rtc import native
from daemon.rtc.demux import Address
from daemon.rtc.lane import Lane, PlainLane
from daemon.rtc.native import NativeLane
from daemon.rtc.timeline import PADDING, Plain
from daemon.rtc.track import Line, OutgoingTrack

MAX_RUN = 44  # segments; the kernel's limits are 64 segments and 65,507 bytes


NO_EXTENSIONS: Mapping[int, bytes] = {}


class Burst(NamedTuple):
    """Packets of one track that belong together: a frame, or a part of one.

    ``extensions``: the header extension of each packet, by what a lane negotiated.
    """

    kind: str
    packets: Sequence[Plain]
    is_keyframe: bool
    arrived: float
    extensions: Mapping[int, bytes] = NO_EXTENSIONS


Transmission = tuple[Address, list[bytes], int]
"""One system call: where to, two buffers a datagram, and the bytes of each but the last.

A plain tuple: thousands are made a second, and an object with names costs a microsecond.
"""


def runs(sizes: Sequence[int]) -> list[tuple[int, int, int]]:
    """Cut a burst into runs: (first, end, payload size of the first)."""
    found = []
    first = 0
    while first < len(sizes):
        size = sizes[first]
        end = first + 1
        while end < len(sizes) and end - first < MAX_RUN and sizes[end] == size:
            end += 1
        if end < len(sizes) and end - first < MAX_RUN and sizes[end] < size:
            end += 1
        found.append((first, end, size))
        first = end
    return found


class Group:
    """Lanes that get the same bursts. Never changed: bursts on their way keep theirs."""

    __slots__ = ("array", "native", "plain", "tracks")

    def __init__(self, tracks: Sequence[OutgoingTrack]) -> None:
        """``tracks`` must be open."""
        self.tracks = {track.lane: track for track in tracks if track.lane is not None}
        self.native = tuple(one for one in self.tracks if isinstance(one, NativeLane))
        self.plain = tuple(one for one in self.tracks if isinstance(one, PlainLane))
        self.array = native.pointers(self.native) if self.native else None


@dataclass(slots=True)
class Delivery:
    """A burst and whom it goes to, as far as it has come: C's part, then Python's."""

    burst: Burst
    group: Group
    work: native.Work | None
    plain: list[PlainLane]  # those not begun yet, the next one last
    transmissions: Iterator[Transmission]
    waiting: Transmission | None = None

    def unreached(self, spool: native.Spool | None) -> list[OutgoingTrack]:
        """List the tracks that have got nothing of it, and still wait for it."""
        lanes: list[Lane] = [*self.plain]
        if self.work is not None and spool is not None:
            lanes += self.work.unreached(spool)
        tracks = self.group.tracks
        return [tracks[lane] for lane in lanes if tracks[lane].lane is lane]


def deliver(burst: Burst, group: Group, turn: int) -> Delivery:
    """Prepare a burst for a group; ``turn`` rotates who is served first."""
    sizes = [len(packet[3]) for packet in burst.packets]
    cuts = runs(sizes)
    work = None
    if group.native:
        work = native.Work(
            group.native,
            group.array,
            turn % len(group.native),
            burst.packets,
            cuts,
            burst.extensions,
        )
    place = turn % len(group.plain) if group.plain else 0
    plain = [*group.plain[place:], *group.plain[:place]]
    return Delivery(burst, group, work, plain, _transmissions(burst, plain, cuts))


def _transmissions(
    burst: Burst, lanes: list[PlainLane], cuts: Sequence[tuple[int, int, int]]
) -> Iterator[Transmission]:
    """Yield what to send, viewer by viewer; lazily, so that a caller can pause."""
    packets = burst.packets
    octets = _octets(packets) if lanes else 0
    while lanes:
        lane = lanes.pop()
        address = lane.address
        if address is None or not lane.is_open:
            continue
        extension = burst.extensions.get(lane.extension, b"")
        buffers = lane.protect(packets, octets, extension)
        extra = lane.overhead + len(extension)
        for first, end, size in cuts:
            yield address, buffers[2 * first : 2 * end], size + extra


def _octets(packets: Sequence[Plain]) -> int:
    """Count payload bytes; padding doesn't count (RFC 3550 section 6.4.1)."""
    return sum(
        len(payload) - (payload[-1] if flags & PADDING else 0)
        for _, _, flags, payload in packets
    )


class Fanout:
    """The viewers of one track of one source: those who watch live, and those who wait."""

    def __init__(self) -> None:
        self.line = Line()
        self._live: dict[OutgoingTrack, None] = {}  # a set in order
        self._waiting: dict[OutgoingTrack, None] = {}
        self._group: Group | None = None
        self._turn = 0

    def wait(self, track: OutgoingTrack) -> None:
        """Let a closed track begin at the next burst that a decoder can begin with."""
        assert not track.is_open
        self._waiting[track] = None

    def go_live(self, track: OutgoingTrack) -> None:
        """Go on with an open track that has come as far as the line."""
        assert track.line.last_index == self.line.last_index
        track.line = self.line
        self._live[track] = None
        self._group = None

    def take(self, track: OutgoingTrack) -> None:
        """Close a track and take it out; harmless if it isn't here."""
        self._waiting.pop(track, None)
        if track in self._live:
            track.close()
            del self._live[track]
            self._group = None

    def begin(self, burst: Burst) -> tuple[Delivery | None, list[OutgoingTrack]]:
        """Prepare a live burst; also the tracks that begin, or begin anew, with it."""
        first = burst.packets[0][0]
        opened = []
        for track in list(self._waiting):
            if track.needs_keyframe and not burst.is_keyframe:
                track.dropped_frames += track.has_started
                continue
            track.open(first)
            track.line = self.line
            del self._waiting[track]
            self._live[track] = None
            opened.append(track)
        if opened or self._group is None:
            self._group = Group(list(self._live))
        self.line.last_index, self.line.last_timestamp = burst.packets[-1][:2]
        if not self._live:
            return None, opened
        self._turn += 1  # nobody is always the last
        return deliver(burst, self._group, self._turn), opened

    def abandon(self, delivery: Delivery, spool: native.Spool | None) -> None:
        """Close the gates of those that a burst didn't reach: it came too late for them."""
        before = delivery.burst.packets[0][0] - 1
        for track in delivery.unreached(spool):
            if track in self._live:
                track.close(before)
                track.dropped_frames += 1
                del self._live[track]
                self._group = None
                self.wait(track)
