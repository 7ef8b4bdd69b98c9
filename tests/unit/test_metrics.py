"""The history of metrics: what is selected, thinned out and forgotten."""

import re
from collections.abc import Iterator

from daemon.http.label import label_pattern
from daemon.metrics import METRICS, Fits, History, Series, Value

ALL = "cpu_user"


class Source:
    """Counts its rounds; two series of one name, and one without labels."""

    def __init__(self) -> None:
        self.rounds = 0

    def __call__(self) -> Iterator[Value]:
        self.rounds += 1
        yield Value("cpu_user", self.rounds)
        for name in ("hls", "hlsingress"):
            yield Value("session_active", self.rounds, (("collector", name),))


def history(is_kept: bool = True, seconds: int = 10) -> History:
    return History(Source(), is_kept=is_kept, range_seconds=seconds, interval_seconds=2)


def ask(
    one: History, name: str = "cpu_user", *, seconds: float = 0, **labels: str
) -> list[Series]:
    patterns = {key: label_pattern(text) for key, text in labels.items()}
    wanted = [(name, patterns)]
    return one.query(wanted, range_seconds=seconds, interval_seconds=0, now=100.0)


def test_without_a_range_there_is_the_current_value() -> None:
    [series] = ask(history())
    assert series == Series("cpu_user", (), ((100.0, 1),))


def test_a_range_gives_what_was_kept_in_it() -> None:
    one = history()
    for now in (90.0, 95.0, 100.0):
        one.take(now)
    [series] = ask(one, seconds=6)
    assert series.values == ((95.0, 2), (100.0, 3))


def test_values_closer_than_the_interval_are_left_out() -> None:
    one = history()
    for now in (96.0, 97.0, 98.0, 99.0):
        one.take(now)
    [series] = one.query([("cpu_user", {})], range_seconds=9, interval_seconds=2, now=100.0)
    assert [at for at, _ in series.values] == [96.0, 98.0]


def test_a_series_is_selected_by_a_label_that_matches_somewhere() -> None:
    assert len(ask(history(), "session_active", collector="hls")) == 2
    [series] = ask(history(), "session_active", collector="^hls$")
    assert series.labels == (("collector", "hls"),)
    assert ask(history(), "session_active", collector="rtmp") == []
    assert ask(history(), "session_active", nothing="x") == []


def test_unknown_names_are_left_out_and_doubles_are_one() -> None:
    one = history()
    wanted: list[tuple[str, dict[str, Fits]]] = [
        ("nothing", {}),
        ("cpu_user", {}),
        ("cpu_user", {}),
    ]
    [series] = one.query(wanted, range_seconds=0, interval_seconds=0, now=1.0)
    assert len(series.values) == 1


def test_what_is_too_old_goes_and_switching_off_forgets() -> None:
    one = history(seconds=10)
    for now in (1.0, 50.0, 55.0):
        one.take(now)
    [series] = ask(one, seconds=1000)
    assert [at for at, _ in series.values] == [50.0, 55.0]
    one.set_up(is_kept=False, range_seconds=10, interval_seconds=2)
    assert (one.range_seconds, one.interval_seconds) == (0, 0)
    [series] = ask(one, seconds=1000)
    assert len(series.values) == 1


def test_the_names_are_those_that_clients_know() -> None:
    names = [metric.name for metric in METRICS]
    assert len([name for name in names if not name.startswith("daemon_")]) == 29
    assert names == sorted(names)
    assert all(re.fullmatch(r"[a-z]+_[a-z_]+", name) for name in names)
