"""Lifecycle: legs that can't be, tracks that change, inputs that lie; the process goes on."""

import asyncio
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from daemon.errors import (
    LimitError,
    NegotiationError,
    NotFoundError,
    NotReadyError,
    SdpError,
)
from daemon.ffmpeg.probe import Probe
from daemon.restream.config import ConfigIO, ProcessId
from daemon.restream.state import Exec
from daemon.rtc import h264
from daemon.webrtc import lifecycle
from daemon.webrtc.registry import Limits, ViewerInfo
from daemon.webrtc.subsystem import Settings
from tests.e2e import inputs
from tests.fakes.player import Player
from tests.fakes.viewer import Viewer
from tests.integration.webrtc.conftest import PICTURE, Stage, open_stage, test_picture, until

pytestmark = [pytest.mark.ffmpeg, pytest.mark.slow]
ME = ViewerInfo(address="127.0.0.1")
LAVFI = ("-re", "-f", "lavfi")


def only_picture() -> tuple[ConfigIO, ...]:
    return (ConfigIO("picture", PICTURE, LAVFI),)


async def until_running(stage: Stage, name: str) -> None:
    process = stage.restreamer.get(ProcessId(name))
    await until(lambda: process.state().exec is Exec.RUNNING)


async def test_a_process_without_video_serves_audio_alone(stage: Stage) -> None:
    tone = ConfigIO("tone", "sine=frequency=440", LAVFI)
    await stage.add("radio", test_picture("radio", input=(tone,)))
    await stage.until_live("radio")
    async with Player() as player:
        subscription = await stage.webrtc.subscribe("radio", player.viewer.offer(), ME)
        assert "m=video 0 " in subscription.answer
        player.play(subscription.answer)
        await player.until(lambda: len(player.viewer.packets) > 20)
        assert {packet.payload_type for packet in player.viewer.packets} == {111}


async def test_a_viewer_that_asks_for_video_only_gets_no_audio(stage: Stage) -> None:
    await stage.add("cam")
    await stage.until_live("cam")
    async with Player(Viewer(kinds=("video",))) as player:
        player.play((await stage.webrtc.subscribe("cam", player.viewer.offer(), ME)).answer)
        await player.until(lambda: len(player.viewer.packets) > 20)
        assert {packet.payload_type for packet in player.viewer.packets} == {102}


async def test_an_input_without_pictures_or_sound_runs_and_says_why(
    stage: Stage, tmp_path: Path
) -> None:
    text = tmp_path / "words.srt"
    text.write_text("1\n00:00:00,000 --> 01:00:00,000\nhello\n")
    output = (ConfigIO("out", str(tmp_path / "out.srt"), ("-c", "copy", "-y")),)
    config = test_picture(
        "words",
        input=(ConfigIO("in", str(text), ("-re",)),),
        output=output,
        reconnect_delay_seconds=60,
    )
    await stage.add("words", config)
    await until((tmp_path / "out.srt").exists)
    with pytest.raises(NotReadyError) as caught:
        await stage.webrtc.subscribe("words", Viewer().offer(), ME)
    assert caught.value.reason == "no-legs"
    assert stage.webrtc.process_state("words")["state"] == "failed"


async def test_legs_that_make_ffmpeg_fail_are_left_out_and_other_outputs_go_on(
    tmp_path: Path,
) -> None:
    lacking = tmp_path / "ffmpeg"  # an FFmpeg that was built without an encoder
    lacking.write_text(
        "#!/bin/sh\n"
        'case "$*" in *libx264*) echo "Unknown encoder \'libx264\'" >&2; exit 1;; esac\n'
        'exec ffmpeg "$@"\n'
    )
    lacking.chmod(0o755)
    recording = tmp_path / "out.mkv"
    config = test_picture(
        "cam",
        output=(ConfigIO("file", str(recording), ("-c:v", "mpeg4", "-y")),),
        reconnect=False,
    )
    settings = Settings(enable=True, public_ip="127.0.0.1")
    async with open_stage(tmp_path, settings, lacking) as stage:
        await stage.add("cam", config)
        await until(lambda: recording.exists() and recording.stat().st_size > 100_000)
        described = stage.webrtc.process_state("cam")
        assert described["state"] == "failed"
        assert "without" in described["reason"]


async def test_the_end_of_an_ffmpeg_that_nothing_starts_again_ends_its_viewers(
    stage: Stage,
) -> None:
    await stage.add("cam", test_picture("cam", input=only_picture(), reconnect=False))
    await stage.until_live("cam")
    async with Player() as player:
        player.play((await stage.webrtc.subscribe("cam", player.viewer.offer(), ME)).answer)
        await player.until(lambda: player.viewer.is_connected)
        psutil.Process(stage.restreamer.get(ProcessId("cam")).state().pid).terminate()
        await player.until(lambda: player.viewer.is_closed)
    with pytest.raises(NotFoundError):
        await stage.webrtc.subscribe("cam", Viewer().offer(), ME)


