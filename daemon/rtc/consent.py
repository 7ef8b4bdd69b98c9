"""Consent: may we still send to this peer? ICE-lite only answers checks (RFC 7675)."""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

CONSENT_TIMEOUT: Final = 30.0  # seconds; RFC 7675 section 5.1


class State(StrEnum):
    """Where one peer's consent stands."""

    WAITING = "waiting"
    GRANTED = "granted"
    EXPIRED = "expired"


NEXT: Final[dict[State, frozenset[State]]] = {
    State.WAITING: frozenset({State.GRANTED, State.EXPIRED}),  # no check seen yet
    State.GRANTED: frozenset({State.GRANTED, State.EXPIRED}),
    State.EXPIRED: frozenset(),  # for good
}


@dataclass(frozen=True, slots=True)
class ConsentExpired:
    """The peer was silent for ``idle`` seconds: stop sending, for good."""

    idle: float


class Consent:
    """One peer's consent. Drain ``poll_event`` after every input."""

    __slots__ = ("_events", "_last_check", "state")

    def __init__(self, now: float) -> None:
        self.state = State.WAITING
        self._last_check = now
        self._events: deque[ConsentExpired] = deque()

    def receive_check(self, now: float) -> None:
        """Note an authenticated sign of life; after expiry it is too late."""
        if self._become(State.GRANTED):
            self._last_check = now

    def next_timeout(self) -> float | None:
        """When ``handle_timeout`` is due, on the caller's clock; None: never again."""
        return self._last_check + CONSENT_TIMEOUT if NEXT[self.state] else None

    def handle_timeout(self, now: float) -> None:
        due = self.next_timeout()
        if due is not None and now >= due and self._become(State.EXPIRED):
            self._events.append(ConsentExpired(idle=now - self._last_check))

    def poll_event(self) -> ConsentExpired | None:
        return self._events.popleft() if self._events else None

    def _become(self, new: State) -> bool:
        allowed = new in NEXT[self.state]
        if allowed:
            self.state = new
        return allowed
