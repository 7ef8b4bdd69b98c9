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

    ``is_open``: once False, nothing more goes out. ``extension``: which of a burst's header
    extensions this viewer negotiated, 0 for none. ``address``: None while there is no proven
    one. ``packets`` and ``octets``: sent so far (RFC 3550 section 6.4.1).
    """

    is_open: bool
    extension: int
    address: Address | None

    @property
    def packets(self) -> int: ...

    @property
    def octets(self) -> int: ...


class PlainLane:
    """A lane in Python; ``protect`` is ``srtp.Outbound.protect_burst``."""

    __slots__ = (
        "_payload_type", "_protect", "_sequence_offset", "_ssrc", "_timestamp_offset",
        "address", "extension", "is_open", "octets", "overhead", "packets",
    )  # fmt: skip

    def __init__(
        self,
        protect: Protect,
        overhead: int,
        *,
        ssrc: int,
        payload_type: int,
        sequence_offset: int,
        timestamp_offset: int,
    ) -> None:
        """``sequence_offset``: outgoing index minus the line's."""
        self._sequence_offset = sequence_offset
        self.is_open = True
        self.extension = 0
        self.address: Address | None = None
        self.packets = 0
        self.octets = 0
        self.overhead = HEADER + overhead
        self._protect = protect
        self._ssrc = ssrc
        self._payload_type = payload_type
        self._timestamp_offset = timestamp_offset

    def protect(self, packets: Sequence[Plain], octets: int, extension: bytes) -> list[bytes]:
        """Encrypt a burst: two buffers a packet, see ``srtp.Outbound.protect_burst``."""
        self.packets += len(packets)
        self.octets += octets
        return self._protect(
            self._ssrc,
            self._payload_type,
            packets,
            self._sequence_offset,
            self._timestamp_offset,
            extension,
        )
