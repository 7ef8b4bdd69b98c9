"""Login limits: how often somebody may guess, without ever making anyone sleep.

An attempt counts from the moment it begins, so that a thousand at once are not a thousand free
guesses; success takes it back.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from typing import TypeVar

from daemon.errors import LimitError

FREE_FAILURES = 5  # per source and user
WINDOW = 15 * 60.0  # seconds; failures older than this are forgotten
FIRST_WAIT = 10.0  # seconds after the fifth failure, doubled by each further one
LONGEST_WAIT = 15 * 60.0
PER_SOURCE = 20  # attempts a minute
GLOBAL = 60  # attempts a minute
MINUTE = 60.0
MAX_ENTRIES = 4096  # the global limit alone keeps the tables below 1800
_LONGEST_NAME = 128

Pair = tuple[str, str]
Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last: float = 0.0


class LoginLimit:
    """Counts attempts; ``now`` is in monotonic seconds."""

    def __init__(self) -> None:
        self._failures: OrderedDict[Pair, _Failures] = OrderedDict()
        self._sources: OrderedDict[str, deque[float]] = OrderedDict()
        self._all: deque[float] = deque()

    def begin(self, source: str, username: str, now: float) -> None:
        """Count one attempt as failed, until ``succeed``. Raises LimitError; that is free."""
        source = network_of(source)
        pair = (source, username[:_LONGEST_NAME])
        self._check(_window_wait(self._all, GLOBAL, now))
        attempts = self._sources.get(source, deque())
        self._check(_window_wait(attempts, PER_SOURCE, now))
        failures = self._failures.get(pair, _Failures())
        self._check(_failure_wait(failures, now))
        if now - failures.last > WINDOW:
            failures.count = 0
        failures.count += 1
        failures.last = now
        self._all.append(now)
        attempts.append(now)
        _remember(self._sources, source, attempts)
        _remember(self._failures, pair, failures)

    def succeed(self, source: str, username: str) -> None:
        """Forget this attempt, and the failures of this user from there."""
        source = network_of(source)
        self._failures.pop((source, username[:_LONGEST_NAME]), None)
        for times in (self._all, self._sources.get(source)):
            if times:
                times.pop()

    @staticmethod
    def _check(wait: float) -> None:
        if wait > 0:
            raise LimitError(
                "Too many login attempts", retry_after=ceil(wait), reason="too-many-logins"
            )


def network_of(source: str) -> str:
    """Name who shares one limit: an IPv4 host, or an IPv6 /64, which one host owns."""
    try:
        address = ip_address(source)
    except ValueError:
        return source[:_LONGEST_NAME]
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(ip_network((address.packed[:8] + bytes(8), 64)))
    return str(getattr(address, "ipv4_mapped", None) or address)


def _window_wait(times: deque[float], most: int, now: float) -> float:
    """Drop what is older than a minute; how long until there is room again."""
    while times and now - times[0] >= MINUTE:
        times.popleft()
    return times[0] + MINUTE - now if len(times) >= most else 0.0


def _failure_wait(failures: _Failures, now: float) -> float:
    if failures.count < FREE_FAILURES or now - failures.last > WINDOW:
        return 0.0
    exponent = min(failures.count - FREE_FAILURES, 10)  # 2**10 is beyond the longest wait
    return failures.last + min(FIRST_WAIT * 2.0**exponent, LONGEST_WAIT) - now


def _remember(table: OrderedDict[Key, Value], key: Key, value: Value) -> None:
    table[key] = value
    table.move_to_end(key)
    while len(table) > MAX_ENTRIES:
        table.popitem(last=False)
