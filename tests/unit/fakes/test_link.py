"""Link: the same seed gives the same faults, and the faults are those that were asked for."""

from tests.fakes.link import Link, Path

COUNT = 2000


def datagram(number: int, size: int = 100) -> bytes:
    return number.to_bytes(4, "big") + bytes(size - 4)


def pass_through(path: Path, seed: int = 1, interval: float = 0.001) -> list[tuple[float, int]]:
    """Send datagrams evenly; give when each came out, and its number."""
    link = Link(path, seed)
    found: list[tuple[float, int]] = []

    def drain(until: float) -> None:
        while (due := link.next_timeout()) is not None and due <= until:
            data = link.poll(due)
            assert data is not None
            found.append((due, int.from_bytes(data[:4], "big")))

    for number in range(COUNT):
        now = number * interval
        drain(now)
        link.send(datagram(number), now)
    drain(float("inf"))
    return found


def numbers(found: list[tuple[float, int]]) -> list[int]:
    return [number for _, number in found]


def test_a_clean_path_changes_nothing() -> None:
    found = pass_through(Path())
    assert numbers(found) == list(range(COUNT))
    assert found[10] == (0.01, 10)


def test_the_same_seed_loses_the_same_and_another_seed_others() -> None:
    path = Path(loss=0.05)
    first = numbers(pass_through(path, seed=7))
    assert first == numbers(pass_through(path, seed=7))
    assert first != numbers(pass_through(path, seed=8))
    assert 0.03 < 1 - len(first) / COUNT < 0.07
    assert first == sorted(first)


def test_a_fate_does_not_depend_on_the_other_faults() -> None:
    lost = set(range(COUNT)) - set(numbers(pass_through(Path(loss=0.05))))
    others = Path(loss=0.05, delay=0.05, jitter=0.03, reorder=0.1, duplicate=0.1)
    assert lost == set(range(COUNT)) - set(numbers(pass_through(others)))


def test_delay_and_jitter_are_bounded_and_keep_the_order() -> None:
    found = pass_through(Path(delay=0.02, jitter=0.01))
    assert numbers(found) == list(range(COUNT))
    for due, number in found:
        assert 0.02 <= due - number * 0.001 < 0.0301


def test_some_are_overtaken_and_some_come_twice() -> None:
    overtaken = numbers(pass_through(Path(reorder=0.1, reorder_delay=0.005)))
    assert overtaken != sorted(overtaken)
    assert sorted(overtaken) == list(range(COUNT))
    twice = numbers(pass_through(Path(duplicate=0.1)))
    assert COUNT * 1.05 < len(twice) < COUNT * 1.15
    assert len(set(twice)) == COUNT


def test_a_bottleneck_queues_then_loses() -> None:
    # 100 bytes a millisecond are 800 kbit/s; half of that passes
    path = Path(rate=400_000, queue_bytes=5_000)
    found = pass_through(path)
    assert 0.45 < len(found) / COUNT < 0.55
    longest = max(due - number * 0.001 for due, number in found)
    assert 0.09 < longest <= 0.1 + 1e-9  # 5,000 bytes at 400 kbit/s


def test_the_counts_tell_what_happened() -> None:
    link = Link(Path(loss=1.0), seed=1)
    link.send(datagram(1), 0.0)
    assert (link.sent, link.lost, link.next_timeout()) == (1, 1, None)
