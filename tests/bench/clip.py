"""Clip: the bench's source, encoded once; the daemon then only copies it."""

import subprocess
from pathlib import Path

TIMEOUT = 120.0  # seconds, on a slow machine


def make(binary: Path, target: Path, bitrate: str, seconds: int) -> None:
    """Write 720p30 constrained baseline with a GOP of 2 s, and stereo Opus.

    Two slices a frame are what a live encoder makes on two cores; fixed here, so that machines
    with more cores measure the same.
    """
    x264 = "keyint=60:min-keyint=60:scenecut=0:repeat-headers=1:sliced-threads=0:slices=2"
    video = ["-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency"]
    video += ["-profile:v", "baseline", "-pix_fmt", "yuv420p", "-x264-params", x264]
    video += ["-b:v", bitrate, "-maxrate", bitrate, "-bufsize", bitrate]
    picture = f"testsrc2=size=1280x720:rate=30:duration={seconds}"
    tone = f"sine=frequency=440:sample_rate=48000:duration={seconds}"
    inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone]
    audio = ["-c:a", "libopus", "-b:a", "64k", "-ac", "2"]
    command = [str(binary), "-v", "error", "-y", *inputs, *video, *audio, str(target)]
    subprocess.run(command, check=True, timeout=TIMEOUT)
