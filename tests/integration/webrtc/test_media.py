"""From FFmpeg to a viewer: real FFmpeg, real sockets, a viewer with libsrtp."""

import itertools
import os
import random
import signal
import socket
from dataclasses import replace
from pathlib import Path
from unittest.mock import ANY

import av
import pytest

from daemon.errors import NotFoundError, NotReadyError
from daemon.ffmpeg import picture
from daemon.restream.config import ConfigIO, ConfigWebRTC, ProcessId
from daemon.rtc import h264, rtcp
from daemon.session import Collector
from daemon.webrtc.registry import ViewerInfo
from daemon.webrtc.statistics import Statistics
from daemon.webrtc.subsystem import Settings
from tests.conformance.openapi import fit
from tests.fakes.player import Player
from tests.fakes.viewer import Viewer
from tests.integration.webrtc.conftest import TONE, Stage, open_stage, test_picture, until

pytestmark = [pytest.mark.ffmpeg, pytest.mark.slow]
ME = ViewerInfo(address="127.0.0.1", user_agent="test")


async def join(stage: Stage, name: str, player: Player) -> str:
    subscription = await stage.webrtc.subscribe(name, player.viewer.offer(), ME)
    player.play(subscription.answer)
    return subscription.peer_id


async def test_a_viewer_gets_picture_and_tone(stage: Stage) -> None:
    await stage.add("cam")
    await stage.until_live("cam")
    async with Player() as player:
        await join(stage, "cam", player)
        viewer = player.viewer
        await player.until(lambda: len(viewer.packets) > 200)
        kinds = {packet.payload_type for packet in viewer.packets}
        assert kinds == {102, 111}
        video = [packet for packet in viewer.packets if packet.payload_type == 102]
        assert h264.is_keyframe_start(video[0].payload)
        numbers = [packet.sequence for packet in video]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert viewer.refused == 0
        fit("WhepStatus", stage.webrtc.process_state("cam"))
        fit("WebRTCState", stage.webrtc.state())


async def test_a_killed_ffmpeg_is_a_freeze_and_not_an_end(stage: Stage) -> None:
    await stage.add("cam")
    await stage.until_live("cam")
    async with Player() as player:
        await join(stage, "cam", player)
        viewer = player.viewer
        await player.until(lambda: len(viewer.packets) > 100)
        source = stage.webrtc.registry.source("cam")
        pid = stage.restreamer.get(ProcessId("cam")).state().pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await player.until(lambda: not source.is_running)
        seen = len(viewer.packets)
        await player.until(lambda: len(viewer.packets) > seen + 100)
        assert stage.restreamer.get(ProcessId("cam")).state().pid != pid
        for payload_type in (102, 111):
            track = [one for one in viewer.packets if one.payload_type == payload_type]
            steps = [
                (after.timestamp - before.timestamp) & 0xFFFFFFFF
                for before, after in itertools.pairwise(track)
            ]
            assert all(step < 30 * 90_000 for step in steps), "a timestamp went back"
            numbers = [one.sequence for one in track]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            assert len({one.ssrc for one in track}) == 1
        assert viewer.refused == 0


async def test_stopping_the_process_says_goodbye_at_once(stage: Stage) -> None:
    await stage.add("cam")
    await stage.until_live("cam")
    async with Player() as player:
        await join(stage, "cam", player)
        await player.until(lambda: player.viewer.packets)
        await stage.restreamer.command(ProcessId("cam"), "stop")
        await player.until(lambda: player.viewer.is_closed)
        with pytest.raises(NotFoundError):
            await stage.webrtc.subscribe("cam", player.viewer.offer(), ME)
    assert stage.webrtc.registry.viewers == {}


async def test_switching_webrtc_off_ends_viewers_and_leaves_the_process(stage: Stage) -> None:
    await stage.add("cam")
    await stage.until_live("cam")
    async with Player() as player:
        await join(stage, "cam", player)
        await player.until(lambda: player.viewer.packets)
        config = stage.restreamer.get(ProcessId("cam")).config
        await stage.restreamer.update(
            ProcessId("cam"), replace(config, webrtc=ConfigWebRTC(enabled=False))
        )
        await player.until(lambda: player.viewer.is_closed)
        with pytest.raises(NotFoundError):
            await stage.webrtc.subscribe("cam", player.viewer.offer(), ME)
    command = stage.restreamer.get(ProcessId("cam")).state().command
    assert not [word for word in command if "udp://127.0.0.1" in word]


