"""Token buckets: how often a source may try, over literal times."""

from daemon.limit import MAX_SOURCES, Buckets, source_of


def test_a_burst_then_a_rate() -> None:
    buckets = Buckets(rate=2, burst=3)
    assert [buckets.take("192.0.2.1", 0.0) for _ in range(4)] == [True, True, True, False]
    assert buckets.wait_seconds("192.0.2.1", 0.0) == 0.5
    assert buckets.take("192.0.2.1", 0.5)
    assert not buckets.take("192.0.2.1", 0.5)


def test_rest_fills_the_bucket_to_its_burst_only() -> None:
    buckets = Buckets(rate=1, burst=2)
    buckets.take("a", 0.0)
    assert [buckets.take("a", 3600.0) for _ in range(3)] == [True, True, False]


def test_a_refused_try_costs_nothing() -> None:
    buckets = Buckets(rate=1, burst=1)
    assert buckets.take("a", 0.0)
    assert not any(buckets.take("a", number / 100) for number in range(99))
    assert buckets.take("a", 1.0)


def test_what_is_given_back_counts_again_but_never_beyond_the_burst() -> None:
    buckets = Buckets(rate=1, burst=1)
    assert buckets.take("a", 0.0)
    buckets.give_back("a", 0.0)
    buckets.give_back("a", 0.0)
    assert [buckets.take("a", 0.0) for _ in range(2)] == [True, False]


def test_sources_do_not_pay_for_each_other() -> None:
    buckets = Buckets(rate=1, burst=1)
    assert buckets.take("192.0.2.1", 0.0)
    assert buckets.take("192.0.2.2", 0.0)


def test_looking_takes_nothing() -> None:
    buckets = Buckets(rate=1, burst=1)
    assert buckets.has_room("192.0.2.1", 0.0)
    assert buckets.take("192.0.2.1", 0.0)
    assert not buckets.has_room("192.0.2.1", 0.0)


def test_one_host_is_one_source_however_it_is_written() -> None:
    assert source_of("192.0.2.1") == source_of("::ffff:192.0.2.1") == "192.0.2.1"
    assert source_of("2001:db8:1:2:3:4:5:6") == source_of("2001:db8:1:2:ffff::1%eth0")
    assert source_of("2001:db8:1:2::1") != source_of("2001:db8:1:3::1")
    assert source_of("") == ""
    assert source_of("not:an:address") == "not:an:address"
    assert len(source_of("x" * 10_000)) == len(source_of(":" * 10_000)) == 128


def test_the_table_has_an_end_and_forgets_the_least_recent() -> None:
    buckets = Buckets(rate=1, burst=1)
    for number in range(MAX_SOURCES + 10):
        buckets.take(f"source {number}", 0.0)
    assert len(buckets) == MAX_SOURCES
    assert buckets.take("source 0", 0.0)  # forgotten, so full again
    assert not buckets.take(f"source {MAX_SOURCES}", 0.0)
