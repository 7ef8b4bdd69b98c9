"""Table: rows as text, with ratios to a reference, and goals with what was reached."""

import math
from collections.abc import Sequence

from tests.bench.measure import ENOUGH_JOINS, Row, quantile

COLUMNS = (  # width, two lines of heading
    (24, "server", ""),
    (8, "viewers", ""),
    (10, "packets/s", ""),
    (8, "Mbit/s", ""),
    (8, "loss %", ""),
    (6, "pace", ""),
    (7, "CPU %", ""),
    (10, "us/packet", ""),
    (10, "x of lib-", "datachan."),
    (9, "KiB/", "viewer"),
    (8, "CPU ms", "/join"),
    (15, "POST to DTLS", "ms, p50/p95"),
    (17, "POST to picture", "ms, p50/p95"),
    (12, "SRTP", ""),
)
WIDTHS = tuple(width for width, *_ in COLUMNS)
HEADINGS = tuple(tuple(column[line] for column in COLUMNS) for line in (1, 2))
FEWEST = 0.97  # of the packets of the best served viewer
OVERLOADED = 0.8  # of a core: then the load measures itself


def print_rows(rows: Sequence[Row], reference: str = "") -> None:
    """Print the table, and what makes a row doubtful."""
    for headings in HEADINGS:
        print(_line([str(heading) for heading in headings]))
    for row in rows:
        print(_line(_cells(row, _reference(rows, row, reference))))
    for row in rows:
        for doubt in doubts(row):
            print(f"! {row.name}, {row.viewers} viewers: {doubt}")


def doubts(row: Row) -> list[str]:
    """Say what is wrong with a row, so that nobody quotes it."""
    found = []
    if row.failures:
        found.append(f"{row.viewers - row.joined} didn't join: {row.failures[0]}")
    if row.refused:
        found.append(f"{row.refused} packets weren't authentic")
    if row.own_cpu > OVERLOADED:
        found.append(f"the load itself took {row.own_cpu:.0%} of its core")
    if row.shares and row.shares[0] < FEWEST:
        found.append(
            f"the worst served viewer got {row.shares[0]:.0%} of what the best served got:"
            " frames were left out, which no gap in the numbers shows"
        )
    if abs(sum(row.paces) / max(len(row.paces), 1) - 1) > 0.02:
        found.append("the pace is off 1: somebody was behind, so the cost isn't comparable")
    return found


def print_goals(goals: Sequence[tuple[str, float, float, str]]) -> None:
    """Print each figure with its goal: (what, reached, goal, "<=" or ">=")."""
    for what, reached, goal, relation in goals:
        is_met = reached <= goal if relation == "<=" else reached >= goal
        verdict = "met" if is_met else "MISSED"
        print(f"{what:<64}{reached:10.2f}   goal {relation} {goal:g}: {verdict}")


def _reference(rows: Sequence[Row], row: Row, name: str) -> float:
    same = [one.cost for one in rows if one.name == name and one.viewers == row.viewers]
    return same[0] if same else math.nan


def _cells(row: Row, reference: float) -> tuple[str, ...]:
    return (
        row.name,
        f"{row.joined}",
        f"{row.packets / row.seconds:.0f}",
        f"{row.octets * 8e-6 / row.seconds:.1f}",
        f"{row.loss:.3f}",
        f"{row.pace:.2f}",
        f"{row.cpu_seconds / row.seconds * 100:.1f}",
        f"{row.cost:.2f}",
        "-" if math.isnan(reference) else f"{row.cost / reference:.2f}",
        f"{row.memory / 1024:.0f}" if row.joined >= ENOUGH_JOINS else "-",
        "-" if math.isnan(row.join_cpu_seconds) else f"{row.join_cpu_seconds * 1e3:.1f}",
        _pair(row.dtls),
        _pair(row.picture),
        row.profile.removeprefix("SRTP_").removeprefix("AEAD_").replace("AES128_CM_", ""),
    )


def _pair(seconds: Sequence[float]) -> str:
    return f"{quantile(seconds, 0.5) * 1e3:.0f}/{quantile(seconds, 0.95) * 1e3:.0f}"


def _line(cells: Sequence[str]) -> str:
    first, *others = zip(cells, WIDTHS, strict=True)
    return f"{first[0]:<{first[1]}}" + "".join(f"{cell:>{width}}" for cell, width in others)
