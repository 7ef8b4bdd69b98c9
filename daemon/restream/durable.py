"""durably: a change runs to its end, even if who asked for it goes away meanwhile (ST2)."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from daemon.errors import NotReadyError

log = logging.getLogger(__name__)

T = TypeVar("T")


async def durably(
    group: asyncio.TaskGroup | None, change: Callable[[], Coroutine[Any, Any, T]]
) -> T:
    """Run a change in ``group`` and give its result. Raises NotReadyError without a group."""
    if group is None:
        raise NotReadyError("the daemon is starting or ending", retry_after=5)
    outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    group.create_task(_settle(change(), outcome))
    return await outcome


async def _settle(change: Coroutine[Any, Any, T], outcome: asyncio.Future[T]) -> None:
    try:
        result = await change
    except Exception as error:  # noqa: BLE001 -- it belongs to the caller, who gets it
        if outcome.done():
            log.warning("a change failed after its caller had gone: %s", error)
        else:
            outcome.set_exception(error)
    else:
        if not outcome.done():
            outcome.set_result(result)
    finally:
        outcome.cancel()  # if we were cancelled ourselves
