"""Run: one start of FFmpeg, from its command to its end; what it prints and uses.

A new start gets a new Run, so that a late callback of an old child can't touch it (P15).
"""

import asyncio
import re
import time
from collections.abc import Callable, Sequence

from daemon.ffmpeg.progress import Progress, ProgressParser
from daemon.restream.config import ProcessId
from daemon.restream.hooks import PendingStart
from daemon.restream.limits import Sampler, Usage
from daemon.restream.report import Recorder
from daemon.restream.spawn import Child

SAMPLE_SECONDS = 1.0
STDERR_BYTES = 256 * 1024  # per second that are parsed; a flood is drained, not read (P10)
TAIL_BYTES = 1024  # of a flood: its last words may say why
_DENIED = re.compile(r"\b(?:401 Unauthorized|403 Forbidden)\b")


class Run:
    """One start. ``on_exec``, ``on_progress`` and ``on_end`` tell its owner."""

    def __init__(
        self,
        process_id: ProcessId,
        generation: int,
        recorder: Recorder,
        *,
        on_exec: Callable[["Run"], None],
        on_progress: Callable[["Run"], None],
        on_end: Callable[["Run", int], None],
    ) -> None:
        self.process_id = process_id
        self.generation = generation
        self.child: Child | None = None
        self.executed = asyncio.Event()  # FFmpeg, or not: ``failure`` says why
        self.failure = ""
        self.grant = ""  # to write to memory; counts as long as this run
        self.is_announced = False  # the hooks know of it
        self.has_progressed = False
        self.ended = asyncio.Event()  # and accounted for
        self.usage = Usage()
        self._recorder = recorder
        self._on_exec = on_exec
        self._on_progress = on_progress
        self._on_end = on_end
        self._parser = ProgressParser((), ())
        self._sampler: Sampler | None = None
        self._sampled_at = 0.0
        self._window_ends = 0.0
        self._left = STDERR_BYTES
        self._skipped = 0
        self._tail = b""

    @property
    def progress(self) -> Progress:
        return self._parser.progress

    def progress_at(self, now: float) -> Progress:
        """Give the progress with rates that sink while FFmpeg says nothing, or is gone."""
        return self._parser.at(now)

    @property
    def is_denied(self) -> bool:
        """The other side refused our credentials, as far as FFmpeg's words tell."""
        return any(_DENIED.search(line) for line in self._recorder.tail())

    def expect(self, pending: PendingStart) -> None:
        """Set the ids that its progress will be listed under."""
        config = pending.config
        inputs = [element.id for element in config.input]
        outputs = [*(element.id for element in config.output), *pending.appended]
        self._parser = ProgressParser(inputs, outputs)

    def measure(self, now: float) -> None:
        """Begin to sample what the child uses; it is FFmpeg now."""
        if self.child is not None:
            self._sampler = Sampler(self.child.pid, now)
            self._sampled_at = now

    def sample(self, now: float) -> bool:
        """Look at memory and CPU, at most once a second; whether ``usage`` is new."""
        if self._sampler is None or now - self._sampled_at < SAMPLE_SECONDS:
            return False
        self._sampled_at = now
        if now >= self._window_ends:
            self._note_skipped()
        self.usage = self._sampler.sample(now)
        return True

    def on_exec(self, failure: str) -> None:
        self.executed.set()
        if failure:
            self.failure = failure
        else:
            self._on_exec(self)

    def on_stderr(self, data: bytes) -> None:
        """Take what it prints; of a flood, a sample and the number of bytes left out."""
        now = time.monotonic()
        if now >= self._window_ends:
            self._note_skipped()
            self._window_ends, self._left = now + 1, STDERR_BYTES
        if self._left <= 0:
            self._skipped += len(data)
            self._tail = (self._tail + data)[-TAIL_BYTES:]
            return
        self._left -= len(data)
        self._add(self._parser.feed_stderr(data))

    def on_progress(self, data: bytes) -> None:
        before = self.progress.position
        self._parser.feed_progress(data, time.monotonic())
        if self.progress.position != before:
            self._recorder.end_prelude()
            self._on_progress(self)

    def on_exit(self, code: int) -> None:
        self.executed.set()
        self._note_skipped()
        self._add(self._parser.finish())
        self.usage = Usage()
        self._on_end(self, code)

    def _note_skipped(self) -> None:
        if self._skipped:
            self._add(self._parser.finish())
            if self._skipped > len(self._tail):
                self._add([f"... {self._skipped - len(self._tail)} bytes not read ..."])
            self._add(self._parser.feed_stderr(self._tail))
            self._skipped, self._tail = 0, b""

    def _add(self, lines: Sequence[str]) -> None:
        now = time.time()
        for line in lines:
            self._recorder.add_line(line, now)