async def test_the_id_of_a_renamed_process_is_free_when_its_ffmpeg_is_gone(
    stage: Stage,
) -> None:
    await stage.add("cam")
    await stage.until_live("cam")
    old = stage.restreamer.get(ProcessId("cam"))
    pid = old.state().pid
    await stage.restreamer.update(ProcessId("cam"), test_picture("moved"))
    await stage.add("cam")
    assert pid not in psutil.pids()
    await stage.until_live("cam")
    await stage.until_live("moved")


async def test_a_name_that_is_looked_up_while_settings_change_is_forgotten(
    stage: Stage,
) -> None:
    limits = stage.webrtc.registry.limits
    async with asyncio.TaskGroup() as group:
        group.create_task(
            stage.webrtc.reconfigure(Settings(enable=True, public_ip="localhost"), limits)
        )
        await asyncio.sleep(0)
        group.create_task(stage.webrtc.reconfigure(Settings(enable=False), limits))
    assert stage.webrtc.state()["enabled"] is False
    assert stage.webrtc.mux is None


async def test_viewers_negotiate_anew_when_a_track_appears(stage: Stage) -> None:
    await stage.add("cam", test_picture("cam", input=only_picture()))
    await stage.until_live("cam")
    async with Player() as player:
        player.play((await stage.webrtc.subscribe("cam", player.viewer.offer(), ME)).answer)
        await player.until(lambda: player.viewer.packets)
        await stage.restreamer.update(ProcessId("cam"), test_picture("cam"))
        await player.until(lambda: player.viewer.is_closed)


async def test_a_change_of_size_is_a_freeze_and_not_an_end(stage: Stage) -> None:
    await stage.add("cam", test_picture("cam", input=only_picture()))
    await stage.until_live("cam")
    async with Player(Viewer(kinds=("video",))) as player:
        player.play((await stage.webrtc.subscribe("cam", player.viewer.offer(), ME)).answer)
        await player.until(lambda: player.viewer.packets)
        other = ConfigIO("picture", "testsrc2=size=640x360:rate=25", LAVFI)
        await stage.restreamer.update(ProcessId("cam"), test_picture("cam", input=(other,)))
        await until_running(stage, "cam")
        seen = len(player.viewer.packets)
        await player.until(lambda: len(player.viewer.packets) > seen + 20)
        assert not player.viewer.is_closed


async def test_before_media_flows_a_viewer_is_asked_to_come_back(stage: Stage) -> None:
    silent = ConfigIO("in", "udp://127.0.0.1:9?timeout=1000000", ())
    await stage.add("cam", test_picture("cam", input=(silent,)))
    await until(lambda: "cam" in stage.webrtc.registry.sources)
    with pytest.raises(NotReadyError) as caught:
        await stage.webrtc.subscribe("cam", Viewer().offer(), ME)
    assert caught.value.retry_after > 0


async def test_a_viewer_never_reads_the_password_of_an_input(stage: Stage) -> None:
    address = "rtsp://bob:SECRETPW@127.0.0.1:9/s?token=SECRETTOK"
    camera = ConfigIO("in", address, ("-rtsp_transport", "tcp"))
    await stage.add("cam", test_picture("cam", input=(camera,), reconnect_delay_seconds=60))
    sources = stage.webrtc.registry.sources
    await until(lambda: "cam" in sources and sources[ProcessId("cam")].problem)
    with pytest.raises(NotReadyError) as caught:
        await stage.webrtc.subscribe("cam", Viewer().offer(), ME)
    said = caught.value.message + str(stage.webrtc.process_state("cam"))
    assert "SECRET" not in said
    assert "127.0.0.1" in said


async def test_offers_that_can_not_be_served_leave_nothing_behind(stage: Stage) -> None:
    await stage.add("cam")
    await stage.until_live("cam")
    good = Viewer().offer()
    with pytest.raises(SdpError):
        await stage.webrtc.subscribe("cam", "nonsense", ME)
    with pytest.raises(NegotiationError) as caught:
        await stage.webrtc.subscribe("cam", good.replace("H264", "AV1"), ME)
    assert caught.value.reason == "no-common-codec"
    with pytest.raises(NegotiationError):
        await stage.webrtc.subscribe("cam", good.replace("actpass", "passive"), ME)
    assert stage.webrtc.registry.viewers == {}


