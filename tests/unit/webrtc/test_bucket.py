"""Buckets: how often a source address may try."""

from daemon.webrtc.bucket import MAX_SOURCES, Buckets, source_of


def test_a_burst_then_a_rate() -> None:
    buckets = Buckets(rate=2, burst=3)
    assert [buckets.take("192.0.2.1", 0.0) for _ in range(4)] == [True, True, True, False]
    assert buckets.take("192.0.2.1", 0.5)
    assert not buckets.take("192.0.2.1", 0.5)


def test_sources_do_not_pay_for_each_other() -> None:
    buckets = Buckets(rate=1, burst=1)
    assert buckets.take("192.0.2.1", 0.0)
    assert buckets.take("192.0.2.2", 0.0)


def test_looking_takes_nothing() -> None:
    buckets = Buckets(rate=1, burst=1)
    assert buckets.has_room("192.0.2.1", 0.0)
    assert buckets.take("192.0.2.1", 0.0)
    assert not buckets.has_room("192.0.2.1", 0.0)


def test_an_ipv6_network_is_one_source() -> None:
    assert source_of("2001:db8:1:2:3:4:5:6") == source_of("2001:db8:1:2:ffff::1")
    assert source_of("2001:db8:1:2::1") != source_of("2001:db8:1:3::1")
    assert source_of("2001:db8::1") == source_of("2001:db8:0:0:9::1")


def test_the_table_has_an_end() -> None:
    buckets = Buckets(rate=1, burst=1)
    for number in range(MAX_SOURCES + 10):
        buckets.take(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)
    assert len(buckets._sources) == MAX_SOURCES
