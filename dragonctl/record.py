"""Look into JSON from a server that may be older, newer or broken: never a KeyError."""

from typing import Any


def value(record: Any, *path: str) -> Any:
    """Give what stands at ``path``; None if nothing does."""
    for key in path:
        if not isinstance(record, dict):
            return None
        record = record.get(key)
    return record


def text(record: Any, *path: str) -> str:
    """Give a string; "" if there is none."""
    found = value(record, *path)
    return found if isinstance(found, str) else ""


def number(record: Any, *path: str) -> float | None:
    """Give a number; None if there is none. True and False are none."""
    found = value(record, *path)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return found


def flag(record: Any, *path: str) -> bool:
    """Whether it says ``true``."""
    return value(record, *path) is True


def items(record: Any, *path: str) -> list[Any]:
    """Give a list; empty if there is none."""
    found = value(record, *path)
    return found if isinstance(found, list) else []
