"""Which backups stay: the newest, one of each of 24 hours, one of each of 7 days (ST5)."""

from datetime import UTC, datetime, timedelta

from daemon.storage.backup import KEPT, kept

NOW = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)


def stamps(*ages: timedelta) -> list[str]:
    """Newest first, as the names of backups sort."""
    return [f"{NOW - age:%Y%m%dT%H%M%S.%fZ}" for age in sorted(ages)]


def test_a_month_of_hourly_backups_leaves_a_day_of_hours_and_a_week_of_days() -> None:
    all_of_them = stamps(*(timedelta(hours=hour) for hour in range(24 * 30)))
    left = sorted(kept(all_of_them), reverse=True)
    assert left[:24] == all_of_them[:24]
    assert [stamp[:8] for stamp in left[24:]] == [
        "20261123", "20261122", "20261121", "20261120", "20261119",
    ]  # fmt: skip
    assert all(stamp[9:11] == "23" for stamp in left[24:])  # the last one of its day


def test_the_newest_stay_whatever_their_age() -> None:
    crashes = stamps(*(timedelta(seconds=second) for second in range(50)))
    assert kept(crashes) == set(crashes[:KEPT])


def test_keeping_is_stable() -> None:
    all_of_them = stamps(*(timedelta(minutes=7 * number) for number in range(5000)))
    left = sorted(kept(all_of_them), reverse=True)
    assert kept(left) == set(left)
    assert len(left) <= KEPT + 24 + 7


def test_hours_with_gaps_are_not_lost() -> None:
    old = stamps(*(timedelta(days=40 * number) for number in range(5)))
    assert kept(old) == set(old)
