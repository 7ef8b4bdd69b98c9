"""History and Budget: what is kept for NACK, and how much of it one viewer may have."""

from daemon.rtc.history import Budget, History
from daemon.rtc.timeline import Plain


def plain(index: int, size: int = 1000) -> Plain:
    return (index, index * 3000, 0, b"x" * size)


def test_what_was_sent_is_found_until_it_is_old() -> None:
    history = History(10)
    history.add([plain(1), plain(2)], 0.0)
    assert history.get(2, 1.9) == plain(2)
    assert history.get(3, 1.9) is None
    assert history.get(2, 2.1) is None


def test_the_oldest_packets_make_room() -> None:
    history = History(3)
    for index in range(5):
        history.add([plain(index)], 0.0)
    assert [index for index in range(5) if history.get(index, 0.0)] == [2, 3, 4]


def test_old_packets_are_let_go_when_new_ones_come() -> None:
    history = History(100)
    history.add([plain(1)], 0.0)
    history.add([plain(2)], 2.5)
    assert history.get(1, 0.5) is None


def test_a_hole_on_the_line_holds_no_packet() -> None:
    history = History(100)
    history.add([plain(1), plain(4)], 0.0)
    history.add([plain(6)], 0.1)
    assert [index for index in range(9) if history.get(index, 0.2)] == [1, 4, 6]


def test_the_media_of_the_last_second_is_counted() -> None:
    history = History(100)
    for tenth in range(20):
        history.add([plain(2 * tenth), plain(2 * tenth + 1, 500)], tenth / 10)
    assert history.bytes_in_last_second(1.95) == 10 * 1500
    assert history.bytes_in_last_second(2.55) == 4 * 1500
    assert history.bytes_in_last_second(9.0) == 0


def test_one_packet_is_resent_three_times_at_the_most_and_not_in_haste() -> None:
    budget = Budget()
    times = [0.0, 0.01, 0.03, 0.06, 0.1]
    assert [budget.allows(7, 1000, 0, 0.0, now) for now in times] == [
        True, False, True, True, False,
    ]  # fmt: skip


def test_a_resend_waits_for_the_round_trip() -> None:
    budget = Budget()
    assert budget.allows(7, 1000, 0, 0.2, 0.0)
    assert not budget.allows(7, 1000, 0, 0.2, 0.19)
    assert budget.allows(7, 1000, 0, 0.2, 0.21)


def test_a_flood_of_nacks_buys_a_share_of_the_media_and_no_more() -> None:
    budget = Budget()
    media_bytes = 250_000  # in the last second: 2 Mbit/s
    granted = sum(budget.allows(index, 1000, media_bytes, 0.0, 0.95) for index in range(5000))
    assert granted == 75


def test_a_quiet_track_still_gets_some_repair() -> None:
    budget = Budget()
    granted = sum(budget.allows(index, 200, 0, 0.0, 0.0) for index in range(100))
    assert granted == 20


def test_the_budget_comes_back_with_time() -> None:
    budget = Budget()
    assert sum(budget.allows(index, 200, 0, 0.0, 0.0) for index in range(100)) == 20
    assert sum(budget.allows(index, 200, 0, 0.0, 1.5) for index in range(100, 200)) == 20
