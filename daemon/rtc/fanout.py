"""Fanout: one burst of one source becomes each viewer's datagrams, grouped for UDP GSO.

A run of equal-sized packets, which one shorter packet may end, leaves in one system call
(Linux ``UDP_SEGMENT``). FFmpeg cuts all packets of a frame but the last to one size, and every
viewer gets the same sizes, so the runs are found once a burst.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from daemon.rtc.demux import Address
from daemon.rtc.timeline import Plain
from daemon.rtc.track import OutgoingTrack

HEADER = 12  # bytes of an RTP header without extensions
MAX_RUN = 44  # segments; the kernel's limits are 64 segments and 65,507 bytes


@dataclass(frozen=True, slots=True)
class Burst:
    """Packets of one track that belong together: a frame, or what came of it in time."""

    kind: str
    packets: Sequence[Plain]
    is_keyframe: bool
    arrived: float


Transmission = tuple[Address, list[bytes], int]
"""One system call: where to, two buffers a datagram, and the bytes of each but the last.

A plain tuple: thousands are made a second, and an object with names costs a microsecond.
"""


class Viewer(Protocol):
    """What the fan-out needs of a peer."""

    @property
    def media_address(self) -> Address | None: ...

    @property
    def tracks(self) -> Mapping[str, OutgoingTrack]: ...


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


def transmissions(burst: Burst, viewers: Sequence[Viewer]) -> Iterator[Transmission]:
    """Yield what to send, viewer by viewer; lazily, so that a caller can pause."""
    packets = burst.packets
    kind = burst.kind
    sizes = [len(packet[3]) for packet in packets]
    total = sum(sizes)
    cuts = runs(sizes)
    is_whole = len(cuts) == 1
    for viewer in viewers:
        address = viewer.media_address
        track = viewer.tracks.get(kind)
        if address is None or track is None:
            continue
        if not track.is_open and not track.accepts(packets, is_keyframe=burst.is_keyframe):
            continue
        buffers = track.protect(packets, total)
        extra = HEADER + track.overhead
        if is_whole:
            yield address, buffers, sizes[0] + extra
        else:
            for first, end, size in cuts:
                yield address, buffers[2 * first : 2 * end], size + extra
