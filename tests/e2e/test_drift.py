"""Ten minutes of watching: sound, picture and clock stay where they were."""

import asyncio
import time

import pytest

from tests.e2e import inputs
from tests.e2e.daemon import Daemon
from tests.e2e.watcher import RATES, Line, Watcher

pytestmark = [pytest.mark.ffmpeg, pytest.mark.soak]
SECONDS = 600.0
EVERY = 30.0
LIP_SYNC_SECONDS = 0.040
DRIFT_SECONDS = 0.080  # of the media's clock against ours: FFmpeg, `-re`, a busy machine


def media_seconds(line: Line) -> float:
    """How far a track has come since its first packet."""
    assert line.first_timestamp is not None
    assert line.last_timestamp is not None
    return ((line.last_timestamp - line.first_timestamp) & 0xFFFFFFFF) / RATES[line.kind]


@pytest.mark.timeout(SECONDS + 120)
async def test_nothing_drifts_in_ten_minutes(daemon: Daemon) -> None:
    await daemon.add(inputs.flash("cam"))
    await daemon.until_live("cam")
    leads: dict[str, list[float]] = {kind: [] for kind in RATES}
    seen = 0
    async with Watcher(daemon.whep_url("cam"), daemon.token) as watcher:
        await watcher.until_playing()
        begin = time.monotonic()
        while time.monotonic() - begin < SECONDS:
            await asyncio.sleep(EVERY)
            offsets = watcher.offsets(seen)[:-1]
            seen = len(watcher.video.marks) - 1
            assert len(offsets) > EVERY / 2
            assert max(map(abs, offsets)) < LIP_SYNC_SECONDS, offsets
            for kind, line in watcher.lines.items():
                leads[kind].append(media_seconds(line) - (time.monotonic() - begin))
        for line in watcher.lines.values():
            assert line.steps_back == 0
            assert len(line.ssrcs) == 1
        assert watcher.is_connected
    for kind, values in leads.items():
        assert max(values) - min(values) < DRIFT_SECONDS, (kind, values)
