"""Target: a server under load: its WHEP endpoint, and what its processes use."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

SERVER_CORE, OTHER_CORE = 0, 1
START_TIMEOUT = 60.0
READY = "serving at "
PAGE = os.sysconf("SC_PAGE_SIZE")
_SCHEDULED_CLOCK = 2  # CPUCLOCK_SCHED of linux/posix-timers_types.h


@dataclass(frozen=True, slots=True)
class Target:
    """A running server; its FFmpegs don't count."""

    name: str
    pid: int
    url: str

    @property
    def pids(self) -> list[int]:
        """The server and what it started, without FFmpeg."""
        found = [self.pid]
        for child in psutil.Process(self.pid).children(recursive=True):
            with suppress(psutil.Error):
                if not child.name().startswith("ffmpeg"):
                    found.append(child.pid)
        return found

    @property
    def cpu_seconds(self) -> float:
        """CPU time so far, user and system, to the nanosecond."""
        return sum(time.clock_gettime((~pid << 3) | _SCHEDULED_CLOCK) for pid in self.pids)

    @property
    def resident_bytes(self) -> int:
        """Memory that is really there."""
        return sum(
            int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE for pid in self.pids
        )


def pin(pid: int, core: int) -> None:
    """Keep all threads of a process on one core, where there are two."""
    if {SERVER_CORE, OTHER_CORE} <= set(range(os.cpu_count() or 1)):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})


@asynccontextmanager
async def run(
    name: str, command: Sequence[str | Path], environment: Mapping[str, str] | None = None
) -> AsyncIterator[Target]:
    """Run a server that says ``serving at URL`` once it is ready, and end it."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_TIMEOUT):
            line = (await process.stdout.readline()).decode().strip()
        if not line.startswith(READY):
            raise RuntimeError(f"{name} didn't start; what it says is above")
        yield Target(name, process.pid, line.removeprefix(READY))
    finally:
        await end(process)


async def end(process: asyncio.subprocess.Process) -> None:
    """Ask a child to end, then make it."""
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(20):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
