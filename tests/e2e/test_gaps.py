"""FFmpeg stops by itself, hangs or ends while somebody watches: a freeze, not an end."""

import os
import signal

import pytest

from tests.e2e import inputs
from tests.e2e.daemon import Daemon
from tests.e2e.waiting import until
from tests.e2e.watcher import Watcher

pytestmark = [pytest.mark.ffmpeg, pytest.mark.slow]
SHORT = f"{inputs.PICTURE}:duration=2"
SHORT_TONE = f"{inputs.TONE}:duration=2"


async def until_another_run(daemon: Daemon, old: list[int]) -> None:
    """Wait for another FFmpeg."""

    def is_replaced() -> bool:
        found = daemon.children("cam")
        return len(found) == 1 and found != old

    await until(is_replaced, "another FFmpeg runs")


def check_continuity(watcher: Watcher) -> None:
    """Expect the same connection, the same lines, and no step back."""
    assert watcher.is_connected
    assert not watcher.was_told
    for line in (watcher.video, watcher.audio):
        assert line.steps_back == 0, f"{line.kind} went back in time"
        assert len(line.ssrcs) == 1


async def test_a_hanging_ffmpeg_is_killed_as_stale_and_viewers_stay(daemon: Daemon) -> None:
    await daemon.add(inputs.test_picture("cam", stale_timeout_seconds=2))
    await daemon.until_live("cam")
    async with Watcher(daemon.whep_url("cam"), daemon.token) as watcher:
        await watcher.until_playing()
        old = daemon.children("cam")
        os.kill(old[0], signal.SIGSTOP)
        await until_another_run(daemon, old)
        await watcher.until_more(25)
        check_continuity(watcher)


async def test_an_input_that_ends_again_and_again_is_reconnected_and_viewers_stay(
    daemon: Daemon,
) -> None:
    picture = inputs.read(SHORT, *inputs.LAVFI, name="picture")
    tone = inputs.read(SHORT_TONE, *inputs.LAVFI, name="tone")
    await daemon.add(inputs.config("cam", picture, tone))
    await daemon.until_live("cam")
    async with Watcher(daemon.whep_url("cam"), daemon.token) as watcher:
        await watcher.until_more(1)
        for _ in range(2):
            await until_another_run(daemon, daemon.children("cam"))
            await watcher.until_more(20)
        check_continuity(watcher)
