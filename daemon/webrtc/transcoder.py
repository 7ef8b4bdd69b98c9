"""Transcoder: VP8 for viewers without H.264: a second FFmpeg reads the first one's video.

It starts with the first such viewer and ends some time after the last. The process's own FFmpeg
isn't touched by that, nor are the viewers of H.264. Pictures go in by a pipe, VP8 comes back as
RTP to a leg like the others.
"""

import asyncio
import logging
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path

from daemon.ffmpeg import child
from daemon.ffmpeg.line import LineSplitter
from daemon.log import redact
from daemon.restream.config import ProcessId
from daemon.rtc import vp8
from daemon.rtc.derived import DerivedLine
from daemon.rtc.packetizer import Picture
from daemon.rtc.timeline import MARKER, Plain
from daemon.webrtc.ffmpeg_args import build_vp8_args
from daemon.webrtc.leg import Leg
from daemon.webrtc.pipe import PicturePipe

log = logging.getLogger(__name__)

LINE = "vp8"
PAYLOAD_TYPE = 96
GRACE = 10.0  # seconds without a viewer until it ends: a reload of the page is no reason
LOOK_EVERY = 1.0  # seconds
SILENCE = 10.0  # seconds that pictures may go in and nothing come out
RAPID = 10.0  # seconds; a shorter run has failed
PAUSES = (0.0, 0.5, 1.0, 2.0)  # seconds before the next try; after the last one it's over
PENALTY = 60.0  # seconds until a viewer may have it tried again
HOLD_PACKETS = 48
_CHUNK = 16 * 1024


class State(StrEnum):
    """What it does."""

    OFF = "off"
    STARTING = "starting"
    LIVE = "live"
    FAILED = "failed"


NEXT: dict[State, frozenset[State]] = {
    State.OFF: frozenset({State.STARTING}),
    State.STARTING: frozenset({State.STARTING, State.LIVE, State.OFF, State.FAILED}),
    State.LIVE: frozenset({State.STARTING, State.OFF, State.FAILED}),
    State.FAILED: frozenset({State.STARTING}),
}


