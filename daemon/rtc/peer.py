"""Peer: one viewer's WebRTC connection: ICE, DTLS, SRTP and its tracks, as one sans-IO machine.

Feed it datagrams and time; after each input drain ``poll_transmit`` and ``poll_event``, then
wait until ``next_timeout``.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from daemon.errors import ProtocolError
from daemon.rtc import consent, demux, dtls, rtcp, srtp
from daemon.rtc.codecs import NegotiatedTrack
from daemon.rtc.demux import Address, Kind
from daemon.rtc.dtls import Certificate, Dtls
from daemon.rtc.feedback import Feedback
from daemon.rtc.history import History
from daemon.rtc.ice import Credentials, IceLite
from daemon.rtc.track import OutgoingTrack

ICE_DEADLINE = 10.0  # seconds from the answer to the first authenticated check
REPORT_INTERVALS = (0.0, 1.0, 1.0, 1.0, 2.0, 3.0, 5.0)  # seconds; the last one goes on


class State(StrEnum):
    """Where a peer is on its way; each state but CONNECTED and CLOSED has a deadline."""

    NEW = "new"
    DTLS = "dtls"
    CONNECTED = "connected"
    CLOSED = "closed"


NEXT: dict[State, frozenset[State]] = {
    State.NEW: frozenset({State.DTLS, State.CLOSED}),
    State.DTLS: frozenset({State.CONNECTED, State.CLOSED}),
    State.CONNECTED: frozenset({State.CLOSED}),
    State.CLOSED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Connected:
    """Media may flow."""

    profile: srtp.Profile


@dataclass(frozen=True, slots=True)
class Closed:
    """The peer is gone; ``reason`` is a stable word, ``detail`` a sentence or empty."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class KeyframeWanted:
    """The viewer's decoder has lost the picture of this track (PLI or FIR)."""

    kind: str


Event = Connected | Closed | KeyframeWanted


@dataclass(frozen=True, slots=True)
class TrackSetup:
    """One negotiated track and the random numbers it starts with."""

    media: NegotiatedTrack
    ssrc: int
    first_sequence: int
    timestamp_offset: int
    rtx_ssrc: int
    first_rtx_sequence: int


@dataclass(frozen=True, slots=True)
class Setup:
    """All that a peer is made of; every random value in it is the caller's."""

    local: Credentials
    remote: Credentials
    certificate: Certificate
    fingerprints: Sequence[tuple[str, bytes]]
    tracks: Sequence[TrackSetup]
    histories: dict[str, History]
    ntp: Callable[[float], int]
    """NTP time (32.32 bits) of ``now``."""
    clock: Callable[[str, float], int | None]
    """(kind, now) -> the line's timestamp at ``now``; None before media."""
    cname: str
    tie_breaker: int
    transaction_seed: bytes
    counters: dict[str, int] = field(default_factory=dict)


