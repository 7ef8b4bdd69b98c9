"""Child: one launched program, its pipes and its end (P1, P2, P10, P14).

Reaped by pid, never by the end of a pipe: a grandchild may hold those open for ever. While the
dead child is still a zombie its pid can't be reused, so its whole group is killed first.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from daemon.ffmpeg import launcher

CHUNK_BYTES = 64 * 1024  # what a pipe holds on Linux
LAST_CHUNKS = 16  # read after the death: somebody else may go on writing
POLL_SECONDS = 0.05  # only where there are no pidfds
STATUS_BYTES = 1024
ABANDON_SECONDS = 0.5


class Watcher(Protocol):
    """Who is told what a child does: first ``on_exec``, once, last ``on_exit``, once.

    ``failure`` is "" when FFmpeg was executed, else the reason why not.
    """

    def on_exec(self, failure: str) -> None: ...
    def on_stderr(self, data: bytes) -> None: ...
    def on_progress(self, data: bytes) -> None: ...
    def on_exit(self, code: int) -> None: ...


class Child:
    """A launched program, until it is reaped. ``pid`` leads a process group."""

    def __init__(
        self, popen: subprocess.Popen[bytes], pipes: Sequence[int], watcher: Watcher
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._popen = popen
        self._watcher = watcher
        self.pid = popen.pid
        self._has_status = False
        self._status, errors, progress = pipes
        self._pipes: dict[int, Callable[[bytes], None]] = {
            self._status: self._on_status,
            progress: watcher.on_progress,
            errors: watcher.on_stderr,
        }
        for pipe in self._pipes:
            os.set_blocking(pipe, False)
            self._loop.add_reader(pipe, self._read, pipe)
        self._watch_pid()

    @property
    def is_reaped(self) -> bool:
        return self._popen.returncode is not None

    def send(self, *signals: signal.Signals) -> None:
        """Signal the whole group; nothing once the child was reaped."""
        for number in signals:
            if not self.is_reaped:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.pid, number)

    def abandon(self) -> None:
        """End it here and now, for when nobody can wait any more."""
        if self.is_reaped:
            return
        self.send(signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(ABANDON_SECONDS)
        self._unwatch_pid()
        for pipe in list(self._pipes):
            self._close(pipe)

    def _read(self, pipe: int) -> bool:
        try:
            data = os.read(pipe, CHUNK_BYTES)
        except BlockingIOError:
            return False
        sink = self._pipes[pipe]
        if not data:
            self._close(pipe)
        if data or pipe == self._status:
            sink(data)
        return bool(data)

    def _on_status(self, data: bytes) -> None:
        if not self._has_status:  # its end, which follows a failure, says nothing new
            self._has_status = True
            self._watcher.on_exec(data[:STATUS_BYTES].decode(errors="replace"))

    def _close(self, pipe: int) -> None:
        self._loop.remove_reader(pipe)
        del self._pipes[pipe]
        os.close(pipe)

    def _watch_pid(self) -> None:
        self._timer: asyncio.TimerHandle | None = None
        self._pidfd = _open_pidfd(self.pid)
        if self._pidfd is None:
            self._poll()
        else:
            self._loop.add_reader(self._pidfd, self._on_death)

    def _poll(self) -> None:
        if self._popen.poll() is None:
            self._timer = self._loop.call_later(POLL_SECONDS, self._poll)
        else:
            self._on_death()

    def _unwatch_pid(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._pidfd is not None:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None

    def _on_death(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)  # whom it left behind
        code = self._popen.wait()
        self._unwatch_pid()
        for pipe in list(self._pipes):
            self._read_rest(pipe)
        self._watcher.on_exit(code)

    def _read_rest(self, pipe: int) -> None:
        chunks = 0
        while pipe in self._pipes and chunks < LAST_CHUNKS and self._read(pipe):
            chunks += 1
        if pipe in self._pipes:
            self._close(pipe)


def launch(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    directory: Path,
    watcher: Watcher,
    max_file_bytes: int = 0,
) -> Child:
    """Start ``argv`` behind the launcher, in a session of its own.

    No file that it writes may exceed ``max_file_bytes``; 0 is no limit.

    Raises OSError or ValueError (a NUL in a word). A program that can't be executed is told by
    ``Watcher.on_exec``.
    """
    # the parent-death signal follows the thread that forked, not the process
    assert threading.current_thread() is threading.main_thread()
    with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
        pipes = [_open_pipe(ours, theirs) for _ in range(3)]
        status, errors, progress = (write for _, write in pipes)
        words = [str(number) for number in (os.getpid(), status, progress)]
        words.append(str(max_file_bytes) if max_file_bytes else launcher.NONE)
        popen = subprocess.Popen(  # noqa: S603 -- a list of words, without a shell
            [sys.executable, "-I", "-S", launcher.__file__, *words, "--", *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=environment,
            cwd=directory,
            start_new_session=True,
            pass_fds=(status, progress),
        )
        ours.pop_all()
    return Child(popen, [read for read, _ in pipes], watcher)


def _open_pipe(ours: contextlib.ExitStack, theirs: contextlib.ExitStack) -> tuple[int, int]:
    read, write = os.pipe()
    ours.callback(os.close, read)
    theirs.callback(os.close, write)
    return read, write


def _open_pidfd(pid: int) -> int | None:
    if sys.platform != "linux":
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:  # an old kernel, or a sandbox
        return None
