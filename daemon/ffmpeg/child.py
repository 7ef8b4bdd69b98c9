"""Short runs of FFmpeg: own session, small environment, never left behind (F10, P2).

They go through the launcher too: a daemon that is killed takes them along.
"""

import asyncio
import contextlib
import errno
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from daemon.ffmpeg import launcher

REAP_SECONDS = 5.0


@asynccontextmanager
async def started(
    binary: Path, arguments: Sequence[str], *, has_input: bool = False
) -> AsyncIterator[Process]:
    """Run the program for the length of the body; then it is killed with its group and reaped.

    ``has_input``: its stdin is a pipe. Raises OSError if it can't be run.
    """
    program = _runnable(binary)
    behind = (str(os.getpid()), *[launcher.NONE] * 3, "--")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", launcher.__file__, *behind),
        program,
        *arguments,
        stdin=PIPE if has_input else DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        env=environment(),
        start_new_session=True,
    )
    try:
        yield process
    finally:
        kill(process)
        async with asyncio.timeout(REAP_SECONDS):
            await process.communicate()  # also closes the pipes


def _runnable(binary: Path) -> str:
    """Find out before the launcher does, which could only tell by its exit code."""
    if not os.access(binary, os.X_OK):
        problem = errno.EACCES if binary.exists() else errno.ENOENT
        raise OSError(problem, os.strerror(problem), str(binary))
    return str(binary.absolute())


def kill(process: Process) -> None:
    """Kill the whole group, unless it is over already."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


async def read_output(binary: Path, arguments: Sequence[str], timeout_seconds: float) -> str:
    """Give what a run prints on stdout. Raises OSError, TimeoutError among them."""
    async with asyncio.timeout(timeout_seconds), started(binary, arguments) as process:
        stdout, _ = await process.communicate()
    return stdout.decode("utf-8", "replace")


def environment() -> dict[str, str]:
    """Give what FFmpeg may know of ours: no proxies, FFREPORT or plug-in paths."""
    path = os.environ.get("PATH", os.defpath)
    return {"PATH": path, "LANG": "C.UTF-8", "HOME": "/nonexistent"}
