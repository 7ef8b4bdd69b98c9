"""A viewer whose path is too narrow: what it loses, what others lose, and how it comes back."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from daemon.rtc import h264, rtp
from tests.e2e import inputs
from tests.e2e.daemon import Daemon
from tests.fakes.link import Path
from tests.fakes.player import Player
from tests.fakes.relay import Relay

pytestmark = [pytest.mark.ffmpeg, pytest.mark.slow]
NARROW = Path(delay=0.01, rate=75_000, queue_bytes=20_000)  # the picture has about 500 kbit/s
WATCHED = 75  # frames
FPS = 25


@asynccontextmanager
async def watch(daemon: Daemon, relay: Relay | None = None) -> AsyncIterator[Player]:
    """Let a viewer in, and wait for its first key frame."""
    async with Player() as player:
        answer = await daemon.call(
            "POST",
            "/api/v3/process/cam/whep",
            content=player.viewer.offer(),
            headers={"Content-Type": "application/sdp"},
        )
        assert answer.status_code == 201, answer.text
        player.play(relay.through(answer.text) if relay is not None else answer.text)
        await player.until(lambda: whole_frames(video(player)))
        yield player


def video(player: Player) -> list[rtp.Packet]:
    return [one for one in player.viewer.packets if one.payload_type == 102]


def whole_frames(packets: list[rtp.Packet]) -> int:
    """Count frames that came from their first packet to their last without a hole."""
    found, last, is_whole = 0, None, False
    for packet in packets:
        follows = last is not None and packet.sequence == (last.sequence + 1) & 0xFFFF
        is_new = last is None or packet.timestamp != last.timestamp
        is_whole = (is_new and (follows or h264.is_keyframe_start(packet.payload))) or (
            is_whole and follows
        )
        found += packet.marker and is_whole
        last = packet
    return found


def marked(packets: list[rtp.Packet]) -> int:
    """Count frames by their last packets."""
    return sum(packet.marker for packet in packets)


def holes(packets: list[rtp.Packet]) -> int:
    """Count numbers that are missing."""
    return sum(
        (now.sequence - last.sequence - 1) & 0xFFFF for last, now in itertools.pairwise(packets)
    )


async def test_a_narrow_path_costs_its_own_viewer_only(daemon: Daemon) -> None:
    await daemon.add(inputs.test_picture("cam"))
    await daemon.until_live("cam")
    async with Relay(seed=4) as relay, watch(daemon) as other, watch(daemon, relay) as slow:
        relay.worsen(down=NARROW)
        begin, begin_slow = len(video(other)), len(video(slow))
        await other.until(lambda: marked(video(other)[begin:]) >= WATCHED)
        (lane,) = relay.lanes.values()
        assert lane.down.overflowed > 0, "the path was wide enough"
        seen = video(other)[begin:]
        assert holes(seen) == 0
        assert whole_frames(seen) >= marked(seen) - 1  # the first may have begun before
        assert len(video(slow)[begin_slow:]) < len(seen) / 2

        relay.worsen(down=Path())
        begin_slow = len(video(slow))
        await slow.until(lambda: whole_frames(video(slow)[begin_slow:]) >= FPS)
        states = [one["state"] for one in (await daemon.whep("cam"))["viewers"]]
        assert states == ["connected", "connected"]
    assert other.viewer.refused == slow.viewer.refused == 0
