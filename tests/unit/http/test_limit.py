"""Refusals with the time to come back, over literal times."""

import pytest

from daemon.errors import LimitError
from daemon.http.limit import Limit


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_one_every_four_seconds() -> None:
    clock = Clock()
    limit = Limit(per_minute=15, burst=3, clock=clock)
    for _ in range(3):
        limit.take("a")
    with pytest.raises(LimitError) as refused:
        limit.take("a")
    assert refused.value.retry_after == 4
    clock.now = 1.0
    with pytest.raises(LimitError) as refused:
        limit.take("a")
    assert refused.value.retry_after == 3
    clock.now = 4.0
    limit.take("a")
    with pytest.raises(LimitError):
        limit.take("a")
