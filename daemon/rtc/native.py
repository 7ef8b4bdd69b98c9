"""native: the door to burst.c, which moves the bytes of a burst where it could be built.

SRTP under AES-GCM (RFC 7714). Without a compiler at installation, without OpenSSL's library at
run time, or with AES-CM, ``lane.PlainLane`` does the same work; the tests hold both together.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pylibsrtp._binding

from daemon.rtc.demux import Address
from daemon.rtc.timeline import Plain

try:
    from daemon.rtc import _burst
except ImportError:  # installed without a compiler
    ffi: Any = None
    lib: Any = None
else:
    ffi, lib = _burst.ffi, _burst.lib

# The OpenSSL inside pylibsrtp first: it's a dependency, and newer than most systems' (its
# AES-GCM takes half the time of OpenSSL 3.0's on processors with VAES). Then the system's.
_INSIDE_PYLIBSRTP = str(pylibsrtp._binding.__file__)  # noqa: SLF001 - a path, nothing more
LIBRARIES = (_INSIDE_PYLIBSRTP, "libcrypto.so.3", "libcrypto.so.1.1")
ROOM = 1 << 17  # bytes that are encrypted before they are sent: they stay in the cache
MOST_PIECES = 256
OVERHEAD = 64  # bytes that protecting adds to a packet, at the most
MAX_EXTENSIONS = 256  # by one byte of a lane


def _open() -> bool:
    return lib is not None and any(lib.crypto_open(name.encode()) for name in LIBRARIES)


IS_AVAILABLE = _open()


class Cipher:
    """One viewer's AES-GCM and its salt; all its lanes share it. One thread only."""

    __slots__ = ("c", "salt")

    def __init__(self, key: bytes, salt: bytes) -> None:
        made = lib.cipher_new(key, len(key))
        assert made != ffi.NULL, "OpenSSL refused an AES-GCM key"
        self.c = ffi.gc(made, lib.cipher_free)
        self.salt = salt


class NativeLane:
    """One viewer's track in C memory; see ``lane.Lane`` for what the names mean."""

    __slots__ = ("_address", "_cipher", "c")

    def __init__(
        self,
        cipher: Cipher,
        *,
        ssrc: int,
        payload_type: int,
        sequence_offset: int,
        timestamp_offset: int,
    ) -> None:
        self.c = ffi.new("lane_t *")
        self.c.cipher = cipher.c
        self.c.salt = cipher.salt
        self.c.ssrc = ssrc
        self.c.payload_type = payload_type
        self.c.sequence_offset = sequence_offset
        self.c.timestamp_offset = timestamp_offset
        self.c.is_open = True
        self._cipher = cipher  # C memory doesn't keep it alive
        self._address: Address | None = None

    @property
    def address(self) -> Address | None:
        return self._address

    @address.setter
    def address(self, address: Address | None) -> None:
        if address != self._address:
            host = ipaddress.ip_address(address[0]).packed if address else b""
            lib.lane_set_address(self.c, host, len(host), address[1] if address else 0)
            self._address = address

    @property
    def is_open(self) -> bool:
        return bool(self.c.is_open)

    @is_open.setter
    def is_open(self, is_open: bool) -> None:
        self.c.is_open = is_open

    @property
    def extension(self) -> int:
        return int(self.c.extension)

    @extension.setter
    def extension(self, extension: int) -> None:
        self.c.extension = extension

    @property
    def packets(self) -> int:
        return int(self.c.packets)

    @property
    def octets(self) -> int:
        return int(self.c.octets)


def pointers(lanes: Sequence[NativeLane]) -> Any:
    """Make the array of lanes that ``Work`` walks; the lanes must outlive it."""
    return ffi.new("lane_t *[]", [one.c for one in lanes])


class Spool:
    """The memory that bursts go through, one at a time."""

    def __init__(self) -> None:
        self.out = ffi.new("uint8_t[]", ROOM)
        self.pieces = ffi.new("piece_t[]", MOST_PIECES)
        self.made = ffi.new("int *")
        self.error = ffi.new("int *")
        self.dropped = ffi.new("uint64_t *")


