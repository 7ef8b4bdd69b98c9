"""Life: the order and the state of one process, its deadlines and back-off, without any I/O.

Rules P6, P11, P13 to P15 of reliability-security.md 3.11; words of datarhei-core.md section c.
"""

import math
from collections import deque
from dataclasses import dataclass
from enum import StrEnum

TICK_SECONDS = 1.0  # how often a living child wants ``handle_timeout``
LAG_SECONDS = 1.0  # later than this, it was us who stood still, not FFmpeg (P13)
MINIMUM_DELAY = 1.0  # between two runs: a delay of 0 must not become a busy loop
RAPID_SECONDS = 10.0  # a run shorter than this counts as a rapid failure
HEALTHY_SECONDS = 60.0  # a run of this length wipes the slate
RAPID_FREE = 4  # so many rapid failures keep the configured delay exactly
BACKOFF_CAP = 60.0
DENIED_CAP = 300.0  # hammering with wrong credentials gets an address blocked
JITTER = 0.1
HOOK_STARTS = 2  # immediate starts in a row that a hook may ask for


class Order(StrEnum):
    """What the user wants."""

    START = "start"
    STOP = "stop"


class Exec(StrEnum):
    """What is."""

    FINISHED = "finished"
    STARTING = "starting"
    RUNNING = "running"
    FINISHING = "finishing"
    FAILED = "failed"
    KILLED = "killed"


ALIVE = frozenset({Exec.STARTING, Exec.RUNNING, Exec.FINISHING})
_DEAD = frozenset({Exec.FINISHED, Exec.FAILED, Exec.KILLED})

NEXT: dict[Exec, frozenset[Exec]] = {
    Exec.FINISHED: frozenset({Exec.STARTING}),
    Exec.FAILED: frozenset({Exec.STARTING}),
    Exec.KILLED: frozenset({Exec.STARTING}),
    Exec.STARTING: _DEAD | {Exec.RUNNING, Exec.FINISHING},
    Exec.RUNNING: _DEAD | {Exec.FINISHING},
    Exec.FINISHING: _DEAD,
}


class Action(StrEnum):
    """What the owner of the child has to do now."""

    START = "start"
    INTERRUPT = "interrupt"  # SIGCONT, then SIGINT; or give up a start that has no child yet
    TERMINATE = "terminate"
    KILL = "kill"
    ALARM = "alarm"  # it outlives SIGKILL


class Cause(StrEnum):
    """Why a child was told to end."""

    ORDERED = "ordered"  # by a user
    STALE = "stale"
    EXCEEDED = "exceeded"


# each rung, and how long it may take; SIGINT ends FFmpeg in 27 ms, SIGTERM in 310 ms
_LADDER: tuple[tuple[Action, float], ...] = (
    (Action.INTERRUPT, 5.0),
    (Action.TERMINATE, 2.0),
    (Action.KILL, 2.0),
    (Action.ALARM, math.inf),
)
LADDER_SECONDS = sum(wait for action, wait in _LADDER if action is not Action.ALARM)


@dataclass(frozen=True, slots=True)
class Rules:
    """The part of a configuration that matters here; a stale timeout of 0 means never."""

    reconnect: bool = False
    reconnect_delay_seconds: float = 0.0
    stale_timeout_seconds: float = 0.0


