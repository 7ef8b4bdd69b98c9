"""Sessions: counted once, ended by silence, summed up within bounds."""

from typing import Any

import pytest

from daemon.errors import OverloadError
from daemon.session import MAX_NAMES, OTHER, Collector, Rate, Sessions


def see(collector: Collector, name: str = "s1", now: float = 0.0, **fields: Any) -> None:
    values = {"reference": "cam", "local": "/memfs/cam.m3u8", "remote": "192.0.2.1"} | fields
    collector.open(name, **values, now=now, wall=1_700_000_000.0 + now)


def test_bytes_are_counted_for_the_session_and_in_every_sum() -> None:
    collector = Collector("hls")
    see(collector)
    assert collector.count("s1", 1.0, tx=1000)
    assert collector.count("s1", 2.0, rx=10, tx=500)
    session = collector.active(2.0)[0]
    assert (session.rx_bytes, session.tx_bytes) == (10, 1500)
    summary = collector.summary
    for traffic in (
        summary.total,
        summary.local["/memfs/cam.m3u8"],
        summary.reference["cam"],
        summary.remote["192.0.2.1"],
        summary.remote["192.0.2.1"].local["/memfs/cam.m3u8"],
    ):
        assert (traffic.sessions, traffic.rx_bytes, traffic.tx_bytes) == (1, 10, 1500)


def test_bytes_of_nobody_are_not_counted() -> None:
    collector = Collector("hls")
    assert not collector.count("s1", 0.0, tx=1)
    assert collector.summary.total.tx_bytes == 0


def test_silence_ends_a_session_and_bytes_keep_it() -> None:
    collector = Collector("hls", timeout_seconds=30)
    see(collector)
    collector.count("s1", 20.0, tx=1)
    assert collector.active(49.9)
    assert not collector.active(50.0)
    see(collector, now=60.0)
    assert collector.summary.total.sessions == 2


def test_a_session_that_is_seen_again_is_the_same() -> None:
    collector = Collector("hls")
    see(collector)
    see(collector, now=5.0)
    assert len(collector.active(5.0)) == 1
    assert collector.summary.total.sessions == 1


def test_the_rate_is_the_mean_of_the_last_ten_seconds() -> None:
    rate = Rate()
    for second in range(20):
        rate.add(1000, second + 0.5)
    assert rate.mean(19.5) == 1000
    assert rate.mean(24.5) == 500
    assert rate.mean(40.0) == 0


def test_limits_refuse_new_sessions_only() -> None:
    collector = Collector("hls", max_sessions=1)
    see(collector)
    with pytest.raises(OverloadError):
        see(collector, "s2")
    see(collector, "s1", now=1.0)
    collector.close("s1")
    see(collector, "s2", now=2.0)


def test_bandwidth_refuses_new_sessions_while_it_lasts() -> None:
    collector = Collector("hls", max_tx_bits=8000)
    see(collector)
    collector.count("s1", 0.0, tx=10_000)
    with pytest.raises(OverloadError):
        see(collector, "s2", now=1.0)
    see(collector, "s2", now=11.0)


def test_made_up_names_fill_no_memory() -> None:
    collector = Collector("hls")
    for number in range(MAX_NAMES + 10):
        see(collector, "s", remote=f"r{number}", reference=f"c{number}")
        collector.close("s")
    assert len(collector.summary.remote) == MAX_NAMES + 1
    assert collector.summary.remote[OTHER].sessions == 10
    assert collector.summary.total.sessions == MAX_NAMES + 10


def test_limits_of_viewers_are_for_hls_and_change_at_once() -> None:
    sessions = Sessions(timeout_seconds=5, max_sessions=1)
    assert sessions.collector("hls").max_sessions == 1
    assert sessions.collector("webrtc").max_sessions == 0
    sessions.set_limits(7, 2, 0)
    assert sessions.collector("hls").max_sessions == 2
    assert sessions.collector("webrtc").timeout_seconds == 7
    assert "webrtc" in sessions.names()
    assert sessions.find("nothing") is None
