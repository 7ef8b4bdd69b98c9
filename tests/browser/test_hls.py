"""Chromium plays HLS from memory, by itself and by hls.js, and is a session while it does."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.conftest import take_screenshot
from tests.conftest import give_up
from tests.e2e import inputs
from tests.e2e.conftest import MakeDaemon
from tests.e2e.daemon import Daemon, Settings
from tests.e2e.test_files import ENVIRONMENT, hls_output, names
from tests.e2e.waiting import until

pytestmark = [pytest.mark.ffmpeg, pytest.mark.chromium, pytest.mark.slow]
PLAYER = "<video id=v muted autoplay playsinline width=640 height=360 src='{}'></video>"
LIBRARY = Path(__file__).parents[2] / "ui/node_modules/hls.js/dist/hls.min.js"
PAGE = """
<video id=v muted autoplay playsinline width=640 height=360></video>
<script src="hls.min.js"></script>
<script>
  const hls = new Hls();
  hls.loadSource("/memfs/cam.m3u8");
  hls.attachMedia(document.getElementById("v"));
</script>
"""
LOOK = "() => ({time: v.currentTime, width: v.videoWidth, error: v.error && v.error.message})"


async def has_segments(daemon: Daemon) -> bool:
    return sum(name.endswith(".ts") for name in await names(daemon)) >= 3


async def test_hls_plays_natively_and_by_hls_js(
    page: Page, make_daemon: MakeDaemon, ffmpeg_binary: Path
) -> None:
    if not LIBRARY.exists():
        give_up("no hls.js: `make ui` installs what the web UI is tested with")
    daemon = await make_daemon(Settings(ffmpeg=ffmpeg_binary, environment=ENVIRONMENT)).start()
    source = inputs.read(inputs.PICTURE, *inputs.LAVFI)
    quiet = {"enabled": False}
    await daemon.add(inputs.config("cam", source, output=[hls_output()], webrtc=quiet))
    await until(lambda: has_segments(daemon), "there are three segments: Chromium fails on one")

    async def open_native() -> None:
        await page.set_content(PLAYER.format(f"{daemon.url}/memfs/cam.m3u8"))

    async def is_playing() -> Any:
        now = await page.evaluate(LOOK)
        if now["error"] is not None:  # its parser gives up on some beginnings: open it again
            await open_native()
        assert now["error"] is None, now
        assert now["width"] == 640, now
        assert now["time"] > 2.0, now
        return now

    await open_native()
    await until(is_playing, "Chromium plays")
    await take_screenshot(page, "hls")
    await is_session(daemon)

    # the page and the player come from the disk, as docs/how-to/play-hls.md has it
    for name, data in (("/page.html", PAGE.encode()), ("/hls.min.js", LIBRARY.read_bytes())):
        answer = await daemon.call("PUT", f"/api/v3/fs/disk{name}", content=data)
        assert answer.status_code == 201, answer.text
    await page.goto(f"{daemon.url}/page.html")
    await until(is_playing, "hls.js plays")
    await take_screenshot(page, "hls-js")
    await is_session(daemon)


async def is_session(daemon: Daemon) -> None:
    """Check that whoever came last is counted, as a browser that loads something."""
    sessions = await daemon.get("/api/v3/session/active?collectors=hls")
    session = sessions["hls"][-1]
    assert session["reference"] == "cam"
    assert session["bytes_tx"] > 0
    assert "Chrome" in session["extra"]
