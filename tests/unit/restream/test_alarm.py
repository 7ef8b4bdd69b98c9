"""One alarm instead of sixty, over literal times (P11)."""

from daemon.restream.alarm import Alarm, FailureAlarm

TEN = [f"p{number}" for number in range(10)]


def alarm_after(failures: dict[str, float], started: list[str], now: float) -> FailureAlarm:
    alarm = FailureAlarm()
    for name, when in failures.items():
        alarm.note_failure(name, when)
    alarm.check(started, now, 1_800_000_000.5)
    return alarm


def test_more_than_thirty_percent_within_a_minute_raise_it_once() -> None:
    alarm = alarm_after(dict.fromkeys(TEN[:3], 0.0), TEN, 1.0)
    assert not alarm.raised
    alarm.note_failure("p3", 2.0)
    assert alarm.check(TEN, 2.0, 1_800_000_000.5)
    assert alarm.raised == Alarm(
        "many-failures",
        "4 of 10 processes failed within 60 s (p0, p1, p2, p3): look for one cause",
        1_800_000_000,
    )
    alarm.note_failure("p4", 3.0)
    assert not alarm.check(TEN, 3.0, 1_800_000_001.0)


def test_one_process_that_fails_again_and_again_is_one() -> None:
    alarm = FailureAlarm()
    for second in range(50):
        alarm.note_failure("p0", float(second))
    assert not alarm.check(TEN, 50.0, 0.0)


def test_it_is_over_when_a_minute_was_quiet() -> None:
    alarm = alarm_after(dict.fromkeys(TEN[:4], 0.0), TEN, 59.0)
    assert alarm.raised
    assert alarm.check(TEN, 60.0, 0.0)
    assert alarm.raised is None


def test_processes_that_were_stopped_or_deleted_do_not_count() -> None:
    assert alarm_after(dict.fromkeys(TEN[:4], 0.0), TEN[3:], 1.0).raised is None


def test_two_processes_are_no_pattern() -> None:
    assert alarm_after({"p0": 0.0, "p1": 0.0}, ["p0", "p1"], 1.0).raised is None
    assert alarm_after(dict.fromkeys(TEN[:3], 0.0), TEN[:3], 1.0).raised


def test_a_long_list_is_cut() -> None:
    raised = alarm_after(dict.fromkeys(TEN, 0.0), TEN, 1.0).raised
    assert raised is not None
    assert "p4 and 5 more" in raised.text
