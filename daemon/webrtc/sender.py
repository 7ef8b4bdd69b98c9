"""Sender: one delivery becomes system calls, with UDP segmentation offload where it can be.

A full socket is an answer and no error: the delivery is gone on with later. Each viewer's own
errors are counted and cost nobody else anything.
"""

import errno
import logging
import socket
import struct
import time
from collections.abc import Callable, Mapping
from enum import StrEnum

from daemon.rtc import native
from daemon.rtc.demux import Address
from daemon.rtc.fanout import Delivery
from daemon.rtc.native import Spool, Work

log = logging.getLogger(__name__)

CLOCK_EVERY = 8  # plain sends between two looks at the clock
BUFFERS_A_PACKET = 2  # see rtc.srtp.Outbound.protect_burst
UDP_SEGMENT = 103  # linux/udp.h; Python's socket module doesn't name it
NO_GSO = (errno.EIO, errno.EINVAL, errno.EMSGSIZE, errno.EOPNOTSUPP, errno.ENOPROTOOPT)
FULL = (errno.EAGAIN, errno.ENOBUFS)
NO_SOCKET = -1


class Progress(StrEnum):
    """How far a delivery came."""

    DONE = "done"
    LATER = "later"  # time is up
    FULL = "full"  # the socket takes no more


class _SegmentMessages(dict[int, list[tuple[int, int, bytes]]]):
    """Segment size -> the control message that asks the kernel for it, made once."""

    def __missing__(self, segment: int) -> list[tuple[int, int, bytes]]:
        message = [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("=H", segment))]
        self[segment] = message
        return message


class Sender:
    """What the mux sends through; ``count`` hears of what went wrong."""

    def __init__(
        self,
        sockets: Mapping[int, socket.socket],
        count: Callable[[str], None],
        *,
        use_gso: bool = True,
    ) -> None:
        self.uses_gso = use_gso and _has_gso()
        self.spool: Spool | None = Spool() if native.IS_AVAILABLE else None
        self._sockets = sockets
        self._by_is_v6: dict[bool, socket.socket] = {}  # hashing an address family is slow
        self._numbers = (NO_SOCKET, NO_SOCKET)  # file descriptors for burst.c: IPv4, IPv6
        self._count = count
        self._plain_destinations: set[str] = set()
        self._segment_messages = _SegmentMessages()

    def use(self, family: int, sock: socket.socket) -> None:
        """Send through this socket from now on."""
        self._by_is_v6[family == socket.AF_INET6] = sock
        v4, v6 = (self._by_is_v6.get(is_v6) for is_v6 in (False, True))
        self._numbers = (v4.fileno() if v4 else NO_SOCKET, v6.fileno() if v6 else NO_SOCKET)

    def run(self, delivery: Delivery, deadline: float) -> Progress:
        """Go on with a delivery until it's done, time is up or the socket is full."""
        if delivery.work is not None:
            assert self.spool is not None
            progress = self._run_native(delivery.work, self.spool, deadline)
            if progress is not Progress.DONE:
                return progress
        return self._run_plain(delivery, deadline)

    def send_one(self, data: bytes, address: Address) -> None:
        """Send a datagram by itself; if that fails, it's counted."""
        try:
            self._by_is_v6[":" in address[0]].sendto(data, address)
        except OSError as error:
            self._count_error(error.errno)

    # -- burst.c

    def _run_native(self, work: Work, spool: Spool, deadline: float) -> Progress:
        while not work.is_finished:
            if work.sent == work.made:
                work.protect(spool)
            elif (error := work.send(spool, self._numbers, with_segments=self.uses_gso)) != 0:
                if error in FULL:
                    return Progress.FULL
                self._react(work, spool, error)
            elif time.monotonic() > deadline:
                return Progress.LATER
        return Progress.DONE

    def _react(self, work: Work, spool: Spool, error: int) -> None:
        """Find another way for the piece in turn, or give it up."""
        piece = spool.pieces[work.sent]
        if error in NO_GSO and piece.packets > 1 and not piece.lane.is_plain:
            self._note_plain(work.refuse_segments(spool), error)
        else:
            self._count_error(error)
            work.skip_piece()

    # -- its twin

    def _run_plain(self, delivery: Delivery, deadline: float) -> Progress:
        send = self._send_run
        left = CLOCK_EVERY
        if delivery.waiting is not None and not send(*delivery.waiting):
            return Progress.FULL
        delivery.waiting = None
        for transmission in delivery.transmissions:
            if not send(*transmission):
                delivery.waiting = transmission
                return Progress.FULL
            left -= 1
            if not left:
                if time.monotonic() > deadline:
                    return Progress.LATER
                left = CLOCK_EVERY
        return Progress.DONE

    def _send_run(self, address: Address, buffers: list[bytes], segment: int) -> bool:
        """One system call for a run; False when the socket's buffer is full."""
        host = address[0]
        sock = self._by_is_v6[":" in host]
        try:
            if len(buffers) == BUFFERS_A_PACKET:  # audio: this is cheaper than sendmsg
                sock.sendto(b"".join(buffers), address)
            elif self.uses_gso and host not in self._plain_destinations:
                sock.sendmsg(buffers, self._segment_messages[segment], 0, address)
            else:
                return self._send_plain(sock, buffers, address)
        except OSError as error:
            if error.errno in FULL:
                return False
            if error.errno in NO_GSO and len(buffers) > BUFFERS_A_PACKET:
                self._note_plain(host, error.errno or 0)
                return self._send_plain(sock, buffers, address)
            self._count_error(error.errno)
        return True

    def _send_plain(self, sock: socket.socket, buffers: list[bytes], address: Address) -> bool:
        for first in range(0, len(buffers), BUFFERS_A_PACKET):
            try:
                sock.sendto(buffers[first] + buffers[first + 1], address)
            except OSError as error:
                if error.errno in FULL and first == 0:
                    return False
                self._count_error(error.errno)
        return True

    def _note_plain(self, host: str, error: int) -> None:
        if host not in self._plain_destinations:
            self._plain_destinations.add(host)
            log.warning("webrtc: %s takes no UDP segments (%s)", host, errno.errorcode[error])

    def _count_error(self, error: int | None) -> None:
        self._count(f"send_{errno.errorcode.get(error or 0, 'error').lower()}")


def _has_gso() -> bool:
    """Probe the kernel once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1200)
        except OSError:
            return False
    return True
