"""Clip: the bench's source, encoded once; the daemon and its peers then only copy it."""

import subprocess
from pathlib import Path

TIMEOUT = 120.0  # seconds, on a slow machine


def make(
    binary: Path, target: Path, bitrate: str, seconds: int, *, slices: int = 2, gop: float = 2.0
) -> None:
    """Write 720p30 constrained baseline, a key frame every ``gop`` seconds, and stereo Opus.

    Two slices a frame are what a live encoder makes on two cores; fixed here, so that machines
    with more cores measure the same.
    """
    frames = round(gop * 30)
    x264 = f"keyint={frames}:min-keyint={frames}:scenecut=0:repeat-headers=1"
    x264 += f":sliced-threads=0:slices={slices}"
    video = ["-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency"]
    video += ["-profile:v", "baseline", "-pix_fmt", "yuv420p", "-x264-params", x264]
    video += ["-b:v", bitrate, "-maxrate", bitrate, "-bufsize", bitrate]
    picture = f"testsrc2=size=1280x720:rate=30:duration={seconds}"
    tone = f"sine=frequency=440:sample_rate=48000:duration={seconds}"
    inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone]
    audio = ["-c:a", "libopus", "-b:a", "64k", "-ac", "2"]
    command = [str(binary), "-v", "error", "-y", *inputs, *video, *audio, str(target)]
    subprocess.run(command, check=True, timeout=TIMEOUT)
