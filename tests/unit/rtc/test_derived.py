"""Derived: pictures made anew keep the times of those that they were made of."""

import pytest

from daemon.rtc import rtcp, rtp
from daemon.rtc.derived import NTP_EPOCH, DerivedLine
from daemon.rtc.timeline import Verdict

KEY, INTER = b"\x10\x70\xd0\x00\x9d", b"\x10\x71\x02\x00"
STARTED = 1_700_000_000_123_456  # microseconds; FFmpeg cuts the last three digits
ZERO = 0xFFFF_F000  # the program's first timestamp
ORIGIN = 9_000_007  # of the first picture on the video line


def packet(sequence: int, ticks: int, payload: bytes = INTER) -> rtp.Packet:
    return rtp.Packet(96, True, sequence & 0xFFFF, (ZERO + ticks) & 0xFFFFFFFF, 1, payload)


def report(ticks: int = 0) -> rtcp.SenderReport:
    seconds = NTP_EPOCH + STARTED // 1000 / 1000 + ticks / 90_000
    return rtcp.SenderReport(1, int(seconds * (1 << 32)), (ZERO + ticks) & 0xFFFFFFFF, 0, 0, ())


@pytest.fixture
def line() -> DerivedLine:
    line = DerivedLine(first_index=5)
    line.begin_run(STARTED)
    return line


def test_a_picture_gets_the_very_timestamp_of_its_original(line: DerivedLine) -> None:
    # 29.97 fps: 3003 ticks aren't whole milliseconds, which is all that goes through
    fed = [line.feed(ORIGIN + 3003 * number) for number in range(4)]
    assert fed == [0, 33, 67, 100]
    line.receive_report(report(ticks=720))
    stamps = []
    for number, milliseconds in enumerate(fed):
        payload = INTER if number else KEY
        verdict, plain = line.receive(packet(70 + number, 90 * milliseconds, payload))
        assert verdict is Verdict.TAKEN
        assert plain is not None
        stamps.append(plain[1])
    assert stamps == [ORIGIN + 3003 * number for number in range(4)]


def test_it_waits_for_the_report_and_for_a_key_frame(line: DerivedLine) -> None:
    line.feed(ORIGIN)
    assert line.receive(packet(1, 0, KEY)) == (Verdict.WAITING, None)
    line.receive_report(report())
    assert line.receive(packet(2, 0, INTER)) == (Verdict.WAITING, None)
    assert line.receive(packet(3, 0, b"")) == (Verdict.WAITING, None)
    assert line.receive(packet(4, 0, KEY))[0] is Verdict.TAKEN


def test_numbers_go_on_over_runs_and_times_never_go_back(line: DerivedLine) -> None:
    line.feed(ORIGIN)
    line.receive_report(report())
    line.receive(packet(1, 0, KEY))
    _, last = line.receive(packet(3, 9000))
    assert last is not None
    assert last[:2] == (8, ORIGIN + 9000)  # one was lost
    line.begin_run(STARTED)
    assert line.receive(packet(900, 0, KEY)) == (Verdict.WAITING, None)
    line.feed(ORIGIN + 9000)
    line.receive_report(report())
    assert line.receive(packet(900, 0, KEY))[0] is Verdict.BACKWARDS
    assert line.receive(packet(901, 3000, INTER))[0] is Verdict.WAITING
    _, first = line.receive(packet(902, 90_000, KEY))
    assert first is not None
    assert first[:2] == (9, ORIGIN + 99_000)


@pytest.mark.parametrize("sequence", [7, 6])
def test_doubled_and_late_packets_are_dropped(line: DerivedLine, sequence: int) -> None:
    line.feed(ORIGIN)
    line.receive_report(report())
    line.receive(packet(7, 0, KEY))
    assert line.receive(packet(sequence, 0))[0] is Verdict.LATE


def test_a_day_is_no_limit(line: DerivedLine) -> None:
    """RTP's timestamps begin anew after 13 hours."""
    line.receive_report(report())
    for hour in range(30):
        ticks = hour * 3600 * 90_000
        assert line.feed(ORIGIN + ticks) == hour * 3_600_000
        _, plain = line.receive(packet(hour + 1, ticks, KEY))
        assert plain is not None
        assert plain[1] == ORIGIN + ticks
