"""Token buckets by source: how often one address may do a thing; a fixed table, oldest out."""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address, ip_network

MAX_SOURCES = 4096
PREFIX = 64  # one IPv6 subscriber owns this much, so addresses inside it are one source
_LONGEST = 128  # characters of what is no address


def source_of(address: str) -> str:
    """Name who shares one limit: an IPv4 host, or an IPv6 /64. Any text has a name."""
    if ":" not in address:
        return address[:_LONGEST]
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:_LONGEST]
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(ip_network((int(parsed), PREFIX), strict=False))
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


class Buckets:
    """``burst`` at once, then ``rate`` a second, for each source. ``now`` is in seconds."""

    def __init__(self, *, rate: float, burst: float, max_sources: int = MAX_SOURCES) -> None:
        self._rate = rate
        self._burst = burst
        self._max_sources = max_sources
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()  # left, since when

    def __len__(self) -> int:
        return len(self._levels)

    def has_room(self, address: str, now: float) -> bool:
        """Whether this source has a token left; takes none."""
        return self._level(source_of(address), now) >= 1

    def wait_seconds(self, address: str, now: float) -> float:
        """How long until this source has a token; 0: it has one."""
        return max(0.0, (1 - self._level(source_of(address), now)) / self._rate)

    def take(self, address: str, now: float) -> bool:
        """Take a token; False when there was none."""
        source = source_of(address)
        level = self._level(source, now)
        is_allowed = level >= 1
        self._note(source, level - 1 if is_allowed else level, now)
        return is_allowed

    def give_back(self, address: str, now: float) -> None:
        """Undo one ``take``."""
        source = source_of(address)
        self._note(source, min(self._burst, self._level(source, now) + 1), now)

    def _level(self, source: str, now: float) -> float:
        level, then = self._levels.get(source, (self._burst, now))
        return min(self._burst, level + (now - then) * self._rate)

    def _note(self, source: str, level: float, now: float) -> None:
        self._levels[source] = (level, now)
        self._levels.move_to_end(source)
        if len(self._levels) > self._max_sources:
            self._levels.popitem(last=False)
