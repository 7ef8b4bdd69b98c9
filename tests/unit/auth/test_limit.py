"""How often somebody may guess."""

import pytest

from daemon.auth.limit import MAX_ENTRIES, LoginLimit
from daemon.errors import LimitError


def wait(limit: LoginLimit, source: str, user: str, now: float) -> int:
    """Try once; how long we were told to wait, 0 if we were let in."""
    try:
        limit.begin(source, user, now)
    except LimitError as error:
        return error.retry_after
    return 0


def test_five_failures_are_free_then_the_wait_doubles_to_a_quarter_of_an_hour() -> None:
    limit = LoginLimit()
    now = 0.0
    for _ in range(5):
        assert wait(limit, "192.0.2.1", "admin", now) == 0
    waits = []
    for _ in range(10):
        waits.append(wait(limit, "192.0.2.1", "admin", now))
        now += waits[-1]
        assert wait(limit, "192.0.2.1", "admin", now) == 0
    assert waits == [10, 20, 40, 80, 160, 320, 640, 900, 900, 900]


def test_a_quarter_of_an_hour_of_silence_forgives() -> None:
    limit = LoginLimit()
    for _ in range(5):
        limit.begin("192.0.2.1", "admin", 0.0)
    for _ in range(5):
        assert wait(limit, "192.0.2.1", "admin", 900.5) == 0
    assert wait(limit, "192.0.2.1", "admin", 900.5) == 10


def test_success_forgives_this_user_from_this_source_only() -> None:
    limit = LoginLimit()
    for user in ("a", "b"):
        for _ in range(5):
            limit.begin("192.0.2.1", user, 0.0)
    limit.succeed("192.0.2.1", "a", 0.0)
    assert wait(limit, "192.0.2.1", "a", 1.0) == 0
    assert wait(limit, "192.0.2.1", "b", 1.0) > 0


def test_a_source_has_twenty_attempts_over_all_users_then_one_every_three_seconds() -> None:
    limit = LoginLimit()
    for number in range(20):
        assert wait(limit, "192.0.2.1", f"user{number}", 0.0) == 0
    assert wait(limit, "192.0.2.1", "another", 0.0) == 3
    assert wait(limit, "192.0.2.2", "another", 0.0) == 0
    assert wait(limit, "192.0.2.1", "another", 3.0) == 0
    assert wait(limit, "192.0.2.1", "yet another", 3.0) == 3


def test_all_together_have_sixty_attempts_then_one_a_second() -> None:
    limit = LoginLimit()
    for number in range(60):
        assert wait(limit, f"192.0.2.{number}", "admin", 0.0) == 0
    assert wait(limit, "198.51.100.1", "admin", 0.0) == 1
    assert wait(limit, "198.51.100.1", "admin", 1.0) == 0


def test_success_costs_nothing() -> None:
    limit = LoginLimit()
    for _ in range(200):
        limit.begin("192.0.2.1", "admin", 0.0)
        limit.succeed("192.0.2.1", "admin", 0.0)


def test_a_refused_attempt_costs_nothing_and_leaves_nothing() -> None:
    limit = LoginLimit()
    for number in range(60):
        limit.begin(f"192.0.2.{number}", "admin", 0.0)
    for number in range(1000):
        assert wait(limit, f"10.0.{number % 256}.{number // 256}", "x", 0.5) > 0
    assert len(limit._failures) == len(limit._sources) == 60


def test_the_tables_stay_bounded_through_a_week_of_guessing() -> None:
    limit = LoginLimit()
    for number in range(10_000):
        limit.begin(
            f"10.{number // 65536}.{number // 256 % 256}.{number % 256}", "x", number * 2.0
        )
    assert len(limit._failures) <= MAX_ENTRIES
    assert len(limit._sources) <= MAX_ENTRIES


@pytest.mark.parametrize("name", ["a" * 10_000, "\ud800", ""])
def test_any_name_is_counted(name: str) -> None:
    limit = LoginLimit()
    for _ in range(5):
        assert wait(limit, "192.0.2.1", name, 0.0) == 0
    assert wait(limit, "192.0.2.1", name, 0.0) == 10
