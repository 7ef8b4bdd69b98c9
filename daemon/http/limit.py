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

    def take(self, source: str) -> None:
        """Take one token of a source. Raises LimitError when there is none left."""
        now = self._clock()
        key = _source_key(source)
        left, since = self._levels.pop(key, (float(self._burst), now))
        left = min(self._burst, left + (now - since) * self._per_second)
        allowed = left >= 1
        self._levels[key] = (left - 1 if allowed else left, now)
        while len(self._levels) > MAX_SOURCES:
            self._levels.popitem(last=False)
        if not allowed:
            wait = math.ceil((1 - left) / self._per_second)
            raise LimitError("Too many requests", retry_after=wait, reason="rate-limit")


def _source_key(source: str) -> str:
    try:
        address = ip_address(source)
    except ValueError:
        return source
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address), PREFIX), strict=False))
    return str(address)
