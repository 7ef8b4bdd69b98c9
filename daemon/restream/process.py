"""Process: keeps one FFmpeg as its order says: start, watch, stop, start again (P1 to P15).

One task drives it. What users want and what the child does goes into ``Life``, which decides;
the task carries that out. Nothing here ever waits for another process.
"""

import asyncio
import contextlib
import logging
import random
import signal
import time
from collections.abc import Awaitable

from daemon.errors import DragonError
from daemon.ffmpeg.progress import Progress
from daemon.restream.config import ProcessConfig, ProcessId
from daemon.restream.hooks import RunEnd, StopReason
from daemon.restream.limits import LimitWatch
from daemon.restream.report import Recorder, Report
from daemon.restream.run import Run
from daemon.restream.shown import ProcessState
from daemon.restream.state import LADDER_SECONDS, Action, Cause, Exec, Life, Order, Rules
from daemon.restream.supervision import Supervision, build_arguments, reason

log = logging.getLogger(__name__)

EXEC_SECONDS = 10.0  # the launcher takes 0.012
SHUTDOWN_SECONDS = LADDER_SECONDS + 3.0
RECOVER_SECONDS = 1.0
_DICE = random.SystemRandom()
_SIGNALS = {
    # SIGCONT first: a stopped process keeps the others pending
    Action.INTERRUPT: (signal.SIGCONT, signal.SIGINT),
    Action.TERMINATE: (signal.SIGCONT, signal.SIGTERM),
    Action.KILL: (signal.SIGKILL,),
}