class Life:
    """One process. Drain ``poll_action`` after every input.

    A start is only ever decided after ``receive_exit``: never two FFmpegs of one process.
    ``is_held``: it may not start by itself, only when a user orders so.
    """

    def __init__(
        self, order: Order, rules: Rules, now: float, *, is_held: bool = False
    ) -> None:
        self.order = order
        self.exec = Exec.FAILED if is_held else Exec.FINISHED
        self.rules = rules
        self.changed_at = now
        self.generation = 0  # counts starts; an event of an older one is void (P15)
        self.restarts = 0  # starts that nobody ordered, after the first
        self.entered = dict.fromkeys(Exec, 0)  # how often it came to be so
        self.exit_code: int | None = None
        self.is_automatic = True  # the latest start was not ordered by a user
        self._due: float | None = now if order is Order.START and not is_held else None
        self._is_again = False
        self.cause: Cause | None = None  # of the latest end; None: by itself
        self._running_at: float | None = None
        self._progress_at: float | None = None
        self._tick_at = now
        self._rung_at = math.inf
        self._rung = 0
        self._rapid = 0
        self._hook_starts = 0
        self._actions: deque[Action] = deque()

    @property
    def is_alive(self) -> bool:
        """There may be a child."""
        return self.exec in ALIVE

    def ran_seconds(self, now: float) -> float:
        """How long the current run has been running; 0 before exec."""
        return 0.0 if self._running_at is None else now - self._running_at

    def reconnect_seconds(self, now: float) -> int:
        """Until the next start by itself, -1 if there is none to come."""
        return -1 if self._due is None else max(0, math.ceil(self._due - now))

    def receive_order(self, order: Order, now: float) -> None:
        """Take a user's start or stop; either cancels a pending reconnect."""
        self.order = order
        if order is Order.STOP:
            self._is_again = False
            self._due = None
            self._finish(Cause.ORDERED, now)
        elif self.exec is Exec.FINISHING:
            self._is_again = True
        elif not self.is_alive:
            self._start_soon(now)

    def receive_restart(self, now: float) -> None:
        """Restart for a user: at once, whatever ``reconnect`` says; nothing if stopped."""
        if self.order is Order.STOP:
            return
        if not self.is_alive:
            self._start_soon(now)
            return
        self._is_again = True
        self._finish(Cause.ORDERED, now)

    def receive_exec(self, now: float) -> None:
        """Note that the child is FFmpeg now; too late if it was told to end meanwhile."""
        if self.exec is Exec.STARTING:
            self._become(Exec.RUNNING, now)
            self._running_at = now
            self._progress_at = None
            self._tick_at = now + TICK_SECONDS

    def receive_progress(self, now: float) -> None:
        """Note that a frame, or time, went by."""
        self._progress_at = now

    def receive_exceeded(self, now: float) -> None:
        """End it: it takes more than its limits allow."""
        if self.exec is Exec.RUNNING:
            self._finish(Cause.EXCEEDED, now)

    def receive_exit(
        self,
        code: int | None,
        now: float,
        *,
        dice: float,
        is_again: bool = False,
        is_denied: bool = False,
    ) -> None:
        """Note that the child was reaped, or that there never was one (``code`` None).

        ``dice`` is uniform in [0, 1). ``is_again``: a hook wants the next start at once.
        ``is_denied``: the other side refused our credentials.
        """
        assert self.is_alive, self.exec
        self._count_failure(code, now)
        state = self._classify(code)
        is_again_by_hook = is_again and self._hook_starts < HOOK_STARTS
        self._hook_starts += is_again_by_hook
        self._become(state, now)
        self.exit_code = code
        self._running_at = None
        if self.order is Order.STOP:
            return
        if self._is_again:
            self._start_soon(now)
        elif is_again_by_hook:
            self._due, self.is_automatic = now, True
        elif self.rules.reconnect:
            self._due, self.is_automatic = now + self._delay(dice, is_denied=is_denied), True

    def next_timeout(self) -> float | None:
        """When ``handle_timeout`` is due; None: only an input can change anything."""
        if self.exec is Exec.RUNNING:
            return self._tick_at
        if self.exec is Exec.FINISHING:
            return self._rung_at if math.isfinite(self._rung_at) else None
        return self._due

    def handle_timeout(self, now: float) -> None:
        if self.exec is Exec.RUNNING:
            self._watch(now)
        elif self.exec is Exec.FINISHING:
            if now >= self._rung_at:
                self._climb(now)
        elif self._due is not None and now >= self._due:
            self._begin(now)

    def poll_action(self) -> Action | None:
        return self._actions.popleft() if self._actions else None

    def _is_stale(self, now: float) -> bool:
        timeout = self.rules.stale_timeout_seconds
        last = self._running_at if self._progress_at is None else self._progress_at
        return timeout > 0 and last is not None and now - last > timeout

    def _watch(self, now: float) -> None:
        if now - self._tick_at > LAG_SECONDS:
            self._progress_at = now  # we stood still: FFmpeg gets the benefit of the doubt
        self._tick_at = now + TICK_SECONDS
        if self._is_stale(now):
            self._finish(Cause.STALE, now)

    def _start_soon(self, now: float) -> None:
        self._rapid = 0
        self._due, self.is_automatic = now, False

    def _begin(self, now: float) -> None:
        self._become(Exec.STARTING, now)
        self._due = None
        self._is_again = False
        self.cause = None
        self.restarts += self.is_automatic and self.generation > 0
        self.generation += 1
        self._actions.append(Action.START)

    def _finish(self, cause: Cause, now: float) -> None:
        if not self.is_alive:
            return
        self.cause = cause
        if self.exec is not Exec.FINISHING:
            self._become(Exec.FINISHING, now)
            self._rung = 0
            self._climb(now)

    def _climb(self, now: float) -> None:
        action, wait = _LADDER[self._rung]
        self._rung += 1
        self._rung_at = now + wait  # from now on: after a lag no rung is skipped over
        self._actions.append(action)

    def _classify(self, code: int | None) -> Exec:
        if code is None:  # a start that was given up is no failure
            return Exec.FINISHED if self.exec is Exec.FINISHING else Exec.FAILED
        if code < 0:
            return Exec.KILLED
        return Exec.FINISHED if code in {0, 255} else Exec.FAILED  # 255: FFmpeg after a signal

    def _count_failure(self, code: int | None, now: float) -> None:
        ran = self.ran_seconds(now)
        if ran >= RAPID_SECONDS:
            self._hook_starts = 0
        if ran >= HEALTHY_SECONDS:
            self._rapid = 0
        # a short clip that was played to its end is no failure, however short
        was_played = (
            code == 0 and self._running_at is not None and self._progress_at is not None
        )
        if ran < RAPID_SECONDS and not (self.cause is Cause.ORDERED or was_played):
            self._rapid += 1

    def _delay(self, dice: float, *, is_denied: bool) -> float:
        delay = max(self.rules.reconnect_delay_seconds, MINIMUM_DELAY)
        excess = min(self._rapid - RAPID_FREE, 16)  # 2**16 is far over any cap
        if excess <= 0:
            return delay
        cap = DENIED_CAP if is_denied else BACKOFF_CAP
        delay = max(delay, min(cap, delay * 2**excess))
        return float(delay * (1 - JITTER + 2 * JITTER * dice))

    def _become(self, new: Exec, now: float) -> None:
        assert new in NEXT[self.exec], (self.exec, new)
        self.exec = new
        self.entered[new] += 1
        self.changed_at = now
