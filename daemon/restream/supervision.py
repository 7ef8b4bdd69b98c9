"""Supervision: what all processes share, and how each of their starts is made (P1, F10)."""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from daemon.errors import DragonError
from daemon.ffmpeg.launcher import PROGRESS_FD
from daemon.restream import config as configs
from daemon.restream.alarm import FailureAlarm
from daemon.restream.config import ProcessConfig, ProcessId
from daemon.restream.guarded import GuardedHooks
from daemon.restream.hooks import PendingStart
from daemon.restream.limiter import StartLimiter
from daemon.restream.run import Run
from daemon.restream.spawn import launch
from daemon.restream.sweep import INSTANCE_MARKER, PROCESS_MARKER
from daemon.storage.grant import Grants, fill, has_marker

# Last in the command, so that no option of a user can send it elsewhere (D15)
PROGRESS_ARGUMENTS = ("-progress", f"pipe:{PROGRESS_FD}", "-nostats")


@dataclass(slots=True)
class Supervision:
    """What all processes share. ``resolve`` gives a config as FFmpeg may get it, or raises.

    ``admit`` is asked about that last of all, and raises if it can't be started now.

    ``max_file_bytes`` may change; it counts from a process's next start.
    """

    binary: Path
    hooks: GuardedHooks
    work_dir: Path
    instance_id: str
    resolve: Callable[[ProcessConfig], ProcessConfig]
    limiter: StartLimiter
    admit: Callable[[ProcessConfig], Awaitable[None]]
    log_lines: int = 50
    log_history: int = 3
    grants: Grants = field(default_factory=Grants)
    max_file_bytes: int = 0
    alarm: FailureAlarm = field(default_factory=FailureAlarm)
    # Launchers that may run at once; more of them end no sooner, and one CPU is for the API
    lanes: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(max(1, (os.cpu_count() or 1) - 1))
    )

    def prepare(self, config: ProcessConfig) -> PendingStart:
        """Resolve and check everything. Raises InvalidError."""
        resolved = self.resolve(config)
        return PendingStart(resolved, tuple(configs.input_arguments(resolved)))

    def launch(self, run: Run, pending: PendingStart) -> tuple[str, ...]:
        """Start FFmpeg; give its arguments. Raises OSError or ValueError."""
        arguments = build_arguments(pending)
        run.expect(pending)
        directory = self._directory_of(run.process_id)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        run.child = launch(
            [str(self.binary), *self._granted(run, arguments)],
            environment=self._environment(run),
            directory=directory,
            watcher=run,
            max_file_bytes=self.max_file_bytes,
        )
        return arguments

    def _granted(self, run: Run, arguments: Sequence[str]) -> Sequence[str]:
        """Let it write to memory if it means to; only the child sees the words for that."""
        if not has_marker(arguments):
            return arguments
        run.grant = self.grants.issue(run.process_id)
        return fill(arguments, run.grant)

    async def wait_over(self, run: Run) -> None:
        """Wait until FFmpeg is gone, and all is written that it sent."""
        await run.ended.wait()
        await self.grants.settle(run.grant)

    def clean_up(self, run: Run) -> None:
        """Remove what ``launch`` made, except files that FFmpeg wrote there."""
        self.grants.revoke(run.grant)
        with contextlib.suppress(OSError):
            self._directory_of(run.process_id).rmdir()

    def _directory_of(self, process_id: ProcessId) -> Path:
        # an id may hold anything, a path may not
        digest = hashlib.sha256(process_id.encode("utf-8", "replace")).hexdigest()
        return self.work_dir / digest[:24]

    def _environment(self, run: Run) -> dict[str, str]:
        """Give FFmpeg this and nothing else; the boot sweep knows it by the markers."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": "/nonexistent",
            INSTANCE_MARKER: self.instance_id,
            PROCESS_MARKER: f"{run.process_id}#{run.generation}",
        }


def build_arguments(pending: PendingStart) -> tuple[str, ...]:
    """Build the whole command but for the program; nothing can be appended afterwards."""
    return ("-nostdin", *configs.command(pending.config), *pending.seal(), *PROGRESS_ARGUMENTS)


def reason(error: Exception) -> str:
    """Say in one line why a start failed."""
    if isinstance(error, DragonError) and error.details:
        return error.details[0]
    return str(error)
