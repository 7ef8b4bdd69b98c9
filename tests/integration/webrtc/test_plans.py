"""Inputs of many kinds, by real FFmpegs: what is planned, and what then comes over the legs."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest

from daemon.restream.config import ConfigIO, ConfigWebRTC, ProcessConfig, ProcessId
from daemon.webrtc.source import Source
from daemon.webrtc.subsystem import Settings
from tests.integration.webrtc.conftest import Stage, open_stage, until

pytestmark = [pytest.mark.ffmpeg, pytest.mark.slow]

PICTURE = "testsrc=size={}:rate=25"
TONE = "sine=frequency=440:sample_rate=48000"
SURROUND = "aevalsrc=sin(2*PI*440*t):s=48000:c=5.1"
# name -> picture's size, sound, encoder, what is planned for the picture and for the sound
CLIPS = {
    "hevc10.mkv": (
        "160x120",
        SURROUND,
        "-c:v libx265 -pix_fmt yuv420p10le -x265-params log-level=none -c:a aac",
        (["codec"], ["codec", "channels"]),
    ),
    "fields.ts": (
        "160x120",
        TONE,
        "-c:v mpeg2video -flags +ildct+ilme -c:a mp2",
        (["codec", "interlaced"], ["codec"]),
    ),
    "odd.avi": (
        "161x121",
        TONE,
        "-c:v mjpeg -pix_fmt yuvj444p -c:a pcm_alaw -ar 8000",
        (["codec", "odd-size"], ["g711"]),
    ),
    "open.webm": (
        "160x120",
        TONE,
        "-c:v libvpx-vp9 -pix_fmt yuv420p -deadline realtime -cpu-used 8 -c:a libopus",
        (["codec"], ["compatible"]),
    ),
    "full.mkv": (
        "160x120",
        TONE,
        "-c:v libx264 -preset ultrafast -bf 2 -pix_fmt yuv444p -c:a libmp3lame",
        (["b-frames", "profile", "pixel-format"], ["codec"]),
    ),
    "bare.ts": (
        "160x120",
        TONE,
        "-c:v libx264 -pix_fmt yuv420p -bsf:v filter_units=remove_types=7-8 -c:a aac",
        (["no-parameters"], ["codec"]),
    ),
    "sound.ogg": ("", TONE, "-c:a libopus", (["no-video"], ["compatible"])),
    "plain.mp4": (
        "160x120",
        "",
        "-c:v libx264 -pix_fmt yuv420p -profile:v main -bf 0 -g 250 -t 14",
        (["compatible", "long-gop", "parameter-sets"], ["no-audio"]),
    ),
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("clips")
    for name, (size, sound, options, _) in CLIPS.items():
        inputs = [PICTURE.format(size)] if size else []
        inputs += [sound] if sound else []
        command = ["ffmpeg", "-v", "error", "-nostdin", "-y"]
        for source in inputs:
            command += ["-f", "lavfi", "-i", source]
        command += ["-t", "4", *options.split(), str(directory / name)]
        subprocess.run(command, check=True, timeout=60)
    return directory


def config(path: Path) -> ProcessConfig:
    # FFmpeg 5 can't even throw away a copied picture of unknown size
    whole = () if CLIPS[path.name][-1][0] != ["no-parameters"] else ("-vn",)
    return ProcessConfig(
        id=ProcessId(path.name),
        input=(ConfigIO("in", str(path), ("-re", "-stream_loop", "-1")),),
        output=(ConfigIO("out", "-", (*whole, "-c", "copy", "-f", "null")),),
        reconnect=True,
        webrtc=ConfigWebRTC(enabled=True),
    )


def codes(source: Source, kind: str) -> list[str]:
    assert source.plan is not None
    [track] = [track for track in source.plan.tracks if track.kind == kind]
    return [reason.code for reason in track.reasons if reason.code != "looped-input"]


async def until_all_legs_carry(stage: Stage, name: str) -> Source:
    await stage.until_live(name)
    source = stage.webrtc.registry.sources[ProcessId(name)]
    assert source.plan is not None
    legs = [source.legs[kind] for kind in source.plan.kinds]
    await until(lambda: all(leg.packets > 5 for leg in legs))
    return source


@pytest.mark.parametrize("program", ["debian", "wheel"])
async def test_every_kind_of_input_has_its_plan_and_plays(
    program: str, clips: Path, tmp_path: Path
) -> None:
    binary = Path(imageio_ffmpeg.get_ffmpeg_exe()) if program == "wheel" else None
    settings = Settings(enable=True, public_ip="127.0.0.1")
    async with open_stage(tmp_path, settings, binary) as stage:
        for name in CLIPS:
            await stage.add(name, config(clips / name))
        for name, (*_, planned) in CLIPS.items():
            source = await until_all_legs_carry(stage, name)
            assert (codes(source, "video"), codes(source, "audio")) == planned, name
            profile = "4d40" if name == "plain.mp4" else "42c0"
            for track in source.tracks:  # what the SPS says, not what was hoped for
                if track.kind == "video":
                    assert (track.profile_level_id or "")[:4] == profile, name