async def test_lost_packets_are_repaired_when_asked_for(stage: Stage) -> None:
    await stage.add("cam")
    await stage.until_live("cam")
    async with Player() as player:
        await join(stage, "cam", player)
        viewer = player.viewer
        await player.until(lambda: len(viewer.packets) > 50)
        dice = random.Random(1)
        asked: set[int] = set()

        def is_lost(data: bytes) -> bool:
            is_video = len(data) > 12 and data[1] & 127 == 102
            lost = is_video and dice.random() < 0.05
            if lost:
                asked.add(int.from_bytes(data[2:4], "big"))
                player.send(viewer.nack(int.from_bytes(data[8:12], "big"), *asked))
            return lost

        player.loss = is_lost
        await player.until(lambda: len(asked) > 10)
        player.loss = lambda _: False
        await player.until(
            lambda: asked <= {one.sequence for one in viewer.packets if one.payload_type == 102}
        )


async def test_audio_and_video_share_one_clock_in_the_sender_reports(
    stage: Stage, is_quiet: bool
) -> None:
    await stage.add("cam")
    await stage.until_live("cam")
    async with Player() as player:
        await join(stage, "cam", player)
        viewer = player.viewer
        await player.until(lambda: len({one.ssrc for one in reports(viewer)}) == 2)
        rates = {
            packet.ssrc: 90_000 if packet.payload_type == 102 else 48_000
            for packet in viewer.packets
        }
        await player.until(lambda: len(reports(viewer)) >= 4)
        now = reports(viewer)
        for ssrc, rate in rates.items():
            own = [one for one in now if one.ssrc == ssrc]
            wall = (own[-1].ntp - own[0].ntp) / 2**32
            line = (own[-1].rtp_timestamp - own[0].rtp_timestamp) / rate
            # the line follows the source's clock, which a busy machine holds up for a while
            assert line == pytest.approx(wall, abs=0.02 if is_quiet else wall / 3)


async def test_a_viewer_who_left_is_gone_at_once(stage: Stage) -> None:
    await stage.add("cam")
    await stage.until_live("cam")
    async with Player() as player:
        peer_id = await join(stage, "cam", player)
        await player.until(lambda: player.viewer.packets)
        assert stage.webrtc.unsubscribe("cam", peer_id)
        assert not stage.webrtc.unsubscribe("cam", peer_id)
        await player.until(lambda: player.viewer.is_closed)
    assert stage.webrtc.process_state("cam")["viewers"] == []


async def test_without_segmentation_offload_every_packet_arrives_as_well(
    tmp_path: Path,
) -> None:
    settings = Settings(enable=True, public_ip="127.0.0.1", use_gso=False)
    async with open_stage(tmp_path, settings) as stage:
        await stage.add("cam")
        await stage.until_live("cam")
        async with Player() as player:
            await join(stage, "cam", player)
            await player.until(lambda: len(player.viewer.packets) > 100)
        assert stage.webrtc.state()["gso"] is False


async def test_ipv6_viewers_are_served(tmp_path: Path) -> None:
    settings = Settings(enable=True, nat_1to1_ips=("127.0.0.1", "::1"))
    async with open_stage(tmp_path, settings) as stage:
        await stage.add("cam")
        await stage.until_live("cam")
        async with Player(host="::1") as player:
            await join(stage, "cam", player)
            await player.until(lambda: len(player.viewer.packets) > 20)


