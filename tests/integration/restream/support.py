"""What the supervision tests share: configs, recorded hooks, waiting with a deadline."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daemon.restream.config import ConfigIO, ConfigLimits, ProcessConfig, ProcessId
from daemon.restream.guarded import GuardedHooks
from daemon.restream.hooks import PendingStart, RunEnd, StopReason
from daemon.restream.limiter import StartLimiter
from daemon.restream.process import Process
from daemon.restream.state import Exec, Order
from daemon.restream.supervision import Supervision

CAM = ProcessId("cam")
DEADLINE = 60.0  # seconds: nothing but a fault takes so long, on any machine


@dataclass
class RecordedHooks:
    """Hooks that remember their calls; ``append`` is appended as one output."""

    calls: list[str] = field(default_factory=list)
    ends: list[RunEnd] = field(default_factory=list)
    append: tuple[str, ...] = ()
    blames_leg: bool = False
    restarts_on_media: int = 0  # how often
    fails: bool = False
    blocks: asyncio.Event | None = None

    async def on_start(self, pending: PendingStart) -> None:
        self.calls.append("start")
        if self.append:
            pending.append_output("webrtc_video", self.append)
        if self.fails:
            raise RuntimeError("a bug in a hook")
        if self.blocks is not None:
            await self.blocks.wait()

    def on_media(self, process_id: ProcessId) -> bool:
        self.restarts_on_media -= 1
        return self.restarts_on_media >= 0

    def on_running(self, process_id: ProcessId, pid: int) -> None:
        self.calls.append("running")

    def on_exit(self, end: RunEnd) -> bool:
        self.calls.append("exit")
        self.ends.append(end)
        return self.blames_leg

    def on_update(self, config: ProcessConfig) -> None:
        self.calls.append(f"update {config.id}")

    def on_stop(self, process_id: ProcessId, reason: StopReason) -> None:
        self.calls.append(f"stop {process_id} {reason}")


def make_config(script: str = "progress 0 0.05", **changes: Any) -> ProcessConfig:
    """One process whose stand-in follows ``script``."""
    values: dict[str, Any] = {
        "id": CAM,
        "input": (ConfigIO("in", "in.mp4"),),
        "output": (ConfigIO("out", "-", ("-f", "null")),),
        "options": ("-script", script),
    }
    limits = changes.pop("limits", {})
    return ProcessConfig(**(values | changes), limits=ConfigLimits(**limits))


async def admit(_: ProcessConfig) -> None:
    """Let everything start."""


def make_supervision(
    binary: Path, work_dir: Path, hooks: RecordedHooks, **changes: Any
) -> Supervision:
    values: dict[str, Any] = {
        "binary": binary,
        "hooks": GuardedHooks(hooks),
        "work_dir": work_dir,
        "instance_id": f"test-{os.getpid()}",
        "resolve": lambda config: config,
        "limiter": StartLimiter(time.monotonic()),
        "admit": admit,
    }
    return Supervision(**(values | changes))


@contextlib.asynccontextmanager
async def supervised(
    config: ProcessConfig, supervision: Supervision, order: Order = Order.START
) -> AsyncIterator[Process]:
    """Run one process; cancelled at the end, so that it has to end its child."""
    process = Process(config, supervision, order=order, created_at=1, updated_at=1)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(process.run())
        try:
            yield process
        finally:
            task.cancel()


async def until(claim: Callable[[], Any], seconds: float = DEADLINE) -> float:
    """Wait until a claim holds; how long that took. Fails after ``seconds``."""
    begin = time.monotonic()
    while not claim():
        assert time.monotonic() - begin < seconds, "it never came true"
        await asyncio.sleep(0.005)
    return time.monotonic() - begin


def exists(pid: int) -> bool:
    """Whether a process with this pid is there and not just a zombie."""
    try:
        state = (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        )
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def names_in(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


def is_in(process: Process, state: Exec) -> bool:
    return process.state().exec is state


async def running(process: Process) -> int:
    """Wait until it runs and shows progress; its pid."""
    await until(lambda: process.state().progress.frame > 0)
    pid = process.state().pid
    assert pid is not None
    return pid
