"""The bench runs: two viewers for two seconds, with GSO and without."""

import pytest

from tests.bench.__main__ import run

pytestmark = [pytest.mark.ffmpeg, pytest.mark.slow]


async def test_two_viewers_get_every_packet_with_gso_and_without() -> None:
    rows = await run([2], seconds=2.0, bitrate="1M")
    assert [row.use_gso for row in rows] == [True, False]
    for row in rows:
        assert row.packets / row.seconds > 2 * 80  # 30 frames and 50 packets of audio at least
        assert row.opened > 0
        assert row.refused == 0
        assert row.lost == 0
        assert row.cpu_seconds > 0
        assert 0.5 < row.pace < 1.5