class Work:
    """One burst on its way to many native lanes, from ``turn`` on.

    ``done`` lanes are encrypted, all their pieces but those in the spool are sent.
    """

    def __init__(
        self,
        lanes: Sequence[NativeLane],
        array: Any,
        turn: int,
        packets: Sequence[Plain],
        runs: Sequence[tuple[int, int, int]],
        extensions: Mapping[int, bytes],
    ) -> None:
        self.done = 0
        self.made = 0
        self.sent = 0
        self._lanes = lanes
        self._array = array
        self._turn = turn
        self._payload = b"".join([packet[3] for packet in packets])
        assert len(self._payload) + OVERHEAD * len(packets) <= ROOM, "one lane must fit"
        self._packets = ffi.new("packet_t[]", len(packets))
        _fill(self._packets, packets)
        self._runs = ffi.new("run_t[]", [run[:2] for run in runs])
        self._extensions = _table(extensions)
        self._burst = ffi.new("burst_t *")
        self._burst.packets = self._packets
        self._burst.runs = self._runs
        self._burst.payload = self._held = ffi.from_buffer(self._payload)
        self._burst.extensions = self._extensions[0] if self._extensions else ffi.NULL
        self._burst.packet_count = len(packets)
        self._burst.run_count = len(runs)

    @property
    def is_finished(self) -> bool:
        return self.sent == self.made and self.done >= len(self._lanes)

    def protect(self, spool: Spool) -> None:
        """Encrypt for the next lanes, as far as the spool has room."""
        assert self.sent == self.made, "what is in the spool must go out first"
        self.done = lib.protect(
            self._array,
            len(self._lanes),
            self._turn,
            self.done,
            self._burst,
            spool.out,
            ROOM,
            spool.pieces,
            MOST_PIECES,
            spool.made,
        )
        assert self.done >= 0, "OpenSSL failed to encrypt"
        self.made = spool.made[0]
        self.sent = 0

    def send(self, spool: Spool, sockets: tuple[int, int], *, with_segments: bool) -> int:
        """Send what was encrypted; 0, or the error number of the piece at ``sent``."""
        self.sent = lib.send_pieces(
            *sockets,
            spool.out,
            spool.pieces,
            self.sent,
            self.made,
            with_segments,
            spool.error,
            spool.dropped,
        )
        return int(spool.error[0])

    def refuse_segments(self, spool: Spool) -> str:
        """Note that the path of the piece at ``sent`` takes no segments; give its host."""
        lane = spool.pieces[self.sent].lane
        lane.is_plain = True
        found = next(one for one in self._lanes if one.c == lane)
        return found.address[0] if found.address else ""

    def skip_piece(self) -> None:
        """Give up the piece at ``sent``: its viewer can't be reached."""
        self.sent += 1

    def unreached(self, spool: Spool) -> list[NativeLane]:
        """List the lanes that have got nothing of this burst yet."""
        count = len(self._lanes)
        turned = [self._lanes[(self._turn + place) % count] for place in range(count)]
        begun = spool.pieces[self.sent - 1].lane if 0 < self.sent < self.made else None
        waiting = [spool.pieces[place].lane for place in range(self.sent, self.made)]
        left = [one for one in turned[: self.done] if one.c in waiting and one.c != begun]
        return left + turned[self.done :]


def _fill(array: Any, packets: Iterable[Plain]) -> None:
    offset = 0
    for place, (index, timestamp, flags, payload) in enumerate(packets):
        size = len(payload)
        array[place] = (index, timestamp & 0xFFFFFFFF, offset, size, flags)
        offset += size


def _table(extensions: Mapping[int, bytes]) -> tuple[Any, list[Any]] | None:
    """Make the table by lane, and the bytes that it points to."""
    if not extensions:
        return None
    table = ffi.new("extension_t[]", MAX_EXTENSIONS)
    held = []
    for number, block in extensions.items():
        held.append(ffi.from_buffer(block))
        table[number] = (held[-1], len(block))
    return table, held