async def test_abandoned_offers_are_given_back_and_counted_until_then(tmp_path: Path) -> None:
    settings = Settings(enable=True, public_ip="127.0.0.1")
    async with open_stage(tmp_path, settings) as stage:
        stage.webrtc.registry.limits = Limits(pending_per_address=2)
        await stage.add("cam")
        await stage.until_live("cam")
        for _ in range(2):
            await stage.webrtc.subscribe("cam", Viewer().offer(), ME)
        with pytest.raises(LimitError):
            await stage.webrtc.subscribe("cam", Viewer().offer(), ME)
        await until(lambda: not stage.webrtc.registry.viewers)
        assert stage.webrtc.mux is not None
        assert stage.webrtc.mux._timers == {}
        assert stage.webrtc.mux._by_ufrag == {}


async def test_a_name_that_can_not_be_resolved_leaves_webrtc_off(tmp_path: Path) -> None:
    settings = Settings(enable=True, public_ip="no-such-host.invalid")
    async with open_stage(tmp_path, settings) as stage:
        await stage.add("cam")
        await stage.until_live("cam")
        assert "no-such-host.invalid" in stage.webrtc.state()["reason"]


async def test_switching_the_subsystem_off_and_on_again(stage: Stage) -> None:
    await stage.add("cam")
    await stage.until_live("cam")
    limits = stage.webrtc.registry.limits
    await stage.webrtc.reconfigure(Settings(enable=False), limits)
    assert stage.webrtc.state()["enabled"] is False
    await stage.webrtc.reconfigure(Settings(enable=True, public_ip="127.0.0.1"), limits)
    async with Player() as player:
        player.play((await stage.webrtc.subscribe("cam", player.viewer.offer(), ME)).answer)
        await player.until(lambda: player.viewer.packets)


async def make_clip(path: Path, *encoder: str) -> None:
    make = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"{PICTURE}:duration=3"]
    make += ["-f", "lavfi", "-i", "sine=duration=3", "-c:a", "aac", "-c:v", "libx264"]
    await asyncio.to_thread(subprocess.check_call, [*make, *encoder, "-y", str(path)])


def plan_of(stage: Stage, name: str) -> dict[str, tuple[str, list[str]]]:
    """Give action and reason codes by kind."""
    return {
        track["kind"]: (track["action"], [reason["code"] for reason in track["reasons"]])
        for track in stage.webrtc.process_state(name)["plan"]
    }


