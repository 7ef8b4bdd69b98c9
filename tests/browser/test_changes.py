"""The process is changed while Chromium watches: what goes on, and what ends with a reason."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.viewing import open_player, stats, until_picture
from tests.e2e import inputs
from tests.e2e.daemon import Daemon
from tests.e2e.waiting import until

pytestmark = [pytest.mark.ffmpeg, pytest.mark.chromium, pytest.mark.slow]
FRAMES = 30
SMALL = "testsrc2=size=320x180:rate=25"


def make_film(ffmpeg: Path, path: Path, profile: str, size: str) -> Path:
    """Encode H.264 without B-frames, which is copied, and Opus."""
    command = (
        *(ffmpeg, "-v", "error", "-nostdin", "-f", "lavfi"),
        *("-i", f"testsrc2=size={size}:rate=25", "-f", "lavfi", "-i", inputs.TONE, "-t", "30"),
        *("-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-bf", "0"),
        *("-profile:v", profile, "-g", "25", "-c:a", "libopus", path),
    )
    subprocess.run(command, check=True, timeout=60)
    return path


async def until_plays_on(page: Page, width: int) -> Any:
    """Wait for frames of a given width, in the same connection."""
    before = await stats(page)

    async def goes_on() -> Any:
        now = await stats(page)
        assert now["width"] == width, now
        assert now["frames"] >= before["frames"] + FRAMES, now
        return now

    now = await until(goes_on, f"Chromium shows pictures {width} wide")
    assert now["state"] == "connected"
    assert "closed" not in now["dtls"]
    return now


async def test_another_size_is_a_freeze_and_not_an_end(page: Page, daemon: Daemon) -> None:
    await daemon.add(inputs.test_picture("cam"))
    await daemon.until_live("cam")
    await open_player(page, daemon, "cam")
    await until_picture(page)
    await until_plays_on(page, 640)
    small = inputs.read(SMALL, *inputs.LAVFI, name="picture")
    tone = inputs.read(inputs.TONE, *inputs.LAVFI, name="tone")
    await daemon.change("cam", input=[small, tone])
    await until_plays_on(page, 320)
    assert await page.evaluate("() => player.states") == ["connecting", "connected"]


async def test_another_profile_is_a_freeze_and_not_an_end(
    page: Page, daemon: Daemon, ffmpeg_binary: Path, tmp_path: Path
) -> None:
    baseline = make_film(ffmpeg_binary, tmp_path / "base.mp4", "baseline", "640x360")
    main = make_film(ffmpeg_binary, tmp_path / "main.mp4", "main", "320x180")
    await daemon.add(inputs.config("cam", inputs.read(baseline, "-re")))
    status = await daemon.until_live("cam")
    assert [track["action"] for track in status["plan"]] == ["copy", "copy"]
    await open_player(page, daemon, "cam")
    await until_picture(page)
    await until_plays_on(page, 640)
    await daemon.change("cam", input=[inputs.read(main, "-re")])
    await until_plays_on(page, 320)
    status = await daemon.whep("cam")
    assert [track["action"] for track in status["plan"]] == ["copy", "copy"]


async def test_a_track_that_vanishes_ends_the_session_with_its_reason(
    page: Page, daemon: Daemon
) -> None:
    await daemon.add(inputs.test_picture("cam"))
    await daemon.until_live("cam")
    await open_player(page, daemon, "cam")
    await until_picture(page)
    await daemon.change("cam", input=[inputs.read(inputs.PICTURE, *inputs.LAVFI)])

    async def is_told() -> bool:
        return "closed" in (await stats(page))["dtls"]

    await until(is_told, "Chromium is told")
    assert "tracks-changed" in daemon.log
    await daemon.until_live("cam")
    await page.evaluate("() => player.peer.close()")
    await open_player(page, daemon, "cam")
    await until_picture(page)

    async def is_without_sound() -> bool:
        return list((await stats(page))["codecs"]) == ["video"]

    await until(is_without_sound, "Chromium names the picture's codec alone")
