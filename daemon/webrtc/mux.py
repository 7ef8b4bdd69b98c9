"""Mux: the viewers' UDP socket: datagram -> Peer, timers, and the fan-out's sends.

One socket per address family serves all viewers (RFC 7983). Nothing that is not authentic gets
an answer, an object or a log line: it is counted.
"""

import asyncio
import errno
import logging
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from daemon.rtc import demux, stun
from daemon.rtc.demux import Address, Kind
from daemon.rtc.fanout import Transmission
from daemon.rtc.peer import Event, Peer
from daemon.webrtc.bucket import Buckets

log = logging.getLogger(__name__)

BATCH = 64  # datagrams per wake-up, then others have their turn
MAX_DATAGRAM = 2048
BUFFER = 4 << 20  # bytes asked for, each way
SMALL_BUFFER = 1 << 20  # below this the operator should hear of it
SLICE = 0.002  # seconds of fan-out before other work has its turn
CLOCK_EVERY = 8  # sends between two looks at the clock: a tenth of a slice
MAX_LAG = 0.5  # seconds a burst may wait for the socket; older frames are dropped
BUFFERS_A_PACKET = 2  # see rtc.srtp.Outbound.protect_burst
UDP_SEGMENT = 103  # linux/udp.h; Python's socket module doesn't name it
NO_GSO = (errno.EIO, errno.EINVAL, errno.EMSGSIZE, errno.EOPNOTSUPP, errno.ENOPROTOOPT)
FULL = (errno.EAGAIN, errno.ENOBUFS)


@dataclass(slots=True)
class Job:
    """A burst on its way to its viewers; ``abandon`` closes the gates of those left."""

    arrived: float
    transmissions: Iterator[Transmission]
    abandon: Callable[[], None]
    waiting: Transmission | None = None


class _SegmentMessages(dict[int, list[tuple[int, int, bytes]]]):
    """Segment size -> the control message that asks the kernel for it, made once."""

    def __missing__(self, segment: int) -> list[tuple[int, int, bytes]]:
        message = [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("=H", segment))]
        self[segment] = message
        return message