class Process:
    """One process, from its creation to its deletion. ``run`` must be running.

    ``lock`` is for who changes what is stored. ``refusal``: why it may not start by itself.
    Times in Unix seconds.
    """

    def __init__(
        self,
        config: ProcessConfig,
        supervision: Supervision,
        *,
        order: Order,
        created_at: int,
        updated_at: int,
        refusal: str = "",
    ) -> None:
        self.config = config
        self.created_at = created_at
        self.updated_at = updated_at
        self.lock = asyncio.Lock()
        self.gone = asyncio.Event()
        self._shared = supervision
        self._order = order
        self._life = Life(order, _rules(config), time.monotonic(), is_held=bool(refusal))
        self._recorder = Recorder(supervision.log_lines, supervision.log_history)
        if refusal:
            self._recorder.add_line(refusal, time.time())
        self._limits = LimitWatch(config.limits)
        self._command: tuple[str, ...] | None = None
        self._run: Run | None = None
        self._starting: asyncio.Task[None] | None = None
        self._is_leaving = False
        self._is_ending = False  # with the daemon, which will start it again
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def id(self) -> ProcessId:
        return self.config.id

    @property
    def order(self) -> Order:
        """What a user wants; the daemon's own end is no stop."""
        return self._order

    @property
    def is_alive(self) -> bool:
        """There may be an FFmpeg."""
        return self._life.is_alive

    def state(self) -> ProcessState:
        now, life, run = time.monotonic(), self._life, self._run
        if run is not None and run.generation != life.generation:
            run = None  # the next start was decided, but has not begun
        child = run.child if run and not run.ended.is_set() else None
        return ProcessState(
            order=self.order,
            exec=Exec.FINISHING if self._is_ending else life.exec,
            runtime_seconds=int(now - life.changed_at),
            reconnect_seconds=life.reconnect_seconds(now),
            last_logline=self._recorder.last_line,
            progress=run.progress_at(now) if run else Progress(),
            memory_bytes=run.usage.memory_bytes if run else 0,
            cpu_usage=run.usage.cpu_percent if run else 0.0,
            command=self._show_command(),
            pid=child.pid if child else None,
            exit_code=life.exit_code,
            restarts=life.restarts,
            entered=dict(life.entered),
        )

    def report(self) -> Report:
        return self._recorder.report()

    # What users want: called once it is stored

    def receive_order(self, order: Order) -> None:
        """Start or stop; a stop ends it for its viewers too."""
        if order is Order.STOP and self.order is Order.START:
            self._shared.hooks.on_stop(self.id, StopReason.STOP)
        self._order = order
        self._life.receive_order(order, time.monotonic())
        self._advance()

    def restart(self) -> None:
        """End FFmpeg and start it again, from the configuration as it resolves then."""
        self._command = None
        self._life.receive_restart(time.monotonic())
        self._advance()

    def reconfigure(self, config: ProcessConfig, updated_at: int, *, is_restart: bool) -> None:
        """Take a new configuration, which may have another id."""
        if config.id != self.id:
            self._shared.hooks.on_stop(self.id, StopReason.RENAME)
        self.config = config
        self.updated_at = updated_at
        self._life.rules = _rules(config)
        self._limits = LimitWatch(config.limits)
        self._shared.hooks.on_update(config)
        if is_restart or not self.is_alive:
            self.restart()

    def leave(self, reason: StopReason) -> None:
        """End for good; ``gone`` is set when nothing is left."""
        self._shared.hooks.on_stop(self.id, reason)
        self._is_leaving = True
        self._life.receive_order(Order.STOP, time.monotonic())
        self._advance()

    @property
    def run_ended(self) -> asyncio.Event | None:
        """Set when the FFmpeg of now is gone; None: there was none yet."""
        return self._run.ended if self._run is not None else None

    def run_over(self) -> Awaitable[None] | None:
        """Wait for the end of the FFmpeg of now and its last files; None: there was none."""
        return self._shared.wait_over(self._run) if self._run is not None else None

    async def wait_idle(self, seconds: float) -> bool:
        """Wait until there is no FFmpeg; False if that takes longer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        return self._idle.is_set()

    # What drives it

    async def run(self) -> None:
        """Supervise until it was told to leave; on cancellation end the child first."""
        try:
            while not self._is_leaving or self.is_alive:
                try:
                    async with asyncio.TaskGroup() as group:
                        while not self._is_leaving or self.is_alive:
                            await self._turn(group)
                except Exception:
                    log.exception("process %s: its supervision failed", self.id)
                    self._recover()
                    await asyncio.sleep(RECOVER_SECONDS)
        finally:
            await self._shut_down()

    async def _turn(self, group: asyncio.TaskGroup | None) -> None:
        """Do what is due, then wait for the next thing to happen."""
        self._wake.clear()
        now = time.monotonic()
        self._life.handle_timeout(now)
        self._check_usage(now)
        while (action := self._life.poll_action()) is not None:
            if action is not Action.START:
                self._end_child(action)
            elif group is not None:
                self._begin(group)
            else:  # decided just before we were cancelled
                self._life.receive_exit(None, now, dice=_DICE.random())
                self._advance()
        self._note_idle()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self._life.next_timeout()):
                await self._wake.wait()

    def _advance(self) -> None:
        """Let states show at once what was decided, and wake the task to do it."""
        self._life.handle_timeout(time.monotonic())
        self._note_idle()
        self._wake.set()

    def _note_idle(self) -> None:
        if self.is_alive:
            self._idle.clear()
        else:
            self._idle.set()

    def _check_usage(self, now: float) -> None:
        run = self._run
        if run is None or self._life.exec is not Exec.RUNNING or not run.sample(now):
            return
        if reason := self._limits.check(run.usage, now):
            self.say(reason)
            self._life.receive_exceeded(now)

    # Start

    def _begin(self, group: asyncio.TaskGroup) -> None:
        self._recorder.begin(int(time.time()))
        self._limits = LimitWatch(self.config.limits)
        run = Run(
            self.id,
            self._life.generation,
            self._recorder,
            on_exec=self._on_exec,
            on_progress=self._on_progress,
            on_end=self._on_end,
        )
        self._run = run
        self._starting = group.create_task(self._start(run))
        # also for a task that is cancelled before its first step
        self._starting.add_done_callback(lambda _: self._give_up(run))

    async def _start(self, run: Run) -> None:
        if self._life.is_automatic:
            await asyncio.sleep(self._shared.limiter.reserve(time.monotonic()))
        if run is not self._run or self._life.exec is not Exec.STARTING:
            return  # stopped meanwhile; hooks must not hear of a start after the stop
        try:
            pending = self._shared.prepare(self.config)
            await self._shared.admit(pending.config)
            run.is_announced = True
            await self._shared.hooks.on_start(pending)
            async with self._shared.lanes:
                self._command = self._shared.launch(run, pending)
                async with asyncio.timeout(EXEC_SECONDS):
                    await run.executed.wait()
        except TimeoutError:
            run.failure = "the launcher hangs"
            self._send(signal.SIGKILL)
        except (DragonError, OSError, ValueError) as error:
            run.failure = reason(error)

    def _on_exec(self, run: Run) -> None:
        now = time.monotonic()
        if run is not self._run or run.child is None or self._life.exec is not Exec.STARTING:
            return
        self._life.receive_exec(now)
        run.measure(now)
        log.info("process %s: running, pid %d", self.id, run.child.pid)
        self._shared.hooks.on_running(self.id, run.child.pid)
        self._advance()

    def _on_progress(self, run: Run) -> None:
        if run is not self._run:
            return
        self._life.receive_progress(time.monotonic())
        if not run.has_progressed and self._life.exec is Exec.RUNNING:
            run.has_progressed = True
            if self._shared.hooks.on_media(self.id):
                self.say("the input came late: starting again, with all outputs")
                self.restart()

    # End

    def _end_child(self, action: Action) -> None:
        if action is Action.INTERRUPT:
            log.info("process %s: finishing, %s", self.id, self._life.cause)
            if self._life.cause is Cause.STALE:
                self.say(f"no progress for {self.config.stale_timeout_seconds} s")
        if action is Action.ALARM:
            log.error("process %s: its FFmpeg survives SIGKILL", self.id)
            self.say("FFmpeg survives SIGKILL; nothing is started until it is gone")
        elif self._run is not None and self._run.child is not None:
            self._send(*_SIGNALS[action])
        elif self._starting is not None:
            self._starting.cancel()

    def _send(self, *signals: signal.Signals) -> None:
        if self._run is not None and self._run.child is not None:
            self._run.child.send(*signals)

    def _on_end(self, run: Run, code: int) -> None:
        self._settle(run, None if run.failure else code)

    def _give_up(self, run: Run) -> None:
        if run.child is None:
            self._settle(run, None)

    def _settle(self, run: Run, code: int | None) -> None:
        """Account for the end of a run, once."""
        if run.ended.is_set() or run is not self._run:
            return
        run.ended.set()
        if run.failure:
            self.say(run.failure)
        if code == -signal.SIGXFSZ:
            self.say(f"a file reached the limit of {self._shared.max_file_bytes} bytes")
        now = time.monotonic()
        is_again = run.is_announced and self._shared.hooks.on_exit(self._describe(run, code))
        self._life.receive_exit(
            code, now, dice=_DICE.random(), is_again=is_again, is_denied=run.is_denied
        )
        log.info("process %s: %s, exit code %s", run.process_id, self._life.exec, code)
        if self._life.exec is not Exec.FINISHED and self._life.cause is not Cause.ORDERED:
            self._shared.alarm.note_failure(run.process_id, now)
        is_over = self._life.reconnect_seconds(now) < 0 and run.process_id == self.id
        if run.is_announced and self._life.order is Order.START and is_over:
            self._shared.hooks.on_stop(self.id, StopReason.FINISHED)
        self._shared.clean_up(run)
        self._advance()

    def _describe(self, run: Run, code: int | None) -> RunEnd:
        return RunEnd(
            process_id=run.process_id,
            exit_code=code,
            ran_seconds=self._life.ran_seconds(time.monotonic()),
            was_ordered=self._life.exec is Exec.FINISHING,
            log=self._recorder.tail(),
        )

    def _recover(self) -> None:
        """After a bug of ours: no child, and the usual rules for what comes next."""
        self._abandon()
        self.say("internal error; the daemon's log has the details")
        if self.is_alive:
            self._life.receive_exit(None, time.monotonic(), dice=_DICE.random())
        self._advance()

    def _abandon(self) -> None:
        if self._run is not None:
            self._run.ended.set()
            if self._run.child is not None:
                self._run.child.abandon()

    async def _shut_down(self) -> None:
        if not self._is_leaving:
            self._shared.hooks.on_stop(self.id, StopReason.SHUTDOWN)
            self._is_ending = (
                self.is_alive or self._life.reconnect_seconds(time.monotonic()) >= 0
            )
        self._life.receive_order(Order.STOP, time.monotonic())
        try:
            async with asyncio.timeout(SHUTDOWN_SECONDS):
                while self.is_alive:
                    await self._turn(None)
        except TimeoutError:
            log.error("process %s: its FFmpeg could not be ended", self.id)  # noqa: TRY400
        finally:
            self._abandon()
            self._is_leaving = True
            self._idle.set()
            self.gone.set()

    # What it shows

    def say(self, text: str) -> None:
        self._recorder.add_line(text, time.time())

    def _show_command(self) -> tuple[str, ...]:
        if self._command is None:
            try:
                self._command = build_arguments(self._shared.prepare(self.config))
            except DragonError:
                self._command = ()
        return self._command


def _rules(config: ProcessConfig) -> Rules:
    return Rules(
        reconnect=config.reconnect,
        reconnect_delay_seconds=float(config.reconnect_delay_seconds),
        stale_timeout_seconds=float(config.stale_timeout_seconds),
    )
