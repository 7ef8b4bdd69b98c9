"""Buckets: how often each source address may try something; a fixed table, oldest out first."""

import ipaddress
from collections import OrderedDict

MAX_SOURCES = 4096


def source_of(address: str) -> str:
    """Name what an address counts for: an IPv4 address, or an IPv6 /64."""
    if ":" not in address:
        return address
    packed = ipaddress.IPv6Address(address.split("%")[0]).packed
    return packed[:8].hex()


class Buckets:
    """Token buckets by source address: ``rate`` a second, ``burst`` at once."""

    def __init__(self, *, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._sources: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def has_room(self, address: str, now: float) -> bool:
        """Whether this source has a token left; takes none."""
        return self._level(source_of(address), now) >= 1

    def take(self, address: str, now: float) -> bool:
        """Take a token; False when there was none."""
        source = source_of(address)
        level = self._level(source, now)
        self._sources[source] = (max(level - 1, 0.0), now)
        self._sources.move_to_end(source)
        if len(self._sources) > MAX_SOURCES:
            self._sources.popitem(last=False)
        return level >= 1

    def _level(self, source: str, now: float) -> float:
        level, then = self._sources.get(source, (self._burst, now))
        return min(self._burst, level + (now - then) * self._rate)
