"""A coded frame of a real encoder becomes a JPEG of the right size and colours."""

import shutil
import subprocess

import av
import pytest

from daemon.errors import NotReadyError
from daemon.ffmpeg import picture

pytestmark = [pytest.mark.ffmpeg, pytest.mark.slow]


def coded(source: str, *options: str) -> bytes:
    """Make one intra frame as FFmpeg's libx264 writes it."""
    command = [shutil.which("ffmpeg") or "", "-v", "error", "-f", "lavfi", "-i", source]
    command += ["-frames:v", "1", "-c:v", "libx264", *options, "-f", "h264", "-"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def shown(jpeg: bytes) -> av.VideoFrame:
    """Decode a JPEG as a browser would."""
    decoder = av.CodecContext.create("mjpeg", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    (frame,) = decoder.decode(av.Packet(jpeg))
    return frame


@pytest.mark.parametrize(
    ("size", "options", "width", "height"),
    [
        ("320x180", [], 320, 180),
        ("1920x1080", [], 640, 360),
        ("641x361", ["-pix_fmt", "yuv444p"], 640, 360),
        ("720x576", ["-vf", "setsar=64/45"], 640, 360),  # PAL, wide: pixels are not square
        ("320x180", ["-pix_fmt", "yuv420p10le"], 320, 180),
        ("1280x720", ["-x264-params", "slices=4"], 640, 360),
    ],
)
def test_the_picture_is_scaled_to_at_most_640_square_pixels(
    size: str, options: list[str], width: int, height: int
) -> None:
    frame = shown(picture.jpeg("h264", coded(f"testsrc2=size={size}", *options)))
    assert (frame.width, frame.height) == (width, height)


@pytest.mark.parametrize("color", ["red", "white", "black", "blue"])
def test_colours_survive(color: str) -> None:
    wanted = {"red": (255, 0, 0), "white": (255,) * 3, "black": (0,) * 3, "blue": (0, 0, 255)}
    frame = shown(picture.jpeg("h264", coded(f"color={color}:size=64x64")))
    plane = frame.reformat(format="rgb24").planes[0]
    middle = 32 * plane.line_size + 32 * 3
    got = tuple(bytes(plane)[middle : middle + 3])
    assert all(abs(a - b) < 16 for a, b in zip(got, wanted[color], strict=True)), got


def test_what_is_no_picture_is_refused_in_words() -> None:
    whole = coded("testsrc2=size=320x180")
    for data in (b"", b"\0\0\0\1", b"\0\0\0\1\x65abc", whole[:40], bytes(1000)):
        with pytest.raises(NotReadyError, match="can't be decoded"):
            picture.jpeg("h264", data)
