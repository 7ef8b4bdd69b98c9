"""Token buckets per source address: how often one caller may do a thing."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network

from daemon.errors import LimitError

MAX_SOURCES = 4096  # buckets kept; the least recently used one goes first
PREFIX = 64  # one IPv6 subscriber owns this much, so addresses inside it are one source


class Buckets:
    """One bucket per source: ``burst`` at once, then ``per_minute``."""

    def __init__(
        self, per_minute: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_minute / 60
        self._burst = burst
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()  # left, since when

    def __len__(self) -> int:
        return len(self._levels)

    def check(self, source: str) -> None:
        """Take nothing. Raises LimitError when there is nothing to take."""
        left = self._left(_source_key(source))
        if left < 1:
            raise self._refusal(left)

    def take(self, source: str) -> None:
        """Take one token of a source. Raises LimitError when there is none left."""
        key = _source_key(source)
        left = self._left(key)
        self._levels.pop(key, None)
        self._levels[key] = (left - 1 if left >= 1 else left, self._clock())
        while len(self._levels) > MAX_SOURCES:
            self._levels.popitem(last=False)
        if left < 1:
            raise self._refusal(left)

    def _left(self, key: str) -> float:
        now = self._clock()
        left, since = self._levels.get(key, (float(self._burst), now))
        return min(self._burst, left + (now - since) * self._per_second)

    def _refusal(self, left: float) -> LimitError:
        wait = math.ceil((1 - left) / self._per_second)
        return LimitError("Too many requests", retry_after=wait, reason="rate-limit")


def _source_key(source: str) -> str:
    try:
        address = ip_address(source)
    except ValueError:
        return source
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address), PREFIX), strict=False))
    return str(address)
