"""Numbers for people: 1.2 Mbit/s, 34.5 MiB, 3 h 04 m."""

import math

NOTHING = "-"  # there is no value, which is not the same as 0


def bitrate(bits: float | None) -> str:
    """Bits per second, by thousands as networks count."""
    return _scaled(bits, 1000, ("bit/s", "kbit/s", "Mbit/s", "Gbit/s"))


def size(count: float | None) -> str:
    """Bytes, by 1024 as memory counts."""
    return _scaled(count, 1024, ("B", "KiB", "MiB", "GiB", "TiB"))


def duration(seconds: float | None) -> str:
    """At most two units: 42 s, 4 m 05 s, 3 h 04 m, 2 d 03 h."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return NOTHING
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} m"
    return f"{whole // 86400} d {whole % 86400 // 3600:02d} h"


def decimal(value: float | None, word: str = "", *, places: int = 1) -> str:
    """Write a number with fixed places, so that columns align, and what follows it."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value:.{places}f}{word}"


def count(number: float, word: str) -> str:
    """Count things in English: 1 viewer, 2 viewers."""
    return f"{number:,.0f} {word}{'' if number == 1 else 's'}"


def _scaled(value: float | None, step: int, words: tuple[str, ...]) -> str:
    if value is None or not math.isfinite(value) or value < 0:
        return NOTHING
    power = 0
    while value >= step * 0.99995 and power < len(words) - 1:  # 999.96 k is shown as 1.0 M
        value /= step
        power += 1
    return f"{value:.{1 if power else 0}f} {words[power]}"
