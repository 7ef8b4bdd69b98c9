"""Opus: packets' lengths, and timestamps that count samples."""

import random

import pytest

from daemon.rtc.opus import CLOCK_RATE, GAP, TOLERANCE, SampleClock, duration

CELT_20 = b"\xfc\xff\xfe"  # one frame of 20 ms
SILK_60 = b"\x18\x01"  # one frame of 60 ms
MS = CLOCK_RATE // 1000


@pytest.mark.parametrize(
    ("payload", "samples"),
    [
        (b"", None),
        (bytes([0 << 3]), 10 * MS),
        (bytes([1 << 3]), 20 * MS),
        (bytes([11 << 3]), 60 * MS),
        (bytes([12 << 3]), 10 * MS),
        (bytes([15 << 3]), 20 * MS),
        (bytes([16 << 3]), 120),
        (bytes([31 << 3]), 20 * MS),
        (bytes([31 << 3 | 1]), 40 * MS),
        (bytes([31 << 3 | 2]), 40 * MS),
        (bytes([31 << 3 | 3, 0x80 | 6]), 120 * MS),
        (bytes([31 << 3 | 3, 7]), None),  # 140 ms: more than a packet may hold
        (bytes([31 << 3 | 3, 0]), None),
        (bytes([31 << 3 | 3]), None),
    ],
)
def test_a_packet_tells_its_length(payload: bytes, samples: int | None) -> None:
    assert duration(payload) == samples


def test_jitter_of_the_container_is_gone() -> None:
    dice = random.Random(1)
    clock = SampleClock(5000)
    stamps = [clock.stamp(5000, CELT_20)]
    for number in range(1, 500):
        jitter = dice.randrange(-10 * MS, 10 * MS)
        stamps.append(clock.stamp(5000 + 960 * number + jitter, CELT_20))
    assert stamps == [5000 + 960 * number for number in range(500)]
    assert clock.resyncs == 0


def test_lost_packets_leave_a_hole_of_their_length() -> None:
    clock = SampleClock(0)
    clock.stamp(0, CELT_20)
    assert clock.stamp(4 * 960 + 7, CELT_20, lost=3) == 4 * 960


def test_a_packet_that_tells_nothing_is_taken_for_as_long_as_the_last() -> None:
    clock = SampleClock(0)
    clock.stamp(0, SILK_60)
    assert clock.stamp(60 * MS, b"") == 60 * MS
    assert clock.end == 120 * MS


def test_a_pause_of_the_source_is_a_pause_on_the_line() -> None:
    clock = SampleClock(0)
    clock.stamp(0, CELT_20)
    assert clock.stamp(400 * MS, CELT_20) == 400 * MS  # Opus DTX says something every 400 ms
    assert clock.stamp(420 * MS, CELT_20) == 420 * MS
    assert clock.resyncs == 1


def test_a_source_that_goes_back_never_takes_the_line_back() -> None:
    clock = SampleClock(1_000_000)
    clock.stamp(1_000_000, CELT_20)
    assert clock.stamp(3, CELT_20) == 1_000_960
    assert clock.stamp(3 + 960, CELT_20) == 1_001_920
    assert clock.resyncs == 1


@pytest.mark.parametrize("payload", [CELT_20, SILK_60])
@pytest.mark.parametrize("drift", [200e-6, -200e-6, 0.002, -0.002])
def test_drift_is_mended_by_rare_patches_and_never_adds_up(
    payload: bytes, drift: float
) -> None:
    """Six minutes of a source whose clock and samples disagree."""
    length = duration(payload)
    assert length is not None
    packets = 360 * CLOCK_RATE // length
    clock, last, patches, worst = SampleClock(0), -length, 0, 0.0
    for number in range(packets):
        source = round(number * length * (1 + drift))
        stamped = clock.stamp(source, payload)
        if stamped is None:
            patches += 1
            continue
        assert stamped >= last + length
        patches += stamped > last + length
        last = stamped
        worst = max(worst, abs(stamped - source))
    # while the mean follows, the deviation is as far ahead as 5 s of drift
    assert worst <= TOLERANCE + 5 * CLOCK_RATE * abs(drift) + length
    assert patches <= 2 + 2 * 360 * CLOCK_RATE * abs(drift) / TOLERANCE


def test_a_small_error_is_not_taken_for_a_pause() -> None:
    clock = SampleClock(0)
    clock.stamp(0, CELT_20)
    assert clock.stamp(960 + GAP, CELT_20) == 960
