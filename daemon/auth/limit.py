"""Login limits: how often somebody may guess, without ever making anyone sleep.

An attempt counts from the moment it begins, so that a thousand at once are not a thousand free
guesses; success takes it back.
"""

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil

from daemon.errors import LimitError
from daemon.limit import Buckets, source_of

FREE_FAILURES = 5  # per source and user
WINDOW = 15 * 60.0  # seconds; failures older than this are forgotten
FIRST_WAIT = 10.0  # seconds after the fifth failure, doubled by each further one
LONGEST_WAIT = 15 * 60.0
PER_SOURCE = 20  # attempts at once, and so many a minute
GLOBAL = 60  # the same for all together
MINUTE = 60.0
MAX_ENTRIES = 4096  # the global limit alone keeps the table below 1800
_LONGEST_NAME = 128
_ALL = ""  # the one source of the bucket for all

Pair = tuple[str, str]


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last: float = 0.0


class LoginLimit:
    """Counts attempts; ``now`` is in monotonic seconds."""

    def __init__(self) -> None:
        self._failures: OrderedDict[Pair, _Failures] = OrderedDict()
        self._sources = Buckets(rate=PER_SOURCE / MINUTE, burst=PER_SOURCE)
        self._all = Buckets(rate=GLOBAL / MINUTE, burst=GLOBAL)

    def begin(self, source: str, username: str, now: float) -> None:
        """Count one attempt as failed, until ``succeed``. Raises LimitError; that is free."""
        source = source_of(source)
        pair = (source, username[:_LONGEST_NAME])
        failures = self._failures.get(pair, _Failures())
        self._check(self._all.wait_seconds(_ALL, now))
        self._check(self._sources.wait_seconds(source, now))
        self._check(_failure_wait(failures, now))
        if now - failures.last > WINDOW:
            failures.count = 0
        failures.count += 1
        failures.last = now
        self._all.take(_ALL, now)
        self._sources.take(source, now)
        self._failures[pair] = failures
        self._failures.move_to_end(pair)
        if len(self._failures) > MAX_ENTRIES:
            self._failures.popitem(last=False)

    def succeed(self, source: str, username: str, now: float) -> None:
        """Forget this attempt, and the failures of this user from there."""
        source = source_of(source)
        self._failures.pop((source, username[:_LONGEST_NAME]), None)
        self._all.give_back(_ALL, now)
        self._sources.give_back(source, now)

    @staticmethod
    def _check(wait: float) -> None:
        if wait > 0:
            raise LimitError(
                "Too many login attempts", retry_after=ceil(wait), reason="too-many-logins"
            )


def _failure_wait(failures: _Failures, now: float) -> float:
    if failures.count < FREE_FAILURES or now - failures.last > WINDOW:
        return 0.0
    exponent = min(failures.count - FREE_FAILURES, 10)  # 2**10 is beyond the longest wait
    return failures.last + min(FIRST_WAIT * 2.0**exponent, LONGEST_WAIT) - now
