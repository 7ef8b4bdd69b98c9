"""FFmpeg dies while somebody watches: the session stays, and so does lip-sync."""

import os
import signal
from pathlib import Path

import pytest

from tests.e2e import inputs
from tests.e2e.conftest import MakeDaemon
from tests.e2e.daemon import Daemon, Settings
from tests.e2e.waiting import until
from tests.e2e.watcher import Watcher

pytestmark = [pytest.mark.ffmpeg, pytest.mark.slow]
LIP_SYNC_SECONDS = 0.040
FLASHES = 4  # that are measured


async def kill_ffmpeg(daemon: Daemon, process_id: str) -> None:
    """End FFmpeg the hard way and wait for its successor."""
    old = daemon.children(process_id)
    os.kill(old[0], signal.SIGKILL)
    await until_replaced(daemon, process_id, old)


async def until_replaced(daemon: Daemon, process_id: str, old: list[int]) -> None:
    """Wait for an FFmpeg that is another one."""

    def is_replaced() -> bool:
        found = daemon.children(process_id)
        return len(found) == 1 and found != old

    await until(is_replaced, "another FFmpeg runs")


async def check_lip_sync(watcher: Watcher, *, skipped: int = 0) -> None:
    """Measure some flashes, and the beeps next to them."""
    wanted = skipped + FLASHES
    await until(
        lambda: len(watcher.video.marks) > wanted and len(watcher.audio.marks) > FLASHES,
        f"{FLASHES} flashes and beeps",
    )
    offsets = watcher.offsets(skipped)[:FLASHES]
    assert len(offsets) == FLASHES
    assert max(map(abs, offsets)) < LIP_SYNC_SECONDS, offsets


async def test_the_picture_goes_on_after_a_kill_and_lips_stay_in_sync(daemon: Daemon) -> None:
    await daemon.add(inputs.flash("cam"))
    await daemon.until_live("cam")
    async with Watcher(daemon.whep_url("cam"), daemon.token) as watcher:
        await watcher.until_playing()
        await check_lip_sync(watcher)
        before = await daemon.whep("cam")

        await kill_ffmpeg(daemon, "cam")
        await watcher.until_more(30)
        # the flash of the new run's first picture may have been cut short by the kill
        await check_lip_sync(watcher, skipped=len(watcher.video.marks) + 1)

        after = await daemon.whep("cam")
        assert [one["id"] for one in after["viewers"]] == [
            one["id"] for one in before["viewers"]
        ]
        assert watcher.is_connected
        assert "closed" not in watcher.dtls_states
        for line in (watcher.video, watcher.audio):
            assert line.steps_back == 0, f"{line.kind} went back in time"
            assert len(line.ssrcs) == 1


async def test_a_viewer_who_joins_after_a_kill_is_in_sync_too(daemon: Daemon) -> None:
    await daemon.add(inputs.flash("cam"))
    await daemon.until_live("cam")
    await kill_ffmpeg(daemon, "cam")
    await daemon.until_live("cam")
    async with Watcher(daemon.whep_url("cam"), daemon.token) as watcher:
        await check_lip_sync(watcher, skipped=1)


async def test_a_copied_picture_keeps_in_step_with_encoded_sound(
    make_daemon: MakeDaemon, ffmpeg_binary: Path, wheel_ffmpeg: Path, tmp_path: Path
) -> None:
    """The newest FFmpeg does it here, as another one's timestamps might differ."""
    flash = inputs.make_flash(ffmpeg_binary, tmp_path / "flash.ts")
    daemon = await make_daemon(Settings(ffmpeg=wheel_ffmpeg)).start()
    await daemon.add(inputs.config("cam", inputs.read(flash, "-re")))
    status = await daemon.until_live("cam")
    assert [track["action"] for track in status["plan"]] == ["copy", "encode"]
    async with Watcher(daemon.whep_url("cam"), daemon.token) as watcher:
        await watcher.until_playing()
        await kill_ffmpeg(daemon, "cam")
        await watcher.until_more(30)
        await check_lip_sync(watcher, skipped=len(watcher.video.marks) + 1)


@pytest.mark.parametrize("command", ["restart", "reload"])
async def test_an_ordered_restart_keeps_the_session(daemon: Daemon, command: str) -> None:
    await daemon.add(inputs.test_picture("cam"))
    await daemon.until_live("cam")
    async with Watcher(daemon.whep_url("cam"), daemon.token) as watcher:
        await watcher.until_playing()
        old = daemon.children("cam")
        await daemon.command("cam", command)
        await until_replaced(daemon, "cam", old)
        await watcher.until_more(30)
        assert watcher.is_connected


async def test_ten_restarts_in_a_row_cost_one_viewer_nothing_but_pauses(
    daemon: Daemon,
) -> None:
    await daemon.add(inputs.flash("cam"))
    await daemon.until_live("cam")
    async with Watcher(daemon.whep_url("cam"), daemon.token) as watcher:
        await watcher.until_playing()
        for _ in range(10):
            old = daemon.children("cam")
            await daemon.command("cam", "restart")
            await until_replaced(daemon, "cam", old)
            await watcher.until_more(3)
        await check_lip_sync(watcher, skipped=len(watcher.video.marks) + 1)
        assert watcher.is_connected
        assert [line.steps_back for line in watcher.lines.values()] == [0, 0]
        assert [len(line.ssrcs) for line in watcher.lines.values()] == [1, 1]
        assert len((await daemon.whep("cam"))["viewers"]) == 1