class Transcoder:
    """One process's second FFmpeg.

    ``is_wanted`` tells whether anybody watches VP8. ``deliver`` gets the packets of a picture,
    or of a part of one, whether a key frame begins with them, and when they came. ``give_up``
    hears that it's of no use to wait any more.
    """

    def __init__(
        self,
        process_id: ProcessId,
        binary: Path,
        *,
        is_wanted: Callable[[], bool],
        deliver: Callable[[Sequence[Plain], bool, float], None],
        give_up: Callable[[], None],
    ) -> None:
        self.state = State.OFF
        self.problem = ""
        self.pixels = 0  # of a picture of the source, as far as is known
        self.runs = 0
        self.pid: int | None = None
        self.leg = Leg(LINE, PAYLOAD_TYPE)
        self.pipe: PicturePipe | None = None
        self._process_id = process_id
        self._binary = binary
        self._is_wanted = is_wanted
        self._deliver = deliver
        self._give_up = give_up
        self._line = DerivedLine(first_index=1)
        self._pending: list[Plain] = []
        self._failed_until = 0.0
        self._is_closed = False
        self._last_words = ""

    def is_refused(self, now: float) -> bool:
        """Whether it has failed so often and so lately that nobody should wait for it."""
        return self.state is State.FAILED and now < self._failed_until

    @property
    def is_idle(self) -> bool:
        """Whether ``run`` is to be called for the next viewer."""
        return self.state in {State.OFF, State.FAILED} and not self._is_closed

    def begin(self) -> None:
        """Say that ``run`` will be called at once."""
        self._become(State.STARTING)

    def feed(self, picture: Picture) -> None:
        """Take a picture of the video line."""
        if self.pipe is not None:
            self.pipe.feed(picture)

    def close(self) -> None:
        """End it for good; ``run`` comes back soon after."""
        self._is_closed = True
        if self.state in {State.OFF, State.FAILED}:
            self.leg.close()

    async def run(self) -> None:
        """Serve until nobody wants it any more, it fails for good, or it is closed."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self.leg.socket, self._on_readable)
        try:
            await self._keep_running()
        except Exception:  # whose bug it may be, H.264 goes on
            log.exception("process %s: vp8 failed", self._process_id)
            self._fail("a bug; the log has the details")
        finally:
            loop.remove_reader(self.leg.socket)
            if self.state is not State.FAILED:
                self._become(State.OFF)
            if self._is_closed:
                self.leg.close()

    async def _keep_running(self) -> None:
        failures = 0
        while self._is_wanted() and not self._is_closed:
            await asyncio.sleep(PAUSES[failures])
            began = time.monotonic()
            has_failed = await self._run_once()
            if not has_failed:
                continue
            log.warning("process %s: vp8: %s", self._process_id, self.problem)
            failures = failures + 1 if time.monotonic() - began < RAPID else 1
            if failures == len(PAUSES):
                self._fail(self.problem)
                return
        log.info("process %s: vp8: off, nobody watches it", self._process_id)

    def _fail(self, problem: str) -> None:
        self.problem = problem
        self._become(State.FAILED)
        self._failed_until = time.monotonic() + PENALTY
        self._give_up()

    async def _run_once(self) -> bool:
        """Have one FFmpeg serve; whether it failed."""
        self._become(State.STARTING)
        self.runs += 1
        started = int(time.time() * 1_000_000)
        self._line.begin_run(started)
        self._pending = []
        self._last_words = ""
        arguments = build_vp8_args(
            self.leg.begin_run(), self.pixels, start_microseconds=started
        )
        try:
            async with child.started(self._binary, arguments, has_input=True) as process:
                self.pid = process.pid
                assert process.stdin is not None
                self.pipe = PicturePipe(process.stdin, self._line)
                log.info("process %s: vp8: FFmpeg %d starts", self._process_id, process.pid)
                return await self._watch(process)
        except OSError as error:
            self.problem = f"FFmpeg can't be run: {error.strerror or error}"
            return True
        finally:
            self.pid = self.pipe = None

    async def _watch(self, process: Process) -> bool:
        """Wait for a reason to end it, FFmpeg's or ours; whether that is a failure."""
        async with asyncio.TaskGroup() as group:
            ended = group.create_task(self._drain(process))
            left = group.create_task(self._until_left())
            await asyncio.wait({ended, left}, return_when=asyncio.FIRST_COMPLETED)
            why = left.result() if left.done() else f"FFmpeg ended: {self._last_words or '?'}"
            ended.cancel()
            left.cancel()
        self.problem = redact(why)
        return bool(why)

    async def _drain(self, process: Process) -> None:
        """Read what it says to the end, so that it never waits for us; keep the last line."""
        assert process.stderr is not None
        lines = LineSplitter()
        while data := await process.stderr.read(_CHUNK):
            for line in lines.feed(data):
                self._last_words = line.strip() or self._last_words

    async def _until_left(self) -> str:
        """Come back when it should end; with a reason if that is a failure."""
        unwanted_since: float | None = None
        while True:
            await asyncio.sleep(LOOK_EVERY)
            now = time.monotonic()
            if self._is_closed:
                return ""
            assert self.pipe is not None
            if self.pipe.is_outdated:
                return ""  # another picture size, or its clock is full: begin anew, no failure
            if self._is_silent(now):
                return f"nothing came out of FFmpeg for {SILENCE:g} s"
            if self._is_wanted():
                unwanted_since = None
            elif unwanted_since is None:
                unwanted_since = now
            elif now - unwanted_since > GRACE:
                return ""

    def _is_silent(self, now: float) -> bool:
        assert self.pipe is not None
        began = self.pipe.fed_since
        if began is None or self.pipe.last_offered < now - LOOK_EVERY:
            return False  # the source is silent, too
        return now - max(began, self.leg.last_packet or began) > SILENCE

    def _become(self, new: State) -> None:
        assert new in NEXT[self.state], (self.state, new)
        self.state = new

    # -- what comes back

    def _on_readable(self) -> None:
        now = time.monotonic()
        packets, reports = self.leg.receive(now)
        for report in reports:
            self._line.receive_report(report)
        for packet in packets:
            _, plain = self._line.receive(packet)
            if plain is None:
                continue
            if self._pending and plain[1] != self._pending[0][1]:
                self._flush(now)
            self._pending.append(plain)
            if plain[2] & MARKER or len(self._pending) >= HOLD_PACKETS:
                self._flush(now)

    def _flush(self, now: float) -> None:
        packets, self._pending = self._pending, []
        if self.state is State.STARTING:
            self._become(State.LIVE)
            self.problem = ""
            log.info("process %s: vp8: live", self._process_id)
        self._deliver(packets, vp8.is_keyframe_start(packets[0][3]), now)
