"""DTLS 1.2 with one viewer, as the passive side, for the SRTP keys (RFC 5764, 6347, 8122).

Sans-IO but for one exception: OpenSSL reads its own clock (for its retransmission timer, which
only takes over after ours) and throws its own dice. Everything else, the handshake deadline
included, runs on ``now``.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from OpenSSL import SSL

from daemon.rtc import srtp
from daemon.rtc.certificate import Certificate, matches, usable

__all__ = ["Certificate", "Closed", "Connected", "Dtls", "Reason", "State"]

MTU: Final = 1200  # bytes; fits every path that WebRTC works on
HANDSHAKE_TIMEOUT: Final = 10.0  # seconds
MAX_HANDSHAKE_BYTES: Final = 64 * 1024  # inbound; a post-quantum flight with a chain is a tenth
MAX_HANDSHAKE_DATAGRAMS: Final = 64

# A lost flight costs OpenSSL a second. After these we leave the timing to it, whose fresh
# record numbers also reach a peer that got our flight and lost it.
_RESEND_DELAYS: Final = (0.2, 0.4, 0.8)
_LIBRARY_DELAY: Final = 1.6
_LIBRARY_INTERVAL: Final = 0.2  # the least between two looks at OpenSSL's timer

_RECORD_HEADER_SIZE: Final = 13
_FLIGHT: Final = 4096  # bytes; no flight of ours is longer, and a read costs its room
_MAJOR_VERSION: Final = 0xFE  # of DTLS 1.0 and 1.2 alike; a first hello says 1.0
_CONTENT_TYPES: Final = frozenset({20, 21, 22, 23})  # RFC 5246 section 6.2.1
_EXPORTER_LABEL: Final = b"EXTRACTOR-dtls_srtp"  # RFC 5764 section 4.2


class State(StrEnum):
    """How far the association is."""

    HANDSHAKING = "handshaking"
    CONNECTED = "connected"
    CLOSED = "closed"


NEXT: Final[dict[State, frozenset[State]]] = {
    State.HANDSHAKING: frozenset({State.CONNECTED, State.CLOSED}),
    State.CONNECTED: frozenset({State.CLOSED}),
    State.CLOSED: frozenset(),
}


class Reason(StrEnum):
    """Why an association ended without our asking."""

    CLOSE_NOTIFY = "close-notify"
    ALERT = "alert"
    TIMEOUT = "handshake-timeout"
    LIMIT = "handshake-limit"
    FAILED = "handshake-failed"
    FINGERPRINT = "wrong-fingerprint"
    NO_SRTP = "no-srtp-profile"


@dataclass(frozen=True, slots=True)
class Connected:
    """The peer is who the offer said: media may flow under ``keys``."""

    keys: srtp.SessionKeys


@dataclass(frozen=True, slots=True)
class Closed:
    """It ended, and not by ``close``; ``detail`` is OpenSSL's sentence, for the log."""

    reason: str
    detail: str = ""


