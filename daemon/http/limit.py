"""How often one caller may ask for a thing: refusals with the time to come back."""

import math
import time
from collections.abc import Callable

from daemon.errors import LimitError
from daemon.limit import Buckets


class Limit:
    """``burst`` at once, then ``per_minute``, for each source address."""

    def __init__(
        self, per_minute: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._buckets = Buckets(rate=per_minute / 60, burst=burst)
        self._clock = clock

    def check(self, source: str) -> None:
        """Take nothing. Raises LimitError when there is nothing to take."""
        now = self._clock()
        if not self._buckets.has_room(source, now):
            raise self._refusal(source, now)

    def take(self, source: str) -> None:
        """Count one. Raises LimitError when there is none left."""
        now = self._clock()
        if not self._buckets.take(source, now):
            raise self._refusal(source, now)

    def _refusal(self, source: str, now: float) -> LimitError:
        wait = math.ceil(self._buckets.wait_seconds(source, now))
        return LimitError("Too many requests", retry_after=wait, reason="rate-limit")
