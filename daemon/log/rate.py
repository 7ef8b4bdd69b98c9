"""RateLimit: 10 messages of one class a second, 50 at once; the rest are counted (O3)."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

RATE = 10.0  # a second
BURST = 50.0
SUMMARY_EVERY = 10.0  # seconds
MAX_CLASSES = 512


@dataclass(slots=True)
class _Class:
    tokens: float
    seen_at: float
    suppressed: int = 0
    told_at: float = 0.0


class RateLimit:
    """A bucket for each message class; ``now`` is in monotonic seconds."""

    def __init__(self) -> None:
        self._classes: OrderedDict[str, _Class] = OrderedDict()

    def allow(self, name: str, now: float) -> bool:
        """Whether this message may pass; if not it is counted."""
        one = self._classes.setdefault(name, _Class(BURST, now, told_at=now))
        self._classes.move_to_end(name)
        if len(self._classes) > MAX_CLASSES:
            self._classes.popitem(last=False)
        one.tokens = min(BURST, one.tokens + (now - one.seen_at) * RATE)
        one.seen_at = now
        if one.tokens >= 1.0:
            one.tokens -= 1.0
            return True
        one.suppressed += 1
        return False

    def summaries(self, now: float) -> Iterator[tuple[str, int]]:
        """Each class of which messages were held back, and how many, once in 10 s."""
        for name, one in self._classes.items():
            if one.suppressed and now - one.told_at >= SUMMARY_EVERY:
                yield name, one.suppressed
                one.suppressed = 0
                one.told_at = now
