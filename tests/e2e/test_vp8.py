"""VP8 for viewers without H.264: made while they watch, by an FFmpeg of its own."""

import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e import inputs
from tests.e2e.conftest import MakeDaemon
from tests.e2e.daemon import Daemon, Settings
from tests.e2e.test_restarts import check_lip_sync, kill_ffmpeg
from tests.e2e.waiting import DEADLINE, until
from tests.e2e.watcher import Watcher

pytestmark = [pytest.mark.ffmpeg, pytest.mark.slow]


async def vp8(daemon: Daemon) -> Any:
    return (await daemon.whep("cam"))["vp8"]


async def live(daemon: Daemon, *, input_name: str = "flash") -> Daemon:
    await daemon.add(getattr(inputs, input_name)("cam"))
    await daemon.until_live("cam")
    return daemon


@pytest.mark.parametrize("program", ["ffmpeg_binary", "wheel_ffmpeg"])
async def test_who_has_only_vp8_sees_and_hears_in_sync_over_crashes_of_either_ffmpeg(
    program: str, request: pytest.FixtureRequest, make_daemon: MakeDaemon
) -> None:
    ffmpeg = request.getfixturevalue(program)
    daemon = await live(await make_daemon(Settings(ffmpeg=ffmpeg)).start())
    main = daemon.children("cam")
    assert (await vp8(daemon))["state"] == "off"
    url, token = daemon.whep_url("cam"), daemon.token
    async with Watcher(url, token, video="VP8") as watcher, Watcher(url, token) as other:
        await watcher.until_playing()
        await other.until_playing()
        await check_lip_sync(watcher, skipped=1)
        assert daemon.children("cam") == main, "the process's own FFmpeg was touched"
        status = await daemon.whep("cam")
        assert status["vp8"]["state"] == "live"
        found = [viewer["codecs"] for viewer in status["viewers"]]
        assert {"video": "VP8", "audio": "opus"} in found
        assert {"video": "H264", "audio": "opus"} in found

        os.kill(status["vp8"]["pid"], signal.SIGKILL)
        await watcher.until_more(30)
        assert (await vp8(daemon))["pid"] != status["vp8"]["pid"]
        await check_lip_sync(watcher, skipped=len(watcher.video.marks) + 1)

        await kill_ffmpeg(daemon, "cam")
        await watcher.until_more(30)
        await check_lip_sync(watcher, skipped=len(watcher.video.marks) + 1)
        assert watcher.is_connected
        for line in (watcher.video, watcher.audio, other.video, other.audio):
            assert line.steps_back == 0, f"{line.kind} went back in time"
            assert len(line.ssrcs) == 1


async def test_it_ends_some_time_after_the_last_viewer_and_not_before(daemon: Daemon) -> None:
    await live(daemon, input_name="test_picture")
    url, token = daemon.whep_url("cam"), daemon.token
    async with Watcher(url, token, video="VP8") as watcher:
        await watcher.until_playing()
        first = await vp8(daemon)
    async with Watcher(url, token, video="VP8") as watcher:  # a reload of the page
        await watcher.until_playing()
        assert (await vp8(daemon))["pid"] == first["pid"]
    await until(lambda: not psutil.pid_exists(first["pid"]), "VP8's FFmpeg is gone")
    assert (await vp8(daemon))["state"] == "off"


async def test_another_size_of_the_source_is_a_pause_for_vp8(daemon: Daemon) -> None:
    await live(daemon, input_name="test_picture")
    async with Watcher(daemon.whep_url("cam"), daemon.token, video="VP8") as watcher:
        await watcher.until_playing()
        assert watcher.video.size == (640, 360)
        picture = inputs.read("testsrc2=size=320x180:rate=25", *inputs.LAVFI)
        change = {"input": [picture, inputs.read(inputs.TONE, *inputs.LAVFI, name="tone")]}
        await daemon.call("PUT", "/api/v3/process/cam", json=change)
        await until(lambda: watcher.video.size == (320, 180), "the new size")
        assert watcher.is_connected


async def test_no_vp8_outlives_a_daemon_that_is_killed(daemon: Daemon) -> None:
    await live(daemon, input_name="test_picture")
    async with Watcher(daemon.whep_url("cam"), daemon.token, video="VP8") as watcher:
        watcher.delete_on_exit = False
        await watcher.until_playing()
        pid = (await vp8(daemon))["pid"]
        await daemon.kill()
        await until(lambda: not psutil.pid_exists(pid), "VP8's FFmpeg is gone")


async def test_without_an_encoder_vp8_ends_with_its_reason_and_h264_goes_on(
    make_daemon: MakeDaemon, ffmpeg_binary: Path, tmp_path: Path
) -> None:
    poor = tmp_path / "ffmpeg"
    poor.write_text(
        "#!/bin/sh\n"
        'case "$*" in *libvpx*) echo "Unknown encoder libvpx" >&2; exit 1;; esac\n'
        f'exec {ffmpeg_binary} "$@"\n'
    )
    poor.chmod(0o755)
    daemon = await live(await make_daemon(Settings(ffmpeg=poor)).start())
    url, token = daemon.whep_url("cam"), daemon.token
    async with Watcher(url, token) as other, Watcher(url, token, video="VP8") as watcher:
        watcher.delete_on_exit = False
        await other.until_playing()
        await watcher.until_told(DEADLINE)
        assert "gone: vp8-failed" in daemon.log
        state = await vp8(daemon)
        assert state["state"] == "failed"
        assert "Unknown encoder libvpx" in state["reason"]
        with pytest.raises(AssertionError, match="vp8-failed"):
            async with Watcher(url, token, video="VP8"):
                pass
        await other.until_more(10)


async def test_switched_off_it_refuses_and_ends_who_watches(daemon: Daemon) -> None:
    await live(daemon, input_name="test_picture")
    url, token = daemon.whep_url("cam"), daemon.token
    async with Watcher(url, token, video="VP8") as watcher:
        watcher.delete_on_exit = False
        await watcher.until_playing()
        changed = await daemon.call(
            "PUT", "/api/v3/process/cam", json={"webrtc": {"vp8": "off"}}
        )
        assert changed.json()["webrtc"]["vp8"] == "off"
        await watcher.until_told()
        assert "gone: vp8-off" in daemon.log
    await daemon.until_live("cam")
    with pytest.raises(AssertionError, match="no-common-codec"):
        async with Watcher(url, token, video="VP8"):
            pass
