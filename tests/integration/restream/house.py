"""A data directory, and restreamers that come and go in it."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from daemon.restream.config import ConfigIO, ProcessConfig, ProcessId
from daemon.restream.restreamer import Restreamer
from daemon.restream.state import Exec
from daemon.restream.store import Store
from daemon.storage.database import Database
from tests.integration.restream.support import CAM, DEADLINE, RecordedHooks, make_config, until

INSTANCE = f"restreamer-{os.getpid()}"


class House:
    """A data directory, and restreamers that come and go in it."""

    def __init__(self, directory: Path, binary: Path, hooks: RecordedHooks) -> None:
        self.directory = directory
        self.binary = binary
        self.hooks = hooks

    @contextlib.asynccontextmanager
    async def open(self, **changes: Any) -> AsyncIterator[Restreamer]:
        database = Database.open(self.directory / "db.sqlite")
        values: dict[str, Any] = {
            "store": Store(database),
            "binary": self.binary,
            "hooks": self.hooks,
            "work_dir": self.directory / "work",
            "instance_id": INSTANCE,
        }
        restreamer = Restreamer(**(values | changes))
        try:
            async with asyncio.TaskGroup() as group:
                task = group.create_task(restreamer.run())
                await asyncio.wait_for(restreamer.ready.wait(), DEADLINE)
                try:
                    yield restreamer
                finally:
                    task.cancel()
        finally:
            database.close()


async def pid_of(restreamer: Restreamer, process_id: str = CAM) -> int:
    """Wait until it runs and shows progress."""
    process = restreamer.get(ProcessId(process_id))
    await until(lambda: is_in(restreamer, Exec.RUNNING, process_id))
    await until(lambda: process.state().progress.frame > 0)
    pid = process.state().pid
    assert pid is not None
    return pid


def is_in(restreamer: Restreamer, state: Exec, process_id: str = CAM) -> bool:
    return restreamer.get(ProcessId(process_id)).state().exec is state


def reader(process_id: str, target: str, **changes: Any) -> ProcessConfig:
    source = ConfigIO("in", f"#{target}:output=out")
    return make_config(id=ProcessId(process_id), input=(source,), **changes)