async def test_b_frames_and_aac_are_encoded(stage: Stage, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    await make_clip(clip, "-profile:v", "high", "-bf", "2")
    looped = ConfigIO("clip", str(clip), ("-re", "-stream_loop", "-1"))
    await stage.add("cam", test_picture("cam", input=(looped,)))
    await stage.until_live("cam")
    plan = plan_of(stage, "cam")
    assert plan["video"] == ("encode", ["b-frames"])
    assert plan["audio"] == ("encode", ["codec"])


async def test_a_copy_from_a_file_carries_its_parameter_sets(
    stage: Stage, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    await make_clip(clip, "-profile:v", "baseline", "-pix_fmt", "yuv420p", "-g", "15")
    once = ConfigIO("clip", str(clip), ("-re",))
    await stage.add("cam", test_picture("cam", input=(once,)))
    await stage.until_live("cam")
    assert plan_of(stage, "cam")["video"][0] == "copy"
    async with Player(Viewer(kinds=("video",))) as player:
        player.play((await stage.webrtc.subscribe("cam", player.viewer.offer(), ME)).answer)
        await player.until(lambda: player.viewer.packets)
        assert h264.find_sps(h264.nal_units([player.viewer.packets[0].payload])) is not None


async def test_a_repeated_file_goes_on_after_its_end(stage: Stage, tmp_path: Path) -> None:
    stage.webrtc.hooks.breaks_loops = True  # as core finds out for FFmpeg 5.1
    clip = tmp_path / "clip.mp4"
    await make_clip(clip, "-profile:v", "baseline", "-pix_fmt", "yuv420p", "-t", "1")
    looped = ConfigIO("clip", str(clip), ("-re", "-stream_loop", "-1"))
    await stage.add("cam", test_picture("cam", input=(looped,)))
    await stage.until_live("cam")
    assert plan_of(stage, "cam")["video"] == ("encode", ["looped-input"])
    async with Player(Viewer(kinds=("video",))) as player:
        player.play((await stage.webrtc.subscribe("cam", player.viewer.offer(), ME)).answer)
        await player.until(lambda: frames(player.viewer) > 75)  # more than two rounds


def frames(viewer: Viewer) -> int:
    return sum(packet.marker for packet in viewer.packets)


@pytest.mark.parametrize("reconnects", [True, False])
async def test_an_input_whose_data_comes_late_gets_its_legs_then(
    stage: Stage,
    unused_udp_port: int,
    monkeypatch: pytest.MonkeyPatch,
    *,
    reconnects: bool,
) -> None:
    """FFmpeg is started again for that; not where the user wants it to run only once."""
    monkeypatch.setattr(lifecycle, "PROBE_SECONDS", 4.0)
    pushed = ConfigIO(
        "in", f"udp://127.0.0.1:{unused_udp_port}", ("-analyzeduration", "1500000")
    )
    await stage.add("cam", test_picture("cam", input=(pushed,), reconnect=reconnects))
    await until_running(stage, "cam")
    source = stage.webrtc.registry.sources[ProcessId("cam")]
    assert source.problem.startswith("no data within 4 s")
    process = stage.restreamer.get(ProcessId("cam"))
    with inputs.push(Path("ffmpeg"), unused_udp_port):
        if reconnects:
            await stage.until_live("cam")
            assert process.state().restarts == 0  # ordered, so no failure is counted
            assert plan_of(stage, "cam")["video"] == ("copy", ["compatible"])
        else:
            await until(lambda: process.state().progress.frame > 10)
            assert source.problem.endswith("restart the process once the input is there")


async def test_another_profile_and_size_keep_the_session_and_later_answers_name_it(
    stage: Stage, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.ts", tmp_path / "second.ts"
    await make_clip(first, "-profile:v", "high", "-bf", "0", "-pix_fmt", "yuv420p", "-g", "15")
    small = ("-vf", "scale=160:90", "-profile:v", "main", "-bf", "0", "-pix_fmt", "yuv420p")
    await make_clip(second, *small, "-g", "15")
    clip = ConfigIO("clip", str(first), ("-re", "-stream_loop", "-1"))
    await stage.add("cam", test_picture("cam", input=(clip,)))
    await stage.until_live("cam")
    source = stage.webrtc.registry.sources[ProcessId("cam")]
    async with Player(Viewer(kinds=("video",))) as player:
        player.play((await stage.webrtc.subscribe("cam", player.viewer.offer(), ME)).answer)
        await player.until(lambda: frames(player.viewer) > 5)
        other = ConfigIO("clip", str(second), ("-re", "-stream_loop", "-1"))
        await stage.restreamer.update(ProcessId("cam"), test_picture("cam", input=(other,)))
        await until(lambda: sizes(player.viewer)[-1:] == [(160, 90)])
        assert source.tracks[0].profile_level_id is not None
        assert source.tracks[0].profile_level_id.startswith("4d")
        assert len(stage.webrtc.registry.viewers_of("cam")) == 1


async def test_b_frames_that_the_probe_missed_are_left_out_and_encoded_from_then_on(
    stage: Stage, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.ts"
    await make_clip(clip, "-profile:v", "high", "-bf", "2", "-pix_fmt", "yuv420p", "-g", "15")
    honest = stage.webrtc.hooks._prober

    async def look(arguments: Sequence[str], seconds: float) -> Probe:
        found = await honest(arguments, seconds)
        streams = (replace(stream, has_b_frames=False) for stream in found.streams)
        return replace(found, streams=tuple(streams))

    stage.webrtc.hooks._prober = look
    looped = ConfigIO("clip", str(clip), ("-re", "-stream_loop", "-1"))
    await stage.add("cam", test_picture("cam", input=(looped,)))
    await stage.until_live("cam")
    source = stage.webrtc.registry.sources[ProcessId("cam")]
    assert plan_of(stage, "cam")["video"] == ("copy", ["compatible"])
    async with Player(Viewer(kinds=("video",))) as player:
        player.play((await stage.webrtc.subscribe("cam", player.viewer.offer(), ME)).answer)
        await until(lambda: source.has_b_frames)
        await player.until(lambda: frames(player.viewer) > 15)
        times = [packet.timestamp for packet in player.viewer.packets]
        steps = [(later - earlier) & 0xFFFFFFFF for earlier, later in pairwise(times)]
        assert max(steps) < 1 << 31
        assert "B-frames" in stage.webrtc.process_state("cam")["reason"]
        await stage.restreamer.command(ProcessId("cam"), "restart")
        await until(lambda: plan_of(stage, "cam")["video"] == ("encode", ["b-frames"]))


def sizes(viewer: Viewer) -> list[tuple[int, int]]:
    found = [h264.find_sps(h264.nal_units([packet.payload])) for packet in viewer.packets]
    return [(sps.width, sps.height) for sps in found if sps is not None]