class Dtls:
    """One viewer's association. After each input drain transmits, events and ``next_timeout``.

    Create it at the first DTLS datagram from an address that ICE has validated.
    ``fingerprints`` are those of the offer as (hash name, digest); one that matches is enough,
    and names other than SHA-256, -384 and -512 never match.
    """

    __slots__ = (
        "_connection",
        "_deadline",
        "_events",
        "_fingerprints",
        "_flight",
        "_inbound_bytes",
        "_inbound_datagrams",
        "_resend_at",
        "_resends",
        "_transmits",
        "counters",
        "state",
    )

    def __init__(
        self, certificate: Certificate, fingerprints: Sequence[tuple[str, bytes]], now: float
    ) -> None:
        self.state = State.HANDSHAKING
        self.counters = {"garbage": 0, "late": 0, "resends": 0, "application_data": 0}
        self._fingerprints = usable(fingerprints)
        self._connection = SSL.Connection(certificate.context)
        self._connection.set_app_data(self._fingerprints)
        self._connection.set_accept_state()
        self._connection.set_ciphertext_mtu(MTU)
        self._deadline = now + HANDSHAKE_TIMEOUT
        self._inbound_bytes = 0
        self._inbound_datagrams = 0
        self._flight: list[bytes] = []
        self._resend_at: float | None = None
        self._resends = 0
        self._transmits: deque[bytes] = deque()
        self._events: deque[Connected | Closed] = deque()

    def receive_datagram(self, data: bytes, now: float) -> None:
        """Take one datagram; what isn't DTLS is counted, and nothing else happens."""
        if self.state is State.CLOSED:
            self.counters["late"] += 1
            return
        records = b"".join(record for record in _split(data) if self._is_welcome(record))
        if not records:
            self.counters["garbage"] += 1
        elif self.state is State.HANDSHAKING:
            self._receive_handshake(records, now)
        else:
            self._connection.bio_write(records)
            self._read()

    def close(self, now: float) -> None:
        """Tell the peer with close_notify; no event follows."""
        if self.state is State.CONNECTED:
            self._say_goodbye()
        self._become(State.CLOSED)

    def poll_transmit(self) -> bytes | None:
        return self._transmits.popleft() if self._transmits else None

    def poll_event(self) -> Connected | Closed | None:
        return self._events.popleft() if self._events else None

    def next_timeout(self) -> float | None:
        """When ``handle_timeout`` is due; None: nothing to wait for."""
        if self.state is not State.HANDSHAKING:
            return None
        return (
            self._deadline if self._resend_at is None else min(self._deadline, self._resend_at)
        )

    def handle_timeout(self, now: float) -> None:
        if self.state is not State.HANDSHAKING:
            return
        if now >= self._deadline:
            self._end(Reason.TIMEOUT)
        elif self._resend_at is not None and now >= self._resend_at:
            self._resend(now)

    def _is_welcome(self, record: bytes) -> bool:
        if record[0] not in _CONTENT_TYPES or record[1] != _MAJOR_VERSION:
            return False
        # Epoch 0 is plaintext, so nobody may end or change anything with it afterwards. A peer
        # that still waits for our last flight repeats its Finished, which is epoch 1.
        return self.state is State.HANDSHAKING or record[3:5] != b"\0\0"

    def _receive_handshake(self, records: bytes, now: float) -> None:
        self._inbound_bytes += len(records)
        self._inbound_datagrams += 1
        if (
            self._inbound_bytes > MAX_HANDSHAKE_BYTES
            or self._inbound_datagrams > MAX_HANDSHAKE_DATAGRAMS
        ):
            self._end(Reason.LIMIT)
            return
        self._connection.bio_write(records)
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            self._start_flight(now)
        except SSL.Error as error:
            self._flush()  # the alert
            self._fail(error)
        else:
            self._complete()

    def _complete(self) -> None:
        """Check who it was and take the keys, before our last flight lets the peer through."""
        peer = self._connection.get_peer_certificate()
        if peer is None or not matches(self._fingerprints, peer):
            self._end(Reason.FINGERPRINT)
            return
        name = self._connection.get_selected_srtp_profile().decode()
        if not name:
            self._end(Reason.NO_SRTP)
            return
        self._flush()
        self._flight.clear()
        self._become(State.CONNECTED)
        self._events.append(Connected(_export_keys(self._connection, srtp.Profile(name))))
        # No look at what may follow: after the first one OpenSSL keeps 16 KiB to read into.

    def _read(self) -> None:
        """Let OpenSSL read what is authentic; only that may end us from here on."""
        try:
            while True:
                self._connection.recv(MTU)
                self.counters["application_data"] += 1  # SCTP: nobody offered data channels
        except SSL.ZeroReturnError:
            self._say_goodbye()
            self._end(Reason.CLOSE_NOTIFY)
        except SSL.WantReadError:
            self._flush()
        except SSL.Error as error:
            self._flush()
            if self._connection.get_shutdown() & SSL.RECEIVED_SHUTDOWN:
                self._end(Reason.ALERT, _describe(error))
            else:
                self.counters["garbage"] += 1

    def _say_goodbye(self) -> None:
        try:
            self._connection.shutdown()
        except SSL.Error:
            self.counters["garbage"] += 1  # OpenSSL has given the association up before
        self._flush()

    def _fail(self, error: SSL.Error) -> None:
        detail = _describe(error)
        if self._connection.get_shutdown() & SSL.RECEIVED_SHUTDOWN:
            self._end(Reason.ALERT, detail)
        elif "certificate verify failed" in detail:
            self._end(Reason.FINGERPRINT, detail)
        else:
            self._end(Reason.FAILED, detail)

    def _end(self, reason: Reason, detail: str = "") -> None:
        if self._become(State.CLOSED):
            self._events.append(Closed(reason, detail))

    def _become(self, new: State) -> bool:
        allowed = new in NEXT[self.state]
        if allowed:
            self.state = new
            self._resend_at = None
        return allowed

    def _start_flight(self, now: float) -> None:
        flight = self._flush()
        if flight:
            self._flight = flight
            self._resends = 0
            self._resend_at = now + _RESEND_DELAYS[0]

    def _resend(self, now: float) -> None:
        self.counters["resends"] += 1
        if self._resends < len(_RESEND_DELAYS):
            self._transmits.extend(self._flight)
            self._resends += 1
            delays = (*_RESEND_DELAYS, _LIBRARY_DELAY)
            self._resend_at = now + delays[self._resends]
            return
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error as error:
            self._fail(error)
            return
        self._flush()
        remaining = self._connection.DTLSv1_get_timeout()
        self._resend_at = now + max(remaining or 0.0, _LIBRARY_INTERVAL)

    def _flush(self) -> list[bytes]:
        """Take what OpenSSL wrote, as datagrams of whole records."""
        written = bytearray()
        try:
            while True:
                written += self._connection.bio_read(_FLIGHT)
        except SSL.WantReadError:
            pass
        datagrams = _pack(bytes(written))
        self._transmits.extend(datagrams)
        return datagrams


def _export_keys(connection: SSL.Connection, profile: srtp.Profile) -> srtp.SessionKeys:
    """Cut the exported material: client key, server key, client salt, server salt."""
    key_size, salt_size = profile.key_size, profile.salt_size
    material = connection.export_keying_material(_EXPORTER_LABEL, 2 * (key_size + salt_size))
    salts = material[2 * key_size :]
    return srtp.SessionKeys(
        profile,
        local_key=material[key_size : 2 * key_size],
        local_salt=salts[salt_size:],
        remote_key=material[:key_size],
        remote_salt=salts[:salt_size],
    )


def _split(data: bytes) -> Iterator[bytes]:
    """Give each whole record; an incomplete one at the end is left out."""
    position = 0
    while position + _RECORD_HEADER_SIZE <= len(data):
        header_end = position + _RECORD_HEADER_SIZE
        following = header_end + int.from_bytes(data[header_end - 2 : header_end], "big")
        if following > len(data):
            return
        yield data[position:following]
        position = following


def _pack(written: bytes) -> list[bytes]:
    """Put whole records into datagrams: a memory BIO forgets where they ended."""
    datagrams: list[bytes] = []
    for record in _split(written):
        if datagrams and len(datagrams[-1]) + len(record) <= MTU:
            datagrams[-1] += record
        else:
            datagrams.append(record)
    return datagrams


def _describe(error: SSL.Error) -> str:
    """Return OpenSSL's words without its codes."""
    reasons = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return "; ".join(str(reason[-1]) for reason in reasons) or str(error)
