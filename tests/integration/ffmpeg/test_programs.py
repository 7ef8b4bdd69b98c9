"""What we believe about FFmpeg, asked of the real programs."""

import re
import subprocess
from pathlib import Path

import pytest

from daemon.ffmpeg import binary as binaries
from daemon.ffmpeg import skills
from daemon.ffmpeg.progress import ProgressParser
from daemon.restream.grammar import known
from daemon.restream.policy import FLAGS
from tests import options

pytestmark = [pytest.mark.ffmpeg, pytest.mark.slow]


def run(binary: Path, *arguments: str) -> tuple[bytes, bytes]:
    done = subprocess.run(
        [binary, "-nostdin", *arguments], capture_output=True, timeout=60, check=False
    )
    return done.stdout, done.stderr


@pytest.mark.parametrize("level", ["info", "level+info", "repeat+level+info"])
def test_progress_and_streams_are_read_at_any_log_level(
    binary: Path, media: Path, level: str
) -> None:
    source = str(media / "high.ts")
    stdout, stderr = run(
        *(binary, "-loglevel", level, "-i", source, "-f", "lavfi", "-i", "sine"),
        *("-progress", "pipe:1", "-nostats", "-t", "2", "-map", "0:v", "-c", "copy"),
        *("-f", "mpegts", "-y", "/dev/null", "-map", "1:a", "-t", "2", "-f", "null", "-"),
    )
    parser = ProgressParser(["file", "tone"], ["copy", "null"])
    lines = parser.feed_stderr(stderr) + parser.finish()
    parser.feed_progress(stdout, 1.0)
    now = parser.progress
    assert [(io.id, io.type, io.codec) for io in now.inputs] == [
        ("file", "video", "h264"),
        ("file", "audio", "aac"),
        ("tone", "audio", "pcm_s16le"),
    ]
    assert [(io.id, io.codec, io.coder) for io in now.outputs] == [
        ("copy", "h264", "copy"),
        ("null", "pcm_s16le", "pcm_s16le"),
    ]
    assert now.frame >= 48
    assert now.size_bytes > 1000
    # the newest of all outputs' times: where threads are held up, one runs ahead of another
    assert now.time_seconds == pytest.approx(2.0, abs=1.0)
    assert now.position > 0
    assert not [line for line in lines if "speed=" in line]


def test_sound_alone_makes_progress(binary: Path) -> None:
    stdout, _ = run(
        *(binary, "-f", "lavfi", "-i", "sine", "-t", "1", "-progress", "pipe:1", "-nostats"),
        *("-f", "null", "-"),
    )
    parser = ProgressParser(["tone"], ["null"])
    parser.feed_progress(stdout, 1.0)
    assert parser.progress.time_seconds == pytest.approx(1.0, abs=0.1)
    assert parser.progress.frame == 0
    assert parser.progress.position > 0


def test_no_option_without_argument_is_missing_from_the_table(binary: Path) -> None:
    """Else the word after it would pass as its value, and FFmpeg would write to it."""
    help_text, _ = run(binary, "-hide_banner", "-h", "long")
    own = help_text.decode().partition("AVOptions")[0]
    names = set(re.findall(r"^-([A-Za-z_]\w*)", own, re.MULTILINE))
    assert len(names) > 150
    # These need no run: they are in the table, and some print for long
    bare = {name for name in names - FLAGS if not needs_argument(binary, name)}
    assert bare == set()


def needs_argument(binary: Path, name: str) -> bool:
    _, stderr = run(binary, "-hide_banner", f"-{name}")
    # Listed in the help of some builds, but not known to them
    return b"Missing argument" in stderr or b"Unrecognized option" in stderr


def test_every_option_of_the_program_is_in_the_table_of_the_level_safe(binary: Path) -> None:
    words, texts = options.read(str(binary))
    kinds = known()
    assert not sorted((words | texts) - set(kinds)), "run `python -m tests.options`"
    assert not sorted(name for name in texts if kinds[name] != "texts")


async def test_the_version_is_three_numbers(binary: Path) -> None:
    assert re.fullmatch(r"(5\.1|9\.0)\.\d+", await binaries.version(binary))


async def test_skills_list_what_we_rely_on(binary: Path) -> None:
    found = await skills.read(binary)
    video = {codec.id: codec for codec in found.video_codecs}
    audio = {codec.id: codec for codec in found.audio_codecs}
    assert "libx264" in video["h264"].encoders
    assert "h264" in video["h264"].decoders
    assert "libopus" in audio["opus"].encoders
    assert {"rtp", "hls", "mpegts"} <= {skill.id for skill in found.muxers}
    assert "lavfi" in {skill.id for skill in found.device_demuxers}
    assert "scale" in {skill.id for skill in found.filters}
    assert {"udp", "srt"} <= {skill.id for skill in found.input_protocols}
    assert {"libavcodec", "libavformat"} <= {library.name for library in found.libraries}
    assert found.hwaccels
