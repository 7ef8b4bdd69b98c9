"""Profile: where the daemon's CPU time goes, by callback of its event loop.

Thread time around each callback, and around the two calls into burst.c that lie inside of them.
Unlike a sampling profiler it doesn't stop the process, whose caches then are what they are.
"""

import asyncio
import json
import selectors
import signal
import time
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any

from daemon.rtc import native

WAITING = "waiting (epoll)"
INNER = {"protect": "  of it: encryption (burst.c)", "send": "  of it: sending (burst.c)"}
REST = "the loop itself, signals, threads"


class Profile:
    """SIGUSR1 begins it, SIGUSR2 writes milliseconds of CPU a second and calls a second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._spent: dict[str, list[float]] = {}
        self._began = (0.0, 0.0)

    def install(self) -> None:
        """Wrap what is measured; before the loop starts."""
        for handle in (asyncio.Handle, asyncio.TimerHandle):
            self._wrap(handle, "_run", _name)
        self._wrap(selectors.EpollSelector, "select", lambda _: WAITING)
        for method, name in INNER.items():
            self._wrap(native.Work, method, partial(_always, name))
        signal.signal(signal.SIGUSR1, lambda *_: self._begin())
        signal.signal(signal.SIGUSR2, lambda *_: self._write())

    def _wrap(self, owner: type, method: str, name: Callable[[Any], str]) -> None:
        original = getattr(owner, method)

        @wraps(original)
        def timed(self_: Any, *arguments: Any, **options: Any) -> Any:
            before = time.thread_time()
            try:
                return original(self_, *arguments, **options)
            finally:
                spent = self._spent.setdefault(name(self_), [0.0, 0.0])
                spent[0] += time.thread_time() - before
                spent[1] += 1

        setattr(owner, method, timed)

    def _begin(self) -> None:
        self._spent.clear()
        self._began = (time.monotonic(), time.process_time())

    def _write(self) -> None:
        seconds = time.monotonic() - self._began[0]
        total = time.process_time() - self._began[1]
        outer = sum(spent for name, (spent, _) in self._spent.items() if name[0] != " ")
        rows = dict(self._spent) | {REST: [total - outer, 0.0]}
        found = [(name, *(value / seconds for value in row)) for name, row in rows.items()]
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps(found))
        part.rename(self._path)


def _always(name: str, _: object) -> str:
    return name


def _name(handle: Any) -> str:
    """Tell whose callback it is: a method's name, or the coroutine's of a task."""
    callback = vars(asyncio.Handle)["_callback"].__get__(handle)
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        return f"task {getattr(owner.get_coro(), '__qualname__', '')}"
    return str(getattr(callback, "__qualname__", type(callback).__name__))


def print_profile(path: Path, packets_a_second: float, most: int = 14) -> None:
    """Print the largest rows; the last column is what a delivered packet costs."""
    rows = sorted(json.loads(path.read_text()), key=lambda row: -row[1])
    print(f"{'':44}{'ms/s':>8}{'calls/s':>9}{'us/call':>9}{'us/packet':>11}")
    for name, spent, calls in rows[:most]:
        each = f"{spent / calls * 1e6:9.0f}" if calls else f"{'':9}"
        share = f"{spent / packets_a_second * 1e6:11.2f}"
        print(f"{name[:43]:44}{spent * 1e3:8.2f}{calls:9.1f}{each}{share}")
