"""A restreamer and a WebRTC subsystem, with real FFmpeg and real sockets."""

import asyncio
import contextlib
import secrets
import shutil
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from daemon.ffmpeg import probe
from daemon.restream.config import ConfigIO, ConfigWebRTC, ProcessConfig, ProcessId
from daemon.restream.restreamer import Restreamer
from daemon.restream.store import Store
from daemon.storage.database import Database
from daemon.webrtc.registry import Limits
from daemon.webrtc.subsystem import Settings, WebRTC

PICTURE = "testsrc2=size=320x180:rate=30"
TONE = "sine=frequency=440:sample_rate=48000"
MANY = Limits(per_address=1000, per_subject=1000, pending=1000, pending_per_address=1000)


async def until(fact: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until a fact of another process holds, which nobody tells us."""
    async with asyncio.timeout(seconds):
        while not fact():  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.02)


class Stage:
    """What a test needs: the two services, and a way to add processes."""

    def __init__(self, restreamer: Restreamer, webrtc: WebRTC, directory: Path) -> None:
        self.restreamer = restreamer
        self.webrtc = webrtc
        self.directory = directory

    async def add(self, name: str, config: ProcessConfig | None = None) -> None:
        """Add a process that shows the test picture and plays a tone."""
        await self.restreamer.add(config or test_picture(name))

    async def until_live(self, name: str) -> None:
        """Wait for the process's media."""
        sources = self.webrtc.registry.sources
        await until(lambda: ProcessId(name) in sources and sources[ProcessId(name)].has_media)


def test_picture(name: str, **change: object) -> ProcessConfig:
    """Configure FFmpeg's own picture and tone with WebRTC on."""
    values: dict[str, object] = {
        "id": ProcessId(name),
        "input": (
            ConfigIO("picture", PICTURE, ("-re", "-f", "lavfi")),
            ConfigIO("tone", TONE, ("-re", "-f", "lavfi")),
        ),
        "output": (ConfigIO("out", "-", ("-c", "copy", "-f", "null")),),
        "reconnect": True,
        "reconnect_delay_seconds": 1,
        "webrtc": ConfigWebRTC(enabled=True),
    }
    return ProcessConfig(**(values | change))  # type: ignore[arg-type]


test_picture.__test__ = False  # type: ignore[attr-defined]


@contextlib.asynccontextmanager
async def open_stage(
    directory: Path, settings: Settings, binary: Path | None = None
) -> AsyncIterator[Stage]:
    """Run both services as core does."""
    binary = binary or Path(shutil.which("ffmpeg") or "")
    database = Database.open(directory / "test.db")
    webrtc = WebRTC(settings, prober=partial(probe.probe, binary), limits=MANY, ffmpeg=binary)
    restreamer = Restreamer(
        store=Store(database),
        binary=binary,
        hooks=webrtc.hooks,
        work_dir=directory / "work",
        instance_id=secrets.token_hex(8),  # the boot sweep must find this run's only
    )
    await webrtc.open()
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(webrtc.run()), group.create_task(restreamer.run())]
            await restreamer.ready.wait()
            yield Stage(restreamer, webrtc, directory)
            for task in reversed(tasks):
                task.cancel()
    finally:
        database.close()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path, Settings(enable=True, public_ip="127.0.0.1")) as found:
        yield found
