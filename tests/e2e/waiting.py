"""Waiting: poll a fact until it holds; the only place that sleeps here."""

import asyncio
import inspect
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, overload

INTERVAL = 0.02  # seconds
DEADLINE = 60.0  # seconds: nothing but a fault takes so long, on any machine
T = TypeVar("T")


@overload
async def until(
    fact: Callable[[], Coroutine[Any, Any, T]], what: str, *, seconds: float = DEADLINE
) -> T: ...
@overload
async def until(fact: Callable[[], T], what: str, *, seconds: float = DEADLINE) -> T: ...
async def until(fact: Callable[[], Any], what: str, *, seconds: float = DEADLINE) -> Any:
    """Give the first true value of ``fact``; AssertionError with ``what`` after the deadline.

    An AssertionError of the fact itself counts as "not yet".
    """
    deadline = time.monotonic() + seconds
    last: object = None
    while True:
        try:
            found = fact()
            value = await found if inspect.isawaitable(found) else found
            if value:
                return value
            last = value
        except AssertionError as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what} (last: {last!r})")
        await asyncio.sleep(INTERVAL)