class Mux:
    """The sockets. ``on_event`` hears of every peer's events, after its datagrams were sent."""

    def __init__(
        self, on_event: Callable[[Peer, Event], None], *, use_gso: bool = True
    ) -> None:
        self.counters: dict[str, int] = {}
        self.sockets: dict[int, socket.socket] = {}
        self._by_is_v6: dict[bool, socket.socket] = {}  # hashing an address family is slow
        self._on_event = on_event
        self.uses_gso = use_gso and _has_gso()
        self._plain_destinations: set[str] = set()
        self._by_ufrag: dict[str, Peer] = {}
        self._by_address: dict[Address, Peer] = {}
        self._addresses: dict[Peer, set[Address]] = {}
        self._timers: dict[Peer, asyncio.TimerHandle] = {}
        self._jobs: deque[Job] = deque()
        self._is_scheduled = False
        self._is_blocked = False
        self._buckets = Buckets(rate=50, burst=100)
        self._segment_messages = _SegmentMessages()
        self._loop = asyncio.get_running_loop()

    def bind(self, host: str, port: int) -> int:
        """Bind IPv4 and, where there is one, IPv6; return the port. OSError when taken."""
        bound = self._bind(socket.AF_INET, host or "0.0.0.0", port)  # noqa: S104 - viewers are outside
        try:
            self._bind(socket.AF_INET6, "::1" if host else "::", bound)
        except OSError as error:
            log.info("webrtc: no IPv6 on port %d: %s", bound, error.strerror)
        return bound

    def _bind(self, family: int, host: str, port: int) -> int:
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            sock.bind((host, port))
        except OSError:
            sock.close()
            raise
        self.sockets[family] = sock
        self._by_is_v6[family == socket.AF_INET6] = sock
        self._loop.add_reader(sock, self._on_readable, sock)
        effective = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        level = logging.WARNING if effective < SMALL_BUFFER else logging.DEBUG
        log.log(level, "webrtc: UDP receive buffer %d bytes of %d asked", effective, BUFFER)
        bound: int = sock.getsockname()[1]
        return bound

    def close(self) -> None:
        """Stop everything and give the sockets back."""
        for timer in self._timers.values():
            timer.cancel()
        self._jobs.clear()
        for sock in self.sockets.values():
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)
            sock.close()
        self.sockets.clear()

    # -- peers

    def add(self, ufrag: str, peer: Peer) -> None:
        """Route checks for ``ufrag`` to this peer; a second ufrag is an ICE restart."""
        self._by_ufrag[ufrag] = peer
        self.pump(peer)

    def remove(self, peer: Peer) -> None:
        """Route nothing to this peer any more."""
        self._by_ufrag = {u: p for u, p in self._by_ufrag.items() if p is not peer}
        for address in self._addresses.pop(peer, ()):
            if self._by_address.get(address) is peer:
                del self._by_address[address]
        timer = self._timers.pop(peer, None)
        if timer is not None:
            timer.cancel()

    def has_ufrag(self, ufrag: str) -> bool:
        return ufrag in self._by_ufrag

    def queue_seconds(self, now: float) -> float:
        """How long the oldest burst has waited for the socket."""
        return now - self._jobs[0].arrived if self._jobs else 0.0

    def pump(self, peer: Peer) -> None:
        """Drain a peer: send, tell, set its timer."""
        while (transmit := peer.poll_transmit()) is not None:
            self._send_one(*transmit)
        while (event := peer.poll_event()) is not None:
            self._on_event(peer, event)
        self._arm(peer)

    def _arm(self, peer: Peer) -> None:
        due = peer.next_timeout()
        timer = self._timers.get(peer)
        if due is None:
            if timer is not None:
                timer.cancel()
                del self._timers[peer]
            return
        if timer is not None:
            if timer.when() <= due:
                return  # it will look again when it fires
            timer.cancel()
        self._timers[peer] = self._loop.call_at(due, self._on_timer, peer)

    def _on_timer(self, peer: Peer) -> None:
        self._timers.pop(peer, None)
        self._guard(peer, lambda: peer.handle_timeout(time.monotonic()))

    def _guard(self, peer: Peer, action: Callable[[], None]) -> None:
        """Run one peer's work; a bug of ours ends this viewer and no other."""
        try:
            action()
            self.pump(peer)
        except Exception:
            log.exception("webrtc: a viewer failed")
            peer.close("internal-error", time.monotonic())
            self.pump(peer)

    # -- datagrams in

    def _on_readable(self, sock: socket.socket) -> None:
        for _ in range(BATCH):
            try:
                data, raw = sock.recvfrom(MAX_DATAGRAM)
            except BlockingIOError:
                return
            except OSError as error:
                self._count(f"receive_{errno.errorcode.get(error.errno or 0, 'error').lower()}")
                continue
            self._dispatch(data, (raw[0], raw[1]))

    def _dispatch(self, data: bytes, address: Address) -> None:
        kind = demux.classify(data)
        peer = self._by_address.get(address)
        if kind is Kind.STUN:
            peer = self._peer_of_check(data, peer, address)
        elif peer is not None and not peer.is_valid(address):
            del self._by_address[address]
            peer = None
        if peer is None or kind is None:
            self._count("unknown_sender" if kind else "not_ours")
            return
        found = peer
        self._guard(found, lambda: found.receive_datagram(data, address, time.monotonic()))
        if kind is Kind.STUN and found.is_valid(address):
            self._route(address, found)
        elif kind is Kind.STUN:
            self._buckets.take(address[0], time.monotonic())

    def _route(self, address: Address, peer: Peer) -> None:
        """Take datagrams from there as this peer's; forget those that ICE has forgotten."""
        if self._by_address.get(address) is peer:
            return
        self._by_address[address] = peer
        routed = self._addresses.setdefault(peer, set())
        routed.add(address)
        for old in [one for one in routed if not peer.is_valid(one)]:
            routed.discard(old)
            if self._by_address.get(old) is peer:
                del self._by_address[old]

    def _peer_of_check(self, data: bytes, known: Peer | None, address: Address) -> Peer | None:
        """By the ufrag in USERNAME; answers to our own checks carry none: by address."""
        is_proven = known is not None and known.is_valid(address)
        # a bad neighbour behind the same address must not silence who is in already
        if not is_proven and not self._buckets.has_room(address[0], time.monotonic()):
            self._count("stun_rate")
            return None
        ufrag = stun.local_ufrag(data)
        return known if ufrag is None else self._by_ufrag.get(ufrag)

    # -- datagrams out

    def fan_out(self, job: Job) -> None:
        """Send a burst to its viewers, after those before it; yields to other work."""
        self._jobs.append(job)
        if self._is_blocked:
            self._drop_late()
        elif not self._is_scheduled:
            self._work()

    def _work(self) -> None:
        self._is_scheduled = False
        self._drop_late()
        deadline = time.monotonic() + SLICE
        while self._jobs:
            job = self._jobs[0]
            if self._run(job, deadline):
                self._jobs.popleft()
            elif self._is_blocked:
                return
            else:
                self._is_scheduled = True
                self._loop.call_soon(self._work)
                return

    def _run(self, job: Job, deadline: float) -> bool:
        """Go on with a job: True when done, False when time is up or the socket is full."""
        send = self._send_run
        left = CLOCK_EVERY
        if job.waiting is not None and not send(*job.waiting):
            self._wait_writable(job, job.waiting)
            return False
        job.waiting = None
        for transmission in job.transmissions:
            if not send(*transmission):
                self._wait_writable(job, transmission)
                return False
            left -= 1
            if not left:
                if time.monotonic() > deadline:
                    return False
                left = CLOCK_EVERY
        return True

    def _wait_writable(self, job: Job, transmission: Transmission) -> None:
        job.waiting = transmission
        self._count("send_queue_full")
        self._is_blocked = True
        sock = self._socket_for(transmission[0])
        self._loop.add_writer(sock, self._on_writable, sock)

    def _on_writable(self, sock: socket.socket) -> None:
        self._loop.remove_writer(sock)
        self._is_blocked = False
        self._work()

    def _drop_late(self) -> None:
        """Give up bursts that waited too long, for the socket or for the processor."""
        oldest = time.monotonic() - MAX_LAG
        while self._jobs and self._jobs[0].arrived < oldest:
            self._count("bursts_dropped")
            self._jobs.popleft().abandon()

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
                self._plain_destinations.add(address[0])
                log.warning("webrtc: %s takes no UDP segments (%s)", address[0], error.strerror)
                return self._send_plain(sock, buffers, address)
            self._count_error(error)
        return True

    def _send_plain(self, sock: socket.socket, buffers: list[bytes], address: Address) -> bool:
        for first in range(0, len(buffers), BUFFERS_A_PACKET):
            try:
                sock.sendto(buffers[first] + buffers[first + 1], address)
            except OSError as error:
                if error.errno in FULL and first == 0:
                    return False
                self._count_error(error)
        return True

    def _send_one(self, data: bytes, address: Address) -> None:
        try:
            self._socket_for(address).sendto(data, address)
        except OSError as error:
            self._count_error(error)

    def _socket_for(self, address: Address) -> socket.socket:
        return self._by_is_v6[":" in address[0]]

    def _count_error(self, error: OSError) -> None:
        self._count(f"send_{errno.errorcode.get(error.errno or 0, 'error').lower()}")

    def _count(self, what: str) -> None:
        self.counters[what] = self.counters.get(what, 0) + 1


def _has_gso() -> bool:
    """Probe the kernel once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1200)
        except OSError:
            return False
    return True
