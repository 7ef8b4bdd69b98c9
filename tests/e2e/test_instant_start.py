"""Joining, and asking for a key frame, where the source's own key frames are seldom."""

import asyncio
import itertools
import math
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from daemon.rtc import h264
from tests.e2e import inputs
from tests.e2e.daemon import Daemon, whep_path
from tests.e2e.test_restarts import LIP_SYNC_SECONDS
from tests.e2e.waiting import until
from tests.e2e.watcher import Watcher
from tests.fakes.player import Player
from tests.fakes.viewer import Viewer

pytestmark = [pytest.mark.ffmpeg, pytest.mark.slow]
FPS = inputs.FLASH_FPS
JOINS = 20
PICTURE_SECONDS = 0.3  # from the POST to the first decoded picture, p95
USUAL_SECONDS = 1.0  # the same on any machine, median; 2 s if it had to be waited for
PLI_SECONDS = 0.1  # loopback; a key frame of the source's own takes 4 s
PLI_INTERVAL = 0.5
BURST_SECONDS = 0.5  # of media after the first picture: the burst is over by then


async def test_aiortc_decodes_a_picture_at_once(
    daemon: Daemon, sparse: Path, is_quiet: bool
) -> None:
    await daemon.add(inputs.config("cam", inputs.read(sparse, "-re")))
    await daemon.until_live("cam")
    took = []
    for _ in range(JOINS):
        async with Watcher(daemon.whep_url("cam"), daemon.token) as watcher:
            await until(lambda: watcher.video.frames, "a picture")
            took.append(watcher.picture_at - watcher.posted_at)
    took.sort()
    assert statistics.median(took) <= USUAL_SECONDS, took
    if is_quiet:
        assert took[math.ceil(0.95 * JOINS) - 1] <= PICTURE_SECONDS, took


async def test_flashes_and_beeps_are_together_right_after_the_burst(
    daemon: Daemon, sparse: Path
) -> None:
    await daemon.add(inputs.config("cam", inputs.read(sparse, "-re")))
    await daemon.until_live("cam")
    async with Watcher(daemon.whep_url("cam"), daemon.token) as watcher:
        await until(
            lambda: (
                len([mark for mark in watcher.video.marks if mark > BURST_SECONDS]) > 2
                and len(watcher.audio.marks) > 2
            ),
            "flashes and beeps",
        )
        skipped = len([mark for mark in watcher.video.marks if mark <= BURST_SECONDS])
        offsets = watcher.offsets(skipped)[:2]
    assert max(map(abs, offsets)) < LIP_SYNC_SECONDS, offsets
    assert watcher.video.steps_back == watcher.audio.steps_back == 0


def keyframes(viewer: Viewer) -> list[int]:
    """Give the timestamps at which key frames begin, each once."""
    return list(
        dict.fromkeys(
            packet.timestamp
            for packet in viewer.packets
            if packet.payload_type == 102 and h264.is_keyframe_start(packet.payload)
        )
    )


@asynccontextmanager
async def watch(daemon: Daemon, process_id: str = "cam") -> AsyncIterator[Player]:
    """Let a viewer in that decodes nothing."""
    async with Player() as player:
        answer = await daemon.call(
            "POST",
            whep_path(process_id),
            content=player.viewer.offer(),
            headers={"Content-Type": "application/sdp"},
        )
        assert answer.status_code == 201, answer.text
        player.play(answer.text)
        yield player


def pictures(viewer: Viewer) -> list[int]:
    """Give the timestamps of all pictures."""
    return list(
        dict.fromkeys(one.timestamp for one in viewer.packets if one.payload_type == 102)
    )


def steps(viewer: Viewer) -> list[int]:
    """Give the ticks from each picture to the next."""
    return [(now - last) & 0xFFFFFFFF for last, now in itertools.pairwise(pictures(viewer))]


async def test_what_a_viewer_gets_at_once_is_chosen_for_each_process(
    daemon: Daemon, sparse: Path
) -> None:
    modes = ("off", "keyframe")
    for mode in (*modes, "gop"):
        webrtc = {"enabled": True, "instant_start": mode}
        await daemon.add(inputs.config(mode, inputs.read(sparse, "-re"), webrtc=webrtc))
    for mode in (*modes, "gop"):
        await daemon.until_live(mode)
    async with AsyncExitStack() as stack:
        players = {mode: await stack.enter_async_context(watch(daemon, mode)) for mode in modes}
        for player in players.values():
            await player.until(partial(has_pictures, player.viewer))
    found = {mode: player.viewer for mode, player in players.items()}
    live_step = 90_000 // FPS
    assert min(steps(found["off"])) > live_step / 2, "something came squeezed together"
    # a still, then nothing up to the source's next key frame
    assert len(keyframes(found["keyframe"])) >= 2
    assert pictures(found["keyframe"])[:2] == keyframes(found["keyframe"])[:2]

    async def is_squeezed() -> bool:
        """Join; where a group has begun only just now, there is nothing to squeeze yet."""
        async with watch(daemon, "gop") as player:
            await player.until(partial(has_pictures, player.viewer))
        return min(steps(player.viewer)) < live_step / 2

    await until(is_squeezed, "pictures come squeezed together")


def has_pictures(viewer: Viewer) -> bool:
    return len(pictures(viewer)) >= FPS // 2


@pytest.mark.soak
@pytest.mark.timeout(180)
async def test_a_group_beyond_the_bounds_is_waited_out_and_the_api_says_so(
    daemon: Daemon, ffmpeg_binary: Path, tmp_path: Path
) -> None:
    film = inputs.make_sparse(ffmpeg_binary, tmp_path / "film.mp4", 14)
    await daemon.add(inputs.config("cam", inputs.read(film, "-re")))
    await daemon.until_live("cam")

    async def is_told() -> str:
        return str((await daemon.whep("cam"))["instant_start"]["reason"])

    reason = await until(
        is_told,
        "the API says so",
    )
    assert "apart" in reason
    async with watch(daemon) as player:
        await player.until(lambda: steps(player.viewer))
        assert min(steps(player.viewer)) > 90_000 / FPS / 2


async def test_a_request_for_a_key_frame_is_answered_from_the_cache(
    daemon: Daemon, sparse: Path, is_quiet: bool
) -> None:
    await daemon.add(inputs.config("cam", inputs.read(sparse, "-re")))
    await daemon.until_live("cam")
    async with watch(daemon) as player:
        await player.until(lambda: keyframes(player.viewer))
        await asyncio.sleep(2 * PLI_INTERVAL)  # what comes at once at the join is over
        media = next(one for one in player.viewer.packets if one.payload_type == 102)

        seen = len(keyframes(player.viewer))
        asked = time.monotonic()
        player.send(player.viewer.pli(media.ssrc))
        await player.until(lambda: len(keyframes(player.viewer)) > seen)
        assert time.monotonic() - asked < PLI_SECONDS or not is_quiet

        seen = len(keyframes(player.viewer))
        begin = time.monotonic()
        while (elapsed := time.monotonic() - begin) < 4 * PLI_INTERVAL:
            player.send(player.viewer.pli(media.ssrc))
            await asyncio.sleep(0.02)
        # one an interval, and perhaps one of the source's own
        assert 2 <= len(keyframes(player.viewer)) - seen <= elapsed / PLI_INTERVAL + 2
    assert player.viewer.refused == 0
    assert max(steps(player.viewer)) < 1 << 31, "a timestamp went back"
