"""Link: one direction of a network path, sans-IO: what becomes of each datagram, by a seed.

The n-th datagram of a link has the same fate in each run with the same seed. Loss, doubling and
reordering are independent from datagram to datagram; a rate makes a queue with an end, as the
bottleneck of an access line does.
"""

import heapq
import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Path:
    """A path's faults: shares from 0 to 1, seconds, bits a second, bytes."""

    loss: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0  # at most so much more delay, evenly spread; order is kept
    reorder: float = 0.0  # the share that is held back ...
    reorder_delay: float = 0.02  # ... for so long, while later ones overtake
    duplicate: float = 0.0
    rate: float | None = None
    queue_bytes: int = 64_000  # that wait for the rate; more are lost


class Link:
    """One direction. Put datagrams in by ``send``, take them out by ``poll`` when due."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self.sent = 0
        self.lost = 0
        self.duplicated = 0
        self.reordered = 0
        self.overflowed = 0
        self._random = random.Random(seed)
        self._queue: list[tuple[float, int, bytes]] = []
        self._order = 0
        self._free_at = 0.0  # when the bottleneck has sent all that waits
        self._last_due = 0.0

    def send(self, data: bytes, now: float) -> None:
        """Put a datagram in."""
        path = self.path
        self.sent += 1
        # drawn for each datagram, needed or not: a fate must not depend on the clock
        loss, jitter, reorder, duplicate = (self._random.random() for _ in range(4))
        if loss < path.loss:
            self.lost += 1
            return
        due = self._after_bottleneck(len(data), now)
        if due is None:
            self.overflowed += 1
            return
        due += path.delay + jitter * path.jitter
        if reorder < path.reorder:
            self.reordered += 1
            self._put(due + path.reorder_delay, data)
            return
        due = self._last_due = max(due, self._last_due)
        self._put(due, data)
        if duplicate < path.duplicate:
            self.duplicated += 1
            self._put(due, data)

    def next_timeout(self) -> float | None:
        """When the next datagram is due."""
        return self._queue[0][0] if self._queue else None

    def poll(self, now: float) -> bytes | None:
        """Take a datagram that is due, or None."""
        if self._queue and self._queue[0][0] <= now:
            return heapq.heappop(self._queue)[2]
        return None

    def _put(self, due: float, data: bytes) -> None:
        self._order += 1
        heapq.heappush(self._queue, (due, self._order, data))

    def _after_bottleneck(self, size: int, now: float) -> float | None:
        rate = self.path.rate
        if rate is None:
            return now
        begin = max(now, self._free_at)
        if (begin - now) * rate / 8 + size > self.path.queue_bytes:
            return None
        self._free_at = begin + size * 8 / rate
        return self._free_at
