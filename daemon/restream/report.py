"""Report: what FFmpeg printed, this run and the ones before (datarhei-core.md c.8)."""

from collections import deque
from dataclasses import dataclass

PRELUDE_HEAD = 100  # lines kept from the start of a run
PRELUDE_TAIL = 50  # and from right before the first progress


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of stderr; ``time`` is in Unix seconds."""

    time: float
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """The lines of one run; ``created_at`` is in Unix seconds, ``history`` oldest first."""

    created_at: int
    prelude: tuple[str, ...] = ()
    log: tuple[LogLine, ...] = ()
    history: tuple["Report", ...] = ()


class Recorder:
    """Keeps the lines of one process within fixed bounds, over all its runs.

    ``begin`` each run, ``add_line`` what it prints, ``end_prelude`` at its first progress.
    """

    def __init__(self, log_lines: int = 50, log_history: int = 3) -> None:
        self._log: deque[LogLine] = deque(maxlen=log_lines)
        self._history: deque[Report] = deque(maxlen=log_history)
        self._created_at = 0
        self._reset()

    def begin(self, created_at: int) -> None:
        """Archive the run before, if it said anything, and start a new one."""
        if self._head or self._log:
            self._history.append(self._current())
        self._log.clear()
        self._created_at = created_at
        self._reset()

    def add_line(self, text: str, time: float) -> None:
        self._log.append(LogLine(time, text))
        self.last_line = text
        if self._is_prelude_over:
            return
        if len(self._head) < PRELUDE_HEAD:
            self._head.append(text)
            return
        self._truncated += len(self._tail) == PRELUDE_TAIL
        self._tail.append(text)

    def end_prelude(self) -> None:
        """Note the first progress; what follows is log only."""
        self._is_prelude_over = True

    def tail(self) -> tuple[str, ...]:
        """Give the last lines of this run, oldest first."""
        return tuple(line.text for line in self._log)

    def report(self) -> Report:
        current = self._current()
        return Report(current.created_at, current.prelude, current.log, tuple(self._history))

    def _reset(self) -> None:
        self._head: list[str] = []
        self._tail: deque[str] = deque(maxlen=PRELUDE_TAIL)
        self._truncated = 0
        self._is_prelude_over = False
        self.last_line = ""

    def _current(self) -> Report:
        gap = [f"... truncated {self._truncated} lines ..."] if self._truncated else []
        prelude = (*self._head, *gap, *self._tail)
        return Report(self._created_at, prelude, tuple(self._log))
