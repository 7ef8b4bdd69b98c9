"""Chromium plays what the daemon sends: all three inputs, through a kill, until DELETE."""

import os
import signal
import socket
import statistics
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.conftest import take_screenshot
from tests.e2e import inputs
from tests.e2e.daemon import Daemon, free_port
from tests.e2e.waiting import until

pytestmark = [pytest.mark.ffmpeg, pytest.mark.chromium, pytest.mark.slow]
PLAYED_SECONDS = 2.0
PLAYED_FRAMES = 30
SILENCE = 0.003  # of the sound's root mean square; the inputs' tones have 0.02 and more
FLASHES = 3
LIP_SYNC_MS = 40.0
AUDIO_GRAPH_MS = 85.0  # what Web Audio's buffers add, measured with Chromium 156
BUSY_MS = 300.0  # what else a busy machine may add to what is seen and heard


async def play(page: Page, daemon: Daemon, process_id: str, codec: str = "") -> None:
    """Subscribe, and expect a picture."""
    offer = [daemon.whep_url(process_id), daemon.token, None, codec]
    await page.evaluate("(offer) => player.play(...offer)", offer)

    async def is_seen() -> Any:
        now = await stats(page)
        assert now["picture"], now
        return now

    now = await until(is_seen, "there is a picture")
    assert now["muted"], "it must start without anybody's hand"
    await page.click("video")  # unmutes


async def stats(page: Page) -> Any:
    return await page.evaluate("() => player.stats()")


async def assert_playing(page: Page) -> Any:
    """Expect pictures, sound and time to go on."""
    before = await stats(page)

    async def goes_on() -> Any:
        now = await stats(page)
        assert now["frames"] >= before["frames"] + PLAYED_FRAMES, now
        assert now["time"] >= before["time"] + PLAYED_SECONDS / 2, now
        assert now["loudness"] > SILENCE, now
        return now

    now = await until(goes_on, "Chromium plays on")
    assert now["state"] == "connected"
    assert not now["paused"]
    return now


async def assert_plays(page: Page, daemon: Daemon, process_id: str) -> None:
    """Play a process of 640x360 from its first picture to DELETE."""
    await play(page, daemon, process_id)
    now = await assert_playing(page)
    assert (now["width"], now["height"]) == (640, 360)
    assert now["cipher"] == "SRTP_AEAD_AES_128_GCM"
    assert now["codecs"] == {"video": "video/H264", "audio": "audio/opus"}
    seen = await page.evaluate("() => player.look()")
    assert seen["mean"] > 40
    assert seen["contrast"] > 100
    await take_screenshot(page, process_id)
    assert await page.evaluate("() => player.leave()") == 200
    await until(lambda: is_told(page), "Chromium is told")
    assert (await daemon.whep(process_id))["viewers"] == []


async def is_told(page: Page) -> bool:
    return "closed" in (await stats(page))["dtls"]


async def test_the_test_picture_plays(page: Page, daemon: Daemon) -> None:
    await daemon.add(inputs.test_picture("picture"))
    await daemon.until_live("picture")
    await assert_plays(page, daemon, "picture")


async def test_a_film_with_b_frames_plays(page: Page, daemon: Daemon, film: Path) -> None:
    await daemon.add(inputs.film("film", film))
    await daemon.until_live("film")
    await assert_plays(page, daemon, "film")


async def test_a_pushed_transport_stream_plays(
    page: Page, daemon: Daemon, ffmpeg_binary: Path
) -> None:
    port = free_port(socket.SOCK_DGRAM)
    with inputs.push(ffmpeg_binary, port):
        await daemon.add(inputs.transport_stream("push", port))
        await daemon.until_live("push")
        await assert_plays(page, daemon, "push")


async def test_a_killed_ffmpeg_is_a_pause_and_lips_stay_in_sync(
    page: Page, daemon: Daemon, is_quiet: bool
) -> None:
    await daemon.add(inputs.flash("flash"))
    await daemon.until_live("flash")
    await play(page, daemon, "flash")
    await assert_playing(page)
    (old,) = daemon.children("flash")
    os.kill(old, signal.SIGKILL)
    await until(lambda: daemon.children("flash") not in ([], [old]), "another FFmpeg runs")
    now = await assert_playing(page)
    assert now["state"] == "connected"
    assert await page.evaluate("() => player.states") == ["connecting", "connected"]
    assert not await is_told(page)
    await check_lip_sync(page, is_quiet=is_quiet)
    assert len((await daemon.whep("flash"))["viewers"]) == 1


async def check_lip_sync(page: Page, *, is_quiet: bool) -> None:
    """Compare what of picture and sound Chromium gives out at the same instant.

    By its own account first: it brings both together in small steps after a pause. Flashes and
    beeps then prove that this is no fiction; tests/e2e measures each of them exactly.
    """

    async def is_close() -> bool:
        skew = (await stats(page))["skew"]
        assert skew is not None
        assert abs(skew) < LIP_SYNC_MS, skew
        return True

    await until(is_close, "Chromium has brought picture and sound together")
    seen = await page.evaluate(f"() => player.watchSync({FLASHES})")
    assert min(len(seen["flashes"]), len(seen["beeps"])) >= FLASHES, seen
    offsets = [
        min((beep - flash for beep in seen["beeps"]), key=abs) for flash in seen["flashes"]
    ]
    limit = LIP_SYNC_MS + AUDIO_GRAPH_MS + (0.0 if is_quiet else BUSY_MS)
    assert abs(statistics.median(offsets)) < limit, offsets


async def test_without_h264_it_plays_vp8_over_crashes_of_either_ffmpeg(
    page: Page, daemon: Daemon, is_quiet: bool
) -> None:
    await daemon.add(inputs.flash("flash"))
    await daemon.until_live("flash")
    await play(page, daemon, "flash", "VP8")
    now = await assert_playing(page)
    assert now["codecs"] == {"video": "video/VP8", "audio": "audio/opus"}
    (main,) = daemon.children("flash")
    for pid in ((await daemon.whep("flash"))["vp8"]["pid"], main):
        os.kill(pid, signal.SIGKILL)
        await assert_playing(page)
    assert (await stats(page))["state"] == "connected"
    await check_lip_sync(page, is_quiet=is_quiet)


async def test_the_end_of_the_process_is_told_at_once(page: Page, daemon: Daemon) -> None:
    await daemon.add(inputs.test_picture("picture"))
    await daemon.until_live("picture")
    await play(page, daemon, "picture")
    await daemon.command("picture", "stop")
    await until(lambda: is_told(page), "Chromium is told")
