"""Supervision of the real FFmpeg: the one on PATH and the one in the wheel."""

import asyncio
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import imageio_ffmpeg
import pytest

from daemon.restream import policy
from daemon.restream.config import ConfigIO, ProcessConfig, command
from daemon.restream.process import Process
from daemon.restream.state import Exec, Order
from tests.integration.restream.support import (
    CAM,
    DEADLINE,
    RecordedHooks,
    make_supervision,
    supervised,
    until,
)

pytestmark = [pytest.mark.slow, pytest.mark.ffmpeg]
PICTURE = ("testsrc=size=64x64:rate=25", "-re", "-f", "lavfi")
TONE = ("sine=sample_rate=8000", "-re", "-f", "lavfi")


@pytest.fixture(params=["path", "wheel"])
def ffmpeg(request: pytest.FixtureRequest) -> Path:
    if request.param == "wheel":
        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    found = shutil.which("ffmpeg")
    assert found is not None
    return Path(found)


def make_config(source: tuple[str, ...], *options: str, stale: int = 0) -> ProcessConfig:
    return ProcessConfig(
        CAM,
        (ConfigIO("in", source[0], source[1:]),),
        (ConfigIO("out", "-", ("-f", "null")),),
        options=options,
        stale_timeout_seconds=stale,
    )


async def moving(process: Process) -> None:
    """Wait until progress was seen to move."""
    await until(lambda: process.state().exec is Exec.RUNNING)
    before = process.state().progress.position
    await until(lambda: process.state().progress.position > before)


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("-loglevel", "level+info"),
        ("-loglevel", "quiet"),
        ("-nostats",),
        ("-stats", "-loglevel", "warning"),
        ("-progress", "/dev/null"),
    ],
)
async def test_no_option_of_a_user_hides_the_progress(
    ffmpeg: Path, work_dir: Path, hooks: RecordedHooks, options: tuple[str, ...]
) -> None:
    supervision = make_supervision(ffmpeg, work_dir, hooks)
    async with supervised(make_config(PICTURE, *options), supervision) as process:
        await moving(process)
        assert process.state().progress.frame > 0


async def test_sound_alone_is_progress_too(
    ffmpeg: Path, work_dir: Path, hooks: RecordedHooks
) -> None:
    supervision = make_supervision(ffmpeg, work_dir, hooks)
    async with supervised(make_config(TONE, stale=3), supervision) as process:
        await moving(process)
        await until(lambda: process.state().progress.time_seconds > 4)
        assert process.state().exec is Exec.RUNNING


async def test_a_stop_is_clean_and_the_lists_name_the_ids(
    ffmpeg: Path, work_dir: Path, hooks: RecordedHooks
) -> None:
    supervision = make_supervision(ffmpeg, work_dir, hooks)
    async with supervised(make_config(PICTURE), supervision) as process:
        await moving(process)
        progress = process.state().progress
        assert [item.id for item in (*progress.inputs, *progress.outputs)] == ["in", "out"]
        process.receive_order(Order.STOP)
        assert await process.wait_idle(DEADLINE)
        assert process.state().exec is Exec.FINISHED
        assert process.report().prelude


async def test_a_start_that_fails_says_why(
    ffmpeg: Path, work_dir: Path, hooks: RecordedHooks
) -> None:
    supervision = make_supervision(ffmpeg, work_dir, hooks)
    async with supervised(make_config(("nothing.mp4",)), supervision) as process:
        await until(lambda: process.state().exec is Exec.FAILED)
        assert any("No such file" in line.text for line in process.report().log)


async def test_it_stops_within_the_ladder_while_it_is_still_probing(
    ffmpeg: Path, work_dir: Path, hooks: RecordedHooks
) -> None:
    supervision = make_supervision(ffmpeg, work_dir, hooks)
    config = make_config(("udp://127.0.0.1:9",))
    async with supervised(config, supervision) as process:
        await until(lambda: process.state().exec is Exec.RUNNING)
        await until(lambda: process.report().prelude)
        process.receive_order(Order.STOP)
        assert await process.wait_idle(DEADLINE)


async def test_a_file_that_grows_beyond_the_limit_ends_its_ffmpeg_and_says_so(
    ffmpeg: Path, work_dir: Path, hooks: RecordedHooks, tmp_path: Path
) -> None:
    supervision = make_supervision(ffmpeg, work_dir, hooks, max_file_bytes=100_000)
    target = tmp_path / "out.yuv"
    raw = ("testsrc=size=64x64:rate=25", "-f", "lavfi")
    output = ConfigIO("out", str(target), ("-f", "rawvideo"))
    config = replace(make_config(raw), output=(output,))
    async with supervised(config, supervision) as process:
        await until(lambda: process.state().exec is Exec.KILLED)
        assert "limit of 100000 bytes" in process.state().last_logline
    assert target.stat().st_size <= 100_000


@pytest.mark.parametrize("scheme", ["http", "rtmp", "rtsp", "tcp"])
async def test_a_source_that_says_nothing_ends_by_the_timeout_that_policy_adds(
    ffmpeg: Path, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.restream.policy.RW_TIMEOUT_MICROSECONDS", 200_000)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/live/x"
        config = policy.apply(make_config((address,)))
        child = await asyncio.create_subprocess_exec(
            ffmpeg,
            *("-nostdin", "-hide_banner", *command(config)),
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            _, said = await child.communicate()
    assert child.returncode not in (0, None)
    assert b"option" not in said.lower(), said
