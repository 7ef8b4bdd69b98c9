"""ICE-lite: answers checks, learns the peer's address, follows its moves (RFC 8445, 7675).

We are always controlled. Nothing unauthenticated gets a reply, not even an error. The first
nominated address is taken at its word, because DTLS proves the way there before media flows;
a later one must answer a check of our own first, or a replayed request could redirect media.
"""

import hashlib
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from daemon.errors import StunError
from daemon.rtc import stun
from daemon.rtc.consent import Consent, ConsentExpired, State
from daemon.rtc.demux import Address

MAX_VALID_ADDRESSES: Final = 4  # a browser with IPv4, IPv6, a relay, and one to spare
MAX_OWN_CHECKS: Final = 7  # to one address that was nominated; RFC 8489 section 6.2.1 (Rc)
OWN_CHECK_INTERVAL: Final = (
    0.5  # seconds; also between addresses, so a viewer buys two a second
)
ADDRESS_CHANGE_INTERVAL: Final = 2.0  # seconds; a peer that flaps moves us no faster

# RFC 8445 section 5.1.2.1: a peer-reflexive candidate (110) of component 1, best local one
_PRIORITY: Final = 110 << 24 | 65535 << 8 | 255
_COUNTERS: Final = (
    *("checks", "malformed", "unexpected", "wrong_user", "bad_integrity", "role_conflicts"),
    *("own_checks", "own_checks_failed", "address_changes", "expired"),
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """One side's ufrag and password."""

    ufrag: str
    pwd: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AddressSelected:
    """From now on media goes to ``address``."""

    address: Address


@dataclass(frozen=True, slots=True)
class _Generation:
    """The credentials of both sides between two ICE restarts, and what they spell."""

    local_key: bytes
    remote_key: bytes
    inbound_username: str
    outbound_username: str


@dataclass(slots=True)
class _Challenge:
    """Our own checks to an address that the peer wants to move to."""

    address: Address
    due: float
    sent: int = 0
    transactions: set[bytes] = field(default_factory=set)


class IceLite:
    """One viewer's ICE agent. After each input drain transmits, events and ``next_timeout``.

    ``transaction_seed`` (16 random bytes or more) makes our transaction ids unpredictable.
    """

    __slots__ = (
        "_address_events",
        "_challenge",
        "_consent",
        "_current",
        "_last_change",
        "_last_own_check",
        "_previous",
        "_tie_breaker",
        "_transaction_count",
        "_transaction_seed",
        "_transmits",
        "_valid",
        "counters",
        "selected",
    )

    def __init__(
        self,
        local: Credentials,
        remote: Credentials,
        *,
        tie_breaker: int,
        transaction_seed: bytes,
        now: float,
    ) -> None:
        self.selected: Address | None = None
        self.counters = dict.fromkeys(_COUNTERS, 0)
        self._current = _generation(local, remote)
        self._previous: _Generation | None = None  # until the restart's first nomination holds
        self._tie_breaker = tie_breaker
        self._transaction_seed = transaction_seed
        self._transaction_count = 0
        self._consent = Consent(now)
        self._valid: dict[Address, _Generation] = {}  # the longest unheard one first
        self._challenge: _Challenge | None = None
        self._last_own_check = now - OWN_CHECK_INTERVAL
        self._last_change = now - ADDRESS_CHANGE_INTERVAL
        self._transmits: deque[tuple[bytes, Address]] = deque()
        self._address_events: deque[AddressSelected] = deque()

    def receive_datagram(self, data: bytes, address: Address, now: float) -> None:
        """Take one STUN datagram; what isn't ours is counted, and nothing else happens."""
        if self._consent.state is State.EXPIRED:
            self.counters["expired"] += 1
            return
        try:
            message = stun.parse(data)
        except StunError:
            self.counters["malformed"] += 1
            return
        message_class = message.message_class if message.method == stun.BINDING else None
        if message_class is stun.MessageClass.REQUEST:
            self._receive_request(message, address, now)
        elif message_class is stun.MessageClass.SUCCESS:
            self._receive_success(message, address, now)
        else:
            self.counters["unexpected"] += 1

    def note_alive(self, now: float) -> None:
        """Count authenticated SRTCP as liveness; a lite agent sends no consent checks."""
        if self._consent.state is State.GRANTED:
            self._consent.receive_check(now)

    def prove(self, address: Address, now: float) -> None:
        """Settle on the address that a DTLS handshake went through (RFC 8827 section 6.5)."""
        if address != self.selected:
            self._select(address, now)

    def restart(self, local: Credentials, remote: Credentials, now: float) -> None:
        """Take new credentials; the old ones keep the old address alive until a nomination."""
        self.handle_timeout(now)  # a restart can't bring back consent that has run out
        self._previous = self._previous or self._current
        self._current = _generation(local, remote)
        self._challenge = None

    def is_valid(self, address: Address) -> bool:
        """Whether ``address`` passed an authenticated check, so DTLS and SRTCP may come in."""
        return address in self._valid

    def poll_transmit(self) -> tuple[bytes, Address] | None:
        return self._transmits.popleft() if self._transmits else None

    def poll_event(self) -> AddressSelected | ConsentExpired | None:
        if self._address_events:
            return self._address_events.popleft()
        return self._consent.poll_event()

    def next_timeout(self) -> float | None:
        """When ``handle_timeout`` is due; None: never again."""
        expiry = self._consent.next_timeout()
        if expiry is None or self._challenge is None:
            return expiry
        return min(expiry, self._challenge.due)

    def handle_timeout(self, now: float) -> None:
        self._consent.handle_timeout(now)
        if self._consent.state is State.EXPIRED:
            self._challenge = None
            self._valid.clear()
            return
        challenge = self._challenge
        if challenge is not None and now >= challenge.due:
            self._send_own_check(challenge, now)

    def _receive_request(self, message: stun.Message, address: Address, now: float) -> None:
        generation = self._find_generation(message)
        if generation is None:
            self.counters["wrong_user"] += 1
            return
        if not message.verify(generation.local_key):
            self.counters["bad_integrity"] += 1
            return
        if message.controlled is not None:
            # RFC 8445 section 7.3.1.1 lets the tie-breakers decide, but section 6.1.1 has a
            # full agent control a lite one, so it is always the peer who has to switch.
            self.counters["role_conflicts"] += 1
            conflict = stun.build_role_conflict(message, generation.local_key)
            self._transmits.append((conflict, address))
            return
        self.counters["checks"] += 1
        success = stun.build_binding_success(message, address, generation.local_key)
        self._transmits.append((success, address))
        self._consent.receive_check(now)
        self._remember(address, generation)
        if message.use_candidate and generation is self._current:
            self._nominate(address, now)

    def _receive_success(self, message: stun.Message, address: Address, now: float) -> None:
        challenge = self._challenge
        if (
            challenge is None
            or challenge.address != address
            or message.transaction_id not in challenge.transactions
            or message.mapped_address is None
        ):
            self.counters["unexpected"] += 1
        elif not message.verify(self._current.remote_key):
            self.counters["bad_integrity"] += 1
        else:
            self._consent.receive_check(now)
            self._remember(address, self._current)
            self._select(address, now)

    def _find_generation(self, message: stun.Message) -> _Generation | None:
        for generation in (self._current, self._previous):
            if generation is not None and message.username == generation.inbound_username:
                return generation
        return None

    def _remember(self, address: Address, generation: _Generation) -> None:
        known = self._valid.pop(address, None)
        self._valid[address] = self._current if known is self._current else generation
        if len(self._valid) > MAX_VALID_ADDRESSES:
            oldest = next(other for other in self._valid if other != self.selected)
            del self._valid[oldest]

    def _nominate(self, address: Address, now: float) -> None:
        if self.selected is None or self.selected == address:
            self._select(address, now)
        elif self._challenge is None or self._challenge.address != address:
            due = max(
                now,
                self._last_own_check + OWN_CHECK_INTERVAL,
                self._last_change + ADDRESS_CHANGE_INTERVAL,
            )
            self._challenge = _Challenge(address, due)
            self.handle_timeout(now)

    def _select(self, address: Address, now: float) -> None:
        """Settle on ``address``, which also ends a challenge and a restart."""
        self._challenge = None
        if self._previous is not None:
            self._previous = None
            self._forget_previous()
        if address == self.selected:
            return
        if self.selected is not None:
            self.counters["address_changes"] += 1
            self._last_change = now
        self.selected = address
        self._address_events.append(AddressSelected(address))

    def _forget_previous(self) -> None:
        """Drop the addresses that only the credentials before the restart vouched for."""
        for address, generation in list(self._valid.items()):
            if generation is not self._current:
                del self._valid[address]

    def _send_own_check(self, challenge: _Challenge, now: float) -> None:
        if challenge.sent >= MAX_OWN_CHECKS:
            self.counters["own_checks_failed"] += 1
            self._challenge = None  # the next nomination from there starts anew
            return
        self.counters["own_checks"] += 1
        transaction_id = self._next_transaction_id()
        request = stun.build_binding_request(
            transaction_id,
            self._current.outbound_username,
            self._current.remote_key,
            _PRIORITY,
            self._tie_breaker,
            controlling=False,
        )
        self._transmits.append((request, challenge.address))
        challenge.transactions.add(transaction_id)
        challenge.sent += 1
        challenge.due = now + OWN_CHECK_INTERVAL
        self._last_own_check = now

    def _next_transaction_id(self) -> bytes:
        self._transaction_count += 1
        counter = self._transaction_count.to_bytes(8, "big")
        return hashlib.sha256(self._transaction_seed + counter).digest()[:12]


def _generation(local: Credentials, remote: Credentials) -> _Generation:
    return _Generation(
        local_key=local.pwd.encode(),
        remote_key=remote.pwd.encode(),
        inbound_username=f"{local.ufrag}:{remote.ufrag}",
        outbound_username=f"{remote.ufrag}:{local.ufrag}",
    )
