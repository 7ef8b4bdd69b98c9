"""StartLimiter: automatic starts take turns, or a boot smothers the machine (P12)."""

RATE = 4.0  # starts per second; 200 at once took 11 s of two cores
BURST = 8


class StartLimiter:
    """A bucket of tokens that refills with time."""

    def __init__(self, now: float) -> None:
        self._next = now - (BURST - 1) / RATE

    def reserve(self, now: float) -> float:
        """Take the next turn; how many seconds to wait for it."""
        self._next = max(self._next, now - (BURST - 1) / RATE)
        wait = max(0.0, self._next - now)
        self._next += 1 / RATE
        return wait