async def test_a_taken_port_leaves_webrtc_off_and_the_process_on(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        settings = Settings(enable=True, public_ip="127.0.0.1", udp_mux_port=port)
        async with open_stage(tmp_path, settings) as stage:
            await stage.add("cam")
            await stage.until_live("cam")
            assert str(port) in stage.webrtc.state()["reason"]
            with pytest.raises(NotFoundError, match=str(port)):
                await stage.webrtc.subscribe("cam", Viewer().offer(), ME)


async def test_strangers_datagrams_get_no_answer(stage: Stage) -> None:
    await stage.add("cam")
    await stage.until_live("cam")
    async with Player() as player:
        await join(stage, "cam", player)
        viewer = player.viewer
        await player.until(lambda: viewer.packets)
        port = stage.webrtc.candidates[0].port
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.setblocking(False)
            for data in (b"", b"\x80", bytes(20), b"\x16\xfe\xfd" + bytes(40), bytes(9000)):
                stranger.sendto(data, ("127.0.0.1", port))
            stranger.sendto(viewer.check(pwd="x" * 24), ("127.0.0.1", port))
            seen = len(viewer.packets)
            await player.until(lambda: len(viewer.packets) > seen + 50)
            with pytest.raises(BlockingIOError):
                stranger.recv(2048)


def reports(viewer: Viewer) -> list[rtcp.SenderReport]:
    return [one for one in viewer.reports if isinstance(one, rtcp.SenderReport)]


async def test_the_last_key_frame_is_a_picture(stage: Stage) -> None:
    await stage.add("cam")
    await stage.until_live("cam")
    source = stage.webrtc.registry.source("cam")
    await until(lambda: source.keyframe)
    frame = stage.webrtc.keyframe("cam")
    jpeg = picture.jpeg("h264", h264.annex_b(frame.nals))
    decoder = av.CodecContext.create("mjpeg", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    (shown,) = decoder.decode(av.Packet(jpeg))
    assert (shown.width, shown.height) == (320, 180)
    await until(lambda: source.keyframe is not frame)  # the next one takes its place


async def test_sound_alone_has_no_picture_and_says_so(stage: Stage) -> None:
    tone = ConfigIO("tone", TONE, ("-re", "-f", "lavfi"))
    await stage.add("radio", test_picture("radio", input=(tone,)))
    await stage.until_live("radio")
    with pytest.raises(NotReadyError, match="no video"):
        stage.webrtc.keyframe("radio")


async def test_the_figures_of_a_viewer_are_those_of_what_it_got(stage: Stage) -> None:
    await stage.add("cam")
    await stage.until_live("cam")
    async with Player() as player:
        peer_id = await join(stage, "cam", player)
        viewer = player.viewer
        await player.until(lambda: len(viewer.packets) > 200)
        shown = stage.webrtc.viewer("cam", peer_id)
        assert stage.webrtc.viewers() == [
            shown | {"age_seconds": ANY, "connected_seconds": ANY}
        ]
        assert shown["id"] == peer_id[:8]
        assert shown["packets_sent"] >= 200
        assert shown["codecs"] == {"video": "H264", "audio": "opus"}
        assert 0 < shown["first_rtp_ms"] < 1000 * shown["age_seconds"]
        assert shown["user_agent"] == "test"
        assert stage.webrtc.kick(peer_id[:8])
        assert not stage.webrtc.kick(peer_id[:8])
        await player.until(lambda: viewer.is_closed)
    assert stage.webrtc.viewers() == []
    sums = stage.webrtc.audience.tally("cam")
    assert (sums.viewers, sum(sums.first_rtp)) == (1, 1)
    assert sums.packets >= shown["packets_sent"]
    assert stage.webrtc.audience.ends == {"kicked": 1}


async def test_viewers_are_sessions_of_the_collector(stage: Stage) -> None:
    collector = Collector("webrtc")
    webrtc = stage.webrtc
    counted = Statistics(
        webrtc.registry, webrtc.audience, collector, lambda name: f"ref {name}"
    )
    await stage.add("cam")
    await stage.until_live("cam")
    async with Player() as player:
        peer_id = await join(stage, "cam", player)
        counted.look(1.0, 1_700_000_000.0)
        assert collector.active(1.0) == []  # nothing flows before the handshake is over
        await player.until(lambda: len(player.viewer.packets) > 100)
        counted.look(2.0, 1_700_000_000.0)
        (session,) = collector.active(2.0)
        assert (session.id, session.local) == (peer_id[:8], "cam")
        assert (session.reference, session.remote) == ("ref cam", "127.0.0.1")
        assert session.tx_bytes == webrtc.viewer("cam", peer_id)["bytes_sent"] > 0
        webrtc.unsubscribe("cam", peer_id)
    assert collector.active(2.0) == []
    total = collector.summary.total
    assert (total.sessions, total.tx_bytes) == (1, webrtc.audience.tally("cam").octets)


@pytest.mark.parametrize(
    ("is_counting", "ignored"), [(True, ["127.0.0.0/8"]), (False, [])], ids=["ignored", "off"]
)
async def test_viewers_who_should_not_count_are_not_counted(
    stage: Stage, is_counting: bool, ignored: list[str]
) -> None:
    collector = Collector("webrtc")
    webrtc = stage.webrtc
    counted = Statistics(webrtc.registry, webrtc.audience, collector, str)
    counted.set_up(is_counting=is_counting, ignored=ignored)
    await stage.add("cam")
    await stage.until_live("cam")
    async with Player() as player:
        await join(stage, "cam", player)
        await player.until(lambda: len(player.viewer.packets) > 100)
        counted.look(2.0, 0.0)
        assert collector.active(2.0) == []
