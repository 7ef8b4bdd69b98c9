"""Life's waits between runs (P11): exact at first, then longer, then forgiven."""

import pytest

from daemon.restream.state import Life, Order, Rules

START = Order.START
RECONNECT = Rules(reconnect=True, reconnect_delay_seconds=5.0)


def delays(
    rules: Rules, count: int, *, ran: float = 0.0, dice: float = 0.5, is_denied: bool = False
) -> list[float]:
    """Wait between failing runs of ``ran`` seconds each."""
    life, now, found = Life(START, rules, 0.0), 0.0, []
    for _ in range(count):
        life.handle_timeout(now)
        life.receive_exec(now)
        life.receive_exit(1, now + ran, dice=dice, is_denied=is_denied)
        due = life.next_timeout()
        assert due is not None
        found.append(due - now - ran)
        now = due
    return found


def fail(life: Life, now: float, ran: float = 0.0, code: int = 1) -> float:
    """One run that ends by itself; the delay after it."""
    due = life.next_timeout()
    begin = max(now, now if due is None else due)
    life.handle_timeout(begin)
    life.receive_exec(begin)
    life.receive_exit(code, begin + ran, dice=0.5)
    due = life.next_timeout()
    assert due is not None
    return due - begin - ran


def test_back_off_begins_at_the_fifth_rapid_failure() -> None:
    assert delays(RECONNECT, 10) == [5, 5, 5, 5, 10, 20, 40, 60, 60, 60]


def test_a_delay_of_zero_is_a_second() -> None:
    assert delays(Rules(reconnect=True), 5) == [1, 1, 1, 1, 2]


def test_a_long_configured_delay_is_never_cut() -> None:
    assert delays(Rules(reconnect=True, reconnect_delay_seconds=100.0), 6) == [100] * 6


def test_refused_credentials_wait_up_to_five_minutes() -> None:
    assert delays(RECONNECT, 12, is_denied=True)[-1] == 300


def test_jitter_is_ten_percent_of_a_backed_off_delay_only() -> None:
    low = delays(RECONNECT, 5, dice=0.0)
    assert low == [5, 5, 5, 5, pytest.approx(9)]
    assert delays(RECONNECT, 5, dice=0.999999)[-1] == pytest.approx(11, abs=0.01)


def test_only_rapid_failures_count() -> None:
    assert delays(RECONNECT, 8, ran=10.0) == [5] * 8


@pytest.mark.parametrize(("ran", "after"), [(59.0, 20.0), (60.0, 5.0)])
def test_a_minute_of_health_wipes_the_slate(ran: float, after: float) -> None:
    life = Life(START, RECONNECT, 0.0)
    assert [fail(life, 0.0) for _ in range(6)][-1] == 20.0
    assert fail(life, 0.0, ran) == after


def test_a_short_clip_played_to_its_end_is_no_failure() -> None:
    life = Life(START, RECONNECT, 0.0)
    for _ in range(8):
        due = life.next_timeout()
        assert due is not None
        life.handle_timeout(due)
        life.receive_exec(due)
        life.receive_progress(due + 1)
        life.receive_exit(0, due + 3, dice=0.5)
        assert life.next_timeout() == due + 8
    assert life.restarts == 7


def test_a_user_who_starts_it_again_gets_a_clean_slate() -> None:
    life = Life(START, RECONNECT, 0.0)
    assert [fail(life, 0.0) for _ in range(8)][-1] == 60.0
    life.receive_order(START, 1000.0)
    assert fail(life, 1000.0) == 5.0


def test_a_hook_gets_two_starts_in_a_row_until_one_run_was_healthy() -> None:
    life = Life(START, Rules(), 0.0)
    for expected in (0.0, 0.0, None):
        life.handle_timeout(0.0)
        life.receive_exec(0.0)
        life.receive_exit(1, 0.0, dice=0.5, is_again=True)
        assert life.next_timeout() == expected
    life.receive_order(START, 1.0)
    life.handle_timeout(1.0)
    life.receive_exec(1.0)
    life.receive_exit(1, 12.0, dice=0.5, is_again=True)
    assert life.next_timeout() == 12.0
