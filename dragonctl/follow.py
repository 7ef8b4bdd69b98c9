"""Follow a log by asking again: which lines of a ring are new."""

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress

INTERVAL = 1.0  # seconds


def fresh_lines(before: Sequence[str], now: Sequence[str]) -> list[str]:
    """Give what came to the end of a ring, from which the oldest lines fall out.

    When nothing of ``before`` is left, all of ``now`` is new.
    """
    for start in range(len(before) + 1):
        kept = before[start:]
        if len(kept) <= len(now) and list(now[: len(kept)]) == list(kept):
            return list(now[len(kept) :])
    raise AssertionError("nothing at all is a beginning of anything")


def pauses(is_endless: bool, interval: float | None = None) -> Iterator[None]:
    """Take one turn, or turns without an end, with a pause between them."""
    yield
    while is_endless:
        time.sleep(INTERVAL if interval is None else interval)
        yield


def until_interrupted() -> AbstractContextManager[None]:
    """Take Ctrl-C as the way to end what has no end of its own."""
    return suppress(KeyboardInterrupt)
