"""Fanout: one burst of one source goes to every viewer, in runs for UDP GSO.

A run of equal-sized packets, which one shorter packet may end, leaves in one system call
(Linux ``UDP_SEGMENT``). FFmpeg cuts all packets of a frame but the last to one size, and every
viewer gets the same sizes, so the runs are found once a burst.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from daemon.rtc import native
from daemon.rtc.demux import Address
from daemon.rtc.lane import Lane, PlainLane
from daemon.rtc.native import NativeLane
from daemon.rtc.timeline import Plain
from daemon.rtc.track import Line, OutgoingTrack

MAX_RUN = 44  # segments; the kernel's limits are 64 segments and 65,507 bytes


@dataclass(frozen=True, slots=True)
class Burst:
    """Packets of one track that belong together: a frame, or what came of it in time.

    ``extensions``: the header extension of each packet, by what a lane negotiated.
    """

    kind: str
    packets: Sequence[Plain]
    is_keyframe: bool
    arrived: float
    extensions: Mapping[int, bytes] = field(default_factory=dict)


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

    __slots__ = ("array", "lanes", "native", "plain")

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self.lanes = tuple(lanes)
        self.native = tuple(one for one in lanes if isinstance(one, NativeLane))
        self.plain = tuple(one for one in lanes if isinstance(one, PlainLane))
        self.array = native.pointers(self.native) if self.native else None


@dataclass(slots=True)
class Delivery:
    """A burst and whom it goes to, as far as it has come: C's part, then Python's."""

    burst: Burst
    work: native.Work | None
    plain: list[PlainLane]  # those not begun yet, the next one last
    transmissions: Iterator[Transmission]
    waiting: Transmission | None = None


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
    return Delivery(burst, work, plain, _transmissions(burst, plain, cuts, sum(sizes)))


def _transmissions(
    burst: Burst, lanes: list[PlainLane], cuts: Sequence[tuple[int, int, int]], octets: int
) -> Iterator[Transmission]:
    """Yield what to send, viewer by viewer; lazily, so that a caller can pause."""
    packets = burst.packets
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


class Fanout:
    """The viewers of one track of one source."""

    def __init__(self) -> None:
        self.line = Line()
        self._tracks: dict[Lane, OutgoingTrack] = {}
        self._closed: set[OutgoingTrack] = set()
        self._group: Group | None = None
        self._turn = 0

    def __len__(self) -> int:
        return len(self._tracks)

    def add(self, track: OutgoingTrack) -> None:
        """Take a viewer in; it begins at the next burst that a decoder can begin with."""
        track.line = self.line
        self._tracks[track.lane] = track
        self._closed.add(track)

    def remove(self, track: OutgoingTrack) -> None:
        """Forget a viewer; a second time is harmless."""
        track.lane.is_open = False
        self._closed.discard(track)
        if self._tracks.pop(track.lane, None) is not None:
            self._group = None

    def begin(self, burst: Burst) -> tuple[Delivery | None, list[OutgoingTrack]]:
        """Prepare a live burst; also the tracks that begin, or begin anew, with it."""
        opened = [
            track
            for track in self._closed
            if track.accepts(burst.packets, is_keyframe=burst.is_keyframe)
        ]
        if opened:
            self._closed.difference_update(opened)
            self._group = None
        self.line.last_index = burst.packets[-1][0]
        if self._group is None:
            self._group = Group([lane for lane in self._tracks if lane.is_open])
        if not self._group.lanes:
            return None, opened
        self._turn += 1  # nobody is always the last
        return deliver(burst, self._group, self._turn), opened

    def abandon(self, delivery: Delivery, spool: native.Spool | None) -> None:
        """Close the gates of those that a burst didn't reach: it came too late for them."""
        before = delivery.burst.packets[0][0] - 1
        unreached: list[Lane] = [*delivery.plain]
        if delivery.work is not None and spool is not None:
            unreached += delivery.work.unreached(spool)
        for lane in unreached:
            track = self._tracks.get(lane)
            if track is not None and lane.is_open:
                track.close_gate(before)
                self._closed.add(track)
                self._group = None
