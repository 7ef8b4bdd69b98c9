"""Token buckets, over literal times."""

import pytest

from daemon.errors import LimitError
from daemon.http.limit import MAX_SOURCES, Buckets


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_one_every_four_seconds() -> None:
    clock = Clock()
    buckets = Buckets(per_minute=15, burst=3, clock=clock)
    for _ in range(3):
        buckets.take("a")
    with pytest.raises(LimitError) as refused:
        buckets.take("a")
    assert refused.value.retry_after == 4
    clock.now = 1.0
    with pytest.raises(LimitError) as refused:
        buckets.take("a")
    assert refused.value.retry_after == 3
    clock.now = 4.0
    buckets.take("a")
    with pytest.raises(LimitError):
        buckets.take("a")


def test_rest_fills_the_bucket_to_its_burst_only() -> None:
    clock = Clock()
    buckets = Buckets(per_minute=60, burst=2, clock=clock)
    buckets.take("a")
    clock.now = 3600.0
    buckets.take("a")
    buckets.take("a")
    with pytest.raises(LimitError):
        buckets.take("a")


def test_sources_dont_share_but_an_ipv6_subscriber_is_one() -> None:
    buckets = Buckets(per_minute=1, burst=1, clock=Clock())
    for source in ("192.0.2.1", "192.0.2.2", "2001:db8:0:1::1", "2001:db8:0:2::1", ""):
        buckets.take(source)
    for source in ("2001:db8:0:1:ffff::9", ""):
        with pytest.raises(LimitError):
            buckets.take(source)


def test_the_table_is_bounded_and_forgets_the_least_recent() -> None:
    buckets = Buckets(per_minute=1, burst=1, clock=Clock())
    for number in range(MAX_SOURCES + 10):
        buckets.take(f"source {number}")
    assert len(buckets) == MAX_SOURCES
    buckets.take("source 0")  # forgotten, so full again
    with pytest.raises(LimitError):
        buckets.take(f"source {MAX_SOURCES}")
