"""Probing real inputs with real FFmpegs."""

import asyncio
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from daemon.ffmpeg.probe import Probe, ProbeStream, _hurried, probe

pytestmark = [pytest.mark.ffmpeg, pytest.mark.slow]
DEADLINE = 60.0  # seconds


async def probe_video(binary: Path, *arguments: str) -> tuple[Probe, ProbeStream]:
    found = await probe(binary, arguments, DEADLINE)
    assert found.error == ""
    return found, next(stream for stream in found.streams if stream.type == "video")


def children() -> set[str]:
    listed = subprocess.run(
        ["ps", "-o", "pid=,comm=", "--ppid", str(os.getpid())],
        capture_output=True,
        text=True,
        check=False,
    )
    return {line.split()[0] for line in listed.stdout.splitlines() if "ffmpeg" in line}


async def test_a_file_with_b_frames_is_described(binary: Path, media: Path) -> None:
    found, video = await probe_video(binary, "-i", str(media / "high.ts"))
    assert (video.codec, video.profile, video.pix_fmt) == ("h264", "High", "yuv420p")
    assert (video.width, video.height, video.fps) == (160, 120, 25.0)
    assert (video.format, video.url) == ("mpegts", str(media / "high.ts"))
    assert video.has_b_frames is True
    audio = found.streams[1]
    assert (audio.type, audio.codec, audio.language) == ("audio", "aac", "deu")
    assert (audio.sampling_hz, audio.layout, audio.channels) == (48000, "stereo", 2)
    assert (audio.has_b_frames, audio.keyframe_interval_seconds) == (None, None)
    assert any("Input #0" in line for line in found.log)


async def test_main_profile_without_b_frames_is_told_from_its_packets(
    binary: Path, media: Path
) -> None:
    _, video = await probe_video(binary, "-i", str(media / "main.mkv"))
    assert video.profile == "Main"
    assert video.has_b_frames is False
    assert video.keyframe_interval_seconds == pytest.approx(1.0, abs=0.01)


async def test_an_endless_file_in_real_time_is_read_briefly(binary: Path, media: Path) -> None:
    started = time.monotonic()
    source = str(media / "main.mkv")
    _, video = await probe_video(binary, "-re", "-stream_loop", "-1", "-i", source)
    assert video.has_b_frames is False
    assert time.monotonic() - started < DEADLINE / 2


async def test_baseline_needs_no_packets(binary: Path, media: Path) -> None:
    source = str(media / "baseline.mp4")
    _, video = await probe_video(binary, "-re", "-stream_loop", "-1", "-i", source)
    assert video.profile == "Constrained Baseline"
    assert (video.has_b_frames, video.keyframe_interval_seconds) == (False, None)


async def test_generated_inputs_have_no_b_frames_to_speak_of(binary: Path) -> None:
    found = await probe(
        binary,
        ["-re", "-f", "lavfi", "-i", "testsrc2=rate=30", "-f", "lavfi", "-i", "sine"],
        DEADLINE,
    )
    assert [(stream.index, stream.stream) for stream in found.streams] == [(0, 0), (1, 0)]
    assert found.streams[0].codec in {"rawvideo", "wrapped_avframe"}
    assert (found.streams[0].fps, found.streams[0].has_b_frames) == (30.0, None)


async def test_sound_alone_is_probed(binary: Path) -> None:
    found = await probe(binary, ["-f", "lavfi", "-i", "sine=sample_rate=44100"], DEADLINE)
    assert [(stream.type, stream.channels) for stream in found.streams] == [("audio", 1)]
    assert found.error == ""


async def test_two_video_inputs_keep_their_own_answers(binary: Path, media: Path) -> None:
    inputs = ["-i", str(media / "main.mkv"), "-i", str(media / "high.ts")]
    found = await probe(binary, inputs, DEADLINE)
    videos = [stream for stream in found.streams if stream.type == "video"]
    assert [(video.index, video.has_b_frames) for video in videos] == [(0, False), (1, True)]


async def test_a_missing_file_is_one_sentence(binary: Path) -> None:
    found = await probe(binary, ["-i", "/nowhere.mp4"], DEADLINE)
    assert found.streams == ()
    assert found.error.endswith("No such file or directory")
    assert "\n" not in found.error
    assert " @ 0x" not in found.error


async def test_a_silent_input_ends_at_the_timeout_and_leaves_nothing(
    binary: Path, unused_udp_port: int
) -> None:
    found = await probe(binary, ["-i", f"udp://127.0.0.1:{unused_udp_port}"], 0.7)
    assert found == Probe((), found.log, "no data within 0.7 s")
    assert children() == set()


async def test_cancelling_kills_the_child(binary: Path, unused_udp_port: int) -> None:
    async def wait_for_child() -> str:
        async with asyncio.timeout(DEADLINE):
            while not (found := children()):  # noqa: ASYNC110 -- ps sends no event
                await asyncio.sleep(0.01)
        return found.pop()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(
            probe(binary, ["-i", f"udp://127.0.0.1:{unused_udp_port}"], 60)
        )
        pid = await wait_for_child()
        task.cancel()
    assert task.cancelled()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), signal.SIGCONT)


async def test_a_program_that_is_gone_is_an_error() -> None:
    found = await probe(Path("/nowhere/ffmpeg"), ["-i", "x"], 5)
    assert found.error == "/nowhere/ffmpeg can't be run: No such file or directory"


@pytest.mark.soak
async def test_a_first_look_is_short_where_nobody_says_how_long(
    binary: Path, media: Path
) -> None:
    """Else FFmpeg takes 5 s for what may announce another stream at any time."""
    started = time.monotonic()
    await probe_video(binary, "-re", "-stream_loop", "-1", "-i", str(media / "high.ts"))
    assert time.monotonic() - started < 4.5


async def test_what_a_first_look_leaves_open_gets_a_second_one(
    binary: Path, late_sets: Path
) -> None:
    _, video = await probe_video(binary, "-re", "-i", str(late_sets))
    assert (video.profile, video.width) == ("High", 160)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("-i a", "-analyzeduration 1500000 -i a"),
        ("-re -i a -i b", "-re -analyzeduration 1500000 -i a -analyzeduration 1500000 -i b"),
        ("-probesize 32 -i a", "-probesize 32 -i a"),
        (
            "-analyzeduration 9 -i a -f lavfi -i b",
            "-analyzeduration 9 -i a -f lavfi -analyzeduration 1500000 -i b",
        ),
    ],
)
def test_what_a_user_sets_is_left_alone(given: str, expected: str) -> None:
    assert _hurried(given.split()) == expected.split()
