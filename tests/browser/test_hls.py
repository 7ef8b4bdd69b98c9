"""Chromium plays HLS from memory by itself, and is a session while it does."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.conftest import take_screenshot
from tests.e2e import inputs
from tests.e2e.conftest import MakeDaemon
from tests.e2e.daemon import Daemon, Settings
from tests.e2e.test_files import ENVIRONMENT, hls_output, names
from tests.e2e.waiting import until

pytestmark = [pytest.mark.ffmpeg, pytest.mark.chromium, pytest.mark.slow]
PLAYER = "<video id=v muted autoplay playsinline width=640 height=360 src='{}'></video>"
LOOK = "() => ({time: v.currentTime, width: v.videoWidth, error: v.error && v.error.message})"


async def has_segments(daemon: Daemon) -> bool:
    return sum(name.endswith(".ts") for name in await names(daemon)) >= 3


async def test_hls_plays_natively(
    page: Page, make_daemon: MakeDaemon, ffmpeg_binary: Path
) -> None:
    daemon = await make_daemon(Settings(ffmpeg=ffmpeg_binary, environment=ENVIRONMENT)).start()
    source = inputs.read(inputs.PICTURE, *inputs.LAVFI)
    quiet = {"enabled": False}
    await daemon.add(inputs.config("cam", source, output=[hls_output()], webrtc=quiet))
    await until(lambda: has_segments(daemon), "there are three segments: Chromium fails on one")
    await page.set_content(PLAYER.format(f"{daemon.url}/memfs/cam.m3u8"))

    async def is_playing() -> Any:
        now = await page.evaluate(LOOK)
        if now["error"] is not None:  # its parser gives up on some beginnings: open it again
            await page.set_content(PLAYER.format(f"{daemon.url}/memfs/cam.m3u8"))
        assert now["error"] is None, now
        assert now["width"] == 640, now
        assert now["time"] > 2.0, now
        return now

    await until(is_playing, "Chromium plays", seconds=30.0)
    await take_screenshot(page, "hls")
    sessions = await daemon.get("/api/v3/session/active?collectors=hls")
    [session] = sessions["hls"]
    assert session["reference"] == "cam"
    assert session["bytes_tx"] > 0
    assert "Chrome" in session["extra"]