class Peer:
    """One viewer."""

    def __init__(self, setup: Setup, now: float) -> None:
        self.state = State.NEW
        self.created = now
        self.connected_at: float | None = None
        self.first_media_at: float | None = None
        self.profile: srtp.Profile | None = None
        self.dropped: dict[str, int] = {}
        self.media_address: Address | None = None  # None unless connected
        self.tracks: dict[str, OutgoingTrack] = {}  # by line; empty before the handshake
        self._setup = setup
        self._ice = IceLite(
            setup.local,
            setup.remote,
            tie_breaker=setup.tie_breaker,
            transaction_seed=setup.transaction_seed,
            now=now,
        )
        self._dtls: Dtls | None = None
        self._inbound: srtp.Inbound | None = None
        self._outbound: srtp.Outbound | None = None
        self._feedback: Feedback | None = None
        self._transmits: deque[tuple[bytes, Address]] = deque()
        self._events: deque[Event] = deque()
        self._reports_sent = 0
        self._reported: set[str] = set()
        self._next_report: float | None = None
        self._dtls_address: Address | None = None

    # -- what the API looks at

    @property
    def address(self) -> Address | None:
        """The viewer's address as far as it is proven."""
        return self._ice.selected

    @property
    def feedback(self) -> Feedback | None:
        """What the viewer reported; None before the handshake is done."""
        return self._feedback

    @property
    def kinds(self) -> tuple[str, ...]:
        """What was negotiated: "video", "audio"."""
        return tuple(track.media.kind for track in self._setup.tracks)

    def is_valid(self, address: Address) -> bool:
        """Whether datagrams from this address are ours to look at."""
        return self._ice.is_valid(address)

    # -- inputs

    def receive_datagram(self, data: bytes, address: Address, now: float) -> None:
        """Take one datagram. What is malformed or not authentic is counted and dropped."""
        if self.state is State.CLOSED:
            return
        kind = demux.classify(data)
        if kind is Kind.STUN:
            self._ice.receive_datagram(data, address, now)
            self._drain_ice(now)
        elif not self._ice.is_valid(address):
            self._drop("unproven_address")
        elif kind is Kind.DTLS:
            self._receive_dtls(data, address, now)
        elif kind is Kind.RTCP:
            self.receive_rtcp(data, now)
        else:
            self._drop("unexpected")

    def receive_restart(self, local: Credentials, remote: Credentials, now: float) -> None:
        """ICE restart: new credentials; the old pair serves until a new one is nominated."""
        self._ice.restart(local, remote, now)

    def needs_first_report(self, kind: str) -> bool:
        """Whether this track's media has begun and no sender report went with it yet."""
        track = self.tracks.get(kind)
        return track is not None and track.has_started and kind not in self._reported

    def request_reports(self, now: float) -> None:
        """Media begins, or begins anew: sender reports are due at once, then often."""
        self.first_media_at = self.first_media_at or now
        self._reports_sent = 0
        self._next_report = now
        self._send_reports(now)

    def handle_timeout(self, now: float) -> None:
        """Do what is due."""
        if self.state is State.CLOSED:
            return
        self._ice.handle_timeout(now)
        self._drain_ice(now)
        if self.state is State.NEW and now >= self.created + ICE_DEADLINE:
            self._close("ice-timeout", "no authenticated connectivity check came in time")
        elif self._dtls is not None:
            self._dtls.handle_timeout(now)
            self._drain_dtls(now)
        if self._next_report is not None and now >= self._next_report:
            self._send_reports(now)

    def close(self, reason: str, now: float) -> None:
        """End it from our side: RTCP BYE and DTLS close_notify, then nothing more."""
        if self.state is State.CLOSED:
            return
        if self._outbound is not None and self.media_address is not None:
            bye = rtcp.build_bye([track.ssrc for track in self.tracks.values()])
            self._transmits.append((self._outbound.protect_rtcp(bye), self.media_address))
        if self._dtls is not None:
            self._dtls.close(now)
            self._flush_dtls()
        self._close(reason)

    # -- outputs

    def next_timeout(self) -> float | None:
        """When ``handle_timeout`` is due; None: never."""
        if self.state is State.CLOSED:
            return None
        times = [self._ice.next_timeout(), self._next_report]
        if self.state is State.NEW:
            times.append(self.created + ICE_DEADLINE)
        if self._dtls is not None:
            times.append(self._dtls.next_timeout())
        return min((time for time in times if time is not None), default=None)

    @property
    def has_output(self) -> bool:
        """Whether there is anything to poll."""
        return bool(self._transmits or self._events)

    def poll_transmit(self) -> tuple[bytes, Address] | None:
        """Take the next datagram to send, or None."""
        return self._transmits.popleft() if self._transmits else None

    def poll_event(self) -> Event | None:
        """Take the next thing that happened, or None."""
        return self._events.popleft() if self._events else None

    # -- inside

    def _drain_ice(self, now: float) -> None:
        while (transmit := self._ice.poll_transmit()) is not None:
            self._transmits.append(transmit)
        while (event := self._ice.poll_event()) is not None:
            if isinstance(event, consent.ConsentExpired):
                self._close("vanished", f"nothing authentic came for {event.idle:.0f} s")
            else:
                self._begin_dtls(now)
        self._note_address()

    def _receive_dtls(self, data: bytes, address: Address, now: float) -> None:
        # the first flight may come before the nomination: the address is proven all the same
        handshake = self._begin_dtls(now)
        if self._dtls_address is None:
            self._dtls_address = address
        elif address != self._dtls_address and self.state is State.DTLS:
            self._drop("dtls_address")  # our flights went elsewhere: it would prove nothing
            return
        handshake.receive_datagram(data, now)
        self._drain_dtls(now)

    def _begin_dtls(self, now: float) -> Dtls:
        if self._dtls is None:
            self._become(State.DTLS)
            self._dtls = Dtls(self._setup.certificate, self._setup.fingerprints, now)
        return self._dtls

    def _drain_dtls(self, now: float) -> None:
        assert self._dtls is not None
        self._flush_dtls()
        while (event := self._dtls.poll_event()) is not None:
            if isinstance(event, dtls.Closed):
                self._close(event.reason)
            else:
                self._connect(event.keys, now)
        self._flush_dtls()

    def _flush_dtls(self) -> None:
        assert self._dtls is not None
        address = self.media_address or self._dtls_address or self._ice.selected
        while (data := self._dtls.poll_transmit()) is not None:
            if address is not None:
                self._transmits.append((data, address))

    def _connect(self, keys: srtp.SessionKeys, now: float) -> None:
        if not self._become(State.CONNECTED):
            return
        assert self._dtls_address is not None
        self._outbound = srtp.Outbound(keys)
        self._inbound = srtp.Inbound(keys)
        self.profile = keys.profile
        self.connected_at = now
        self.tracks = {
            setup.media.line: OutgoingTrack(
                setup.media,
                self._outbound,
                ssrc=setup.ssrc,
                first_sequence=setup.first_sequence,
                timestamp_offset=setup.timestamp_offset,
                rtx=(setup.rtx_ssrc, setup.first_rtx_sequence),
            )
            for setup in self._setup.tracks
        }
        # the handshake proved the way to this address only; another must answer our own check
        self._ice.prove(self._dtls_address, now)
        self._note_address()
        self._feedback = Feedback(self.tracks, self._setup.histories)
        self._events.append(Connected(keys.profile))

    def receive_rtcp(self, data: bytes, now: float, is_prompt: bool = True) -> None:
        """Take SRTCP from a valid address: the commonest datagram, so it has its own door.

        Not ``is_prompt``: it may have waited here, and tells no round-trip time.
        """
        if self.state is not State.CONNECTED or self._inbound is None or self._feedback is None:
            self._drop("rtcp_before_dtls")
            return
        if not self._feedback.admits(now):
            self._drop("rtcp_rate")
            return
        try:
            packets = rtcp.parse(self._inbound.unprotect_rtcp(data))
        except ProtocolError:
            self._drop("rtcp")
            return
        self._ice.note_alive(now)
        address = self.media_address
        ntp = self._setup.ntp(now) if is_prompt else None
        resent = self._feedback.receive(packets, ntp=ntp, now=now)
        self._events.extend(map(KeyframeWanted, self._feedback.take_wanted()))
        if address is not None:
            self._transmits.extend((data, address) for data in resent)

    def _send_reports(self, now: float) -> None:
        last = len(REPORT_INTERVALS) - 1
        self._reports_sent = min(self._reports_sent + 1, last)
        self._next_report = now + REPORT_INTERVALS[self._reports_sent]
        if self._outbound is None or self.media_address is None:
            return
        for kind, track in self.tracks.items():
            clock = self._setup.clock(kind, now)
            if clock is None or not track.has_started:
                continue
            self._reported.add(kind)
            report = track.build_report(
                ntp=self._setup.ntp(now), line_timestamp=clock, cname=self._setup.cname
            )
            if self._feedback is not None:
                report += self._feedback.build_dlrr(track.ssrc, now)
            self._transmits.append((self._outbound.protect_rtcp(report), self.media_address))

    def _drop(self, why: str) -> None:
        self.dropped[why] = self.dropped.get(why, 0) + 1

    def _become(self, new: State) -> bool:
        allowed = new in NEXT[self.state]
        if allowed:
            self.state = new
            self._note_address()
        return allowed

    def _note_address(self) -> None:
        """Media goes where ICE says, while we are connected."""
        address = self._ice.selected if self.state is State.CONNECTED else None
        self.media_address = address
        for track in self.tracks.values():
            track.address = address

    def _close(self, reason: str, detail: str = "") -> None:
        if self._become(State.CLOSED):
            self._events.append(Closed(reason, detail))
