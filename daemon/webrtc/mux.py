"""Mux: the viewers' UDP socket: datagram -> Peer, timers, and the fan-out's sends.

One socket per address family serves all viewers (RFC 7983). Nothing that is not authentic gets
an answer, an object or a log line: it is counted.
"""

import asyncio
import errno
import logging
import math
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from daemon.limit import Buckets
from daemon.rtc import demux, stun
from daemon.rtc.demux import Address, Kind
from daemon.rtc.fanout import Delivery
from daemon.rtc.native import Spool
from daemon.rtc.peer import Event, Peer, State
from daemon.webrtc.sender import Progress, Sender
from daemon.webrtc.watch import Watch

log = logging.getLogger(__name__)

BATCH = 64  # datagrams per wake-up, then others have their turn
MAX_DATAGRAM = 2048
BUFFER = 4 << 20  # bytes asked for, each way
SMALL_BUFFER = 1 << 20  # below this the operator should hear of it
SLICE = 0.002  # seconds of fan-out before other work has its turn
TOGETHER = 0.25  # seconds: what may be a bit late is done in few wake-ups
SETTLED = (State.CONNECTED, State.CLOSED)
QUIET = 1.0  # seconds after the last burst; then nobody misses a packet of it
MAX_LAG = 0.5  # seconds a burst may wait for the socket; older frames are dropped


@dataclass(slots=True)
class Job:
    """A burst on its way; ``abandon`` closes the gates of those that it didn't reach."""

    delivery: Delivery
    abandon: Callable[[Delivery, Spool | None], None]


class Mux:
    """The sockets. ``on_event`` hears of every peer's events, after its datagrams were sent."""

    def __init__(
        self, on_event: Callable[[Peer, Event], None], *, use_gso: bool = True
    ) -> None:
        self.counters: dict[str, int] = {}
        self.sockets: dict[int, socket.socket] = {}
        self._on_event = on_event
        self.sender = Sender(self.sockets, self._count, use_gso=use_gso)
        self._by_ufrag: dict[str, Peer] = {}
        self._by_address: dict[Address, Peer] = {}
        self._addresses: dict[Peer, set[Address]] = {}
        self._timers: dict[Peer, asyncio.TimerHandle] = {}
        self._watch = Watch(self._on_readable)
        self._joining: set[Peer] = set()
        self._last_burst = float("-inf")
        self._jobs: deque[Job] = deque()
        self._is_scheduled = False
        self._is_blocked = False
        self._buckets = Buckets(rate=50, burst=100)
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
        self.sender.use(family, sock)
        self._watch.add(sock)
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
            self._watch.remove(sock)
            self._loop.remove_writer(sock)
            sock.close()
        self.sockets.clear()

    # -- peers

    def add(self, ufrag: str, peer: Peer) -> None:
        """Route checks for ``ufrag`` to this peer; a second ufrag is an ICE restart."""
        self._by_ufrag[ufrag] = peer
        self._joining.add(peer)
        self._watch.wake()
        self.pump(peer)

    def remove(self, peer: Peer) -> None:
        """Route nothing to this peer any more."""
        self._joining.discard(peer)
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
        return now - self._jobs[0].delivery.burst.arrived if self._jobs else 0.0

    def pump(self, peer: Peer) -> None:
        """Drain a peer: send, tell, set its timer."""
        while (transmit := peer.poll_transmit()) is not None:
            self.sender.send_one(*transmit)
        while (event := peer.poll_event()) is not None:
            self._on_event(peer, event)
        if peer.state in SETTLED:
            self._joining.discard(peer)
        self._arm(peer)

    def _arm(self, peer: Peer) -> None:
        due = peer.next_timeout()
        if due is not None and peer.state is State.CONNECTED:
            due = _together(due)
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
        self._guard(peer, peer.handle_timeout, time.monotonic())

    def _guard(self, peer: Peer, action: Callable[..., None], *arguments: object) -> None:
        """Run one peer's work; a bug of ours ends this viewer and no other."""
        try:
            action(*arguments)
            # a report only puts deadlines off: the timer finds that out when it fires
            if peer.has_output or action != peer.receive_rtcp:
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
                now = time.monotonic()
                if self._is_quiet(now):
                    self._watch.rest(sock, _together(now))
                return
            except OSError as error:
                self._count(f"receive_{errno.errorcode.get(error.errno or 0, 'error').lower()}")
                continue
            self._dispatch(data, raw[:2])

    def _is_quiet(self, now: float) -> bool:
        """Whether nothing that viewers say now is urgent."""
        return not self._joining and now > self._last_burst + QUIET

    def _dispatch(self, data: bytes, address: Address) -> None:
        kind = demux.classify(data)
        peer = self._by_address.get(address)
        if kind is Kind.RTCP and peer is not None and peer.is_valid(address):
            now = time.monotonic()
            self._guard(peer, peer.receive_rtcp, data, now, not self._is_quiet(now))
            return
        if kind is Kind.STUN:
            peer = self._peer_of_check(data, peer, address)
        elif peer is not None and not peer.is_valid(address):
            del self._by_address[address]
            peer = None
        if peer is None or kind is None:
            self._count("unknown_sender" if kind else "not_ours")
            return
        self._guard(peer, peer.receive_datagram, data, address, time.monotonic())
        if kind is Kind.STUN and peer.is_valid(address):
            self._route(address, peer)
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
        self._last_burst = job.delivery.burst.arrived
        self._watch.wake()
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
            progress = self.sender.run(self._jobs[0].delivery, deadline)
            if progress is Progress.DONE:
                self._jobs.popleft()
            elif progress is Progress.FULL:
                self._wait_writable()
                return
            else:
                self._is_scheduled = True
                self._loop.call_soon(self._work)
                return

    def _wait_writable(self) -> None:
        self._count("send_queue_full")
        self._is_blocked = True
        for sock in self.sockets.values():
            self._loop.add_writer(sock, self._on_writable)

    def _on_writable(self) -> None:
        for sock in self.sockets.values():
            self._loop.remove_writer(sock)
        self._is_blocked = False
        self._work()

    def _drop_late(self) -> None:
        """Give up bursts that waited too long, for the socket or for the processor."""
        oldest = time.monotonic() - MAX_LAG
        while self._jobs and self._jobs[0].delivery.burst.arrived < oldest:
            self._count("bursts_dropped")
            job = self._jobs.popleft()
            job.abandon(job.delivery, self.sender.spool)

    def _count(self, what: str) -> None:
        self.counters[what] = self.counters.get(what, 0) + 1


def _together(due: float) -> float:
    """Put off what may be late to the moment at which the rest of it is done."""
    return math.ceil(due / TOGETHER) * TOGETHER
