"""Lane: one viewer's track as the fan-out needs it: numbers, keys, and where to send to.

Two kinds with the same doors. ``NativeLane`` lies in C memory, where burst.c walks over
thousands of packets a second; ``PlainLane`` is its twin in Python, for viewers with AES-CM and
for machines without the C file.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from daemon.rtc.demux import Address
from daemon.rtc.timeline import Plain

HEADER = 12  # bytes of an RTP header without extensions
Protect = Callable[[int, int, Sequence[Plain], int, int, bytes], list[bytes]]


class Lane(Protocol):
    """What a track does with its lane.

    ``sequence_offset``: outgoing index minus the line's. ``is_open``: whether live media goes
    out. ``extension``: which of a burst's header extensions this viewer negotiated, 0 for none.
    ``address``: None while there is no proven one. ``packets`` and ``octets``: sent so far
    (RFC 3550 section 6.4.1).
    """

    sequence_offset: int
    is_open: bool
    extension: int
    address: Address | None

    @property
    def packets(self) -> int: ...

    @property
    def octets(self) -> int: ...

    def note_sent(self, packets: int, octets: int) -> None:
        """Count what went out by another way than the fan-out."""


class PlainLane:
    """A lane in Python; ``protect`` is ``srtp.Outbound.protect_burst``."""

    __slots__ = (
        "_payload_type", "_protect", "_ssrc", "_timestamp_offset", "address", "extension",
        "is_open", "octets", "overhead", "packets", "sequence_offset",
    )  # fmt: skip

    def __init__(
        self,
        protect: Protect,
        overhead: int,
        *,
        ssrc: int,
        payload_type: int,
        timestamp_offset: int,
    ) -> None:
        self.sequence_offset = 0
        self.is_open = False
        self.extension = 0
        self.address: Address | None = None
        self.packets = 0
        self.octets = 0
        self.overhead = HEADER + overhead
        self._protect = protect
        self._ssrc = ssrc
        self._payload_type = payload_type
        self._timestamp_offset = timestamp_offset

    def note_sent(self, packets: int, octets: int) -> None:
        self.packets += packets
        self.octets += octets

    def protect(self, packets: Sequence[Plain], octets: int, extension: bytes) -> list[bytes]:
        """Encrypt a burst: two buffers a packet, see ``srtp.Outbound.protect_burst``."""
        self.packets += len(packets)
        self.octets += octets
        return self._protect(
            self._ssrc,
            self._payload_type,
            packets,
            self.sequence_offset,
            self._timestamp_offset,
            extension,
        )
