"""Inputs: the three that the product promises, a flashing one, and process configs for them."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PICTURE = "testsrc2=size=640x360:rate=25"
TONE = "sine=frequency=440:sample_rate=48000"
FLASH_SECONDS = 0.1
FLASH_FPS = 30
# Each second the picture turns white and a beep sounds, both at the same instant
FLASH = (
    f"color=c=black:s=320x180:r={FLASH_FPS},"
    f"drawbox=c=white:t=fill:enable='lt(mod(t,1),{FLASH_SECONDS})'[out0];"
    f"aevalsrc='0.8*sin(2*PI*1000*t)*lt(mod(t,1),{FLASH_SECONDS})':s=48000[out1]"
)
LAVFI = ("-re", "-f", "lavfi")
NOWHERE = {"id": "none", "address": "-", "options": ["-c", "copy", "-f", "null"]}
Json = dict[str, Any]


def config(process_id: str, *inputs: Json, **values: Any) -> Json:
    """Write a process with WebRTC that is always kept running."""
    return {
        "id": process_id,
        "reference": "e2e",
        "input": list(inputs),
        "output": [NOWHERE],
        "reconnect": True,
        "reconnect_delay_seconds": 0,
        "webrtc": {"enabled": True},
    } | values


def read(address: str | Path, *options: str, name: str = "in") -> Json:
    """Write one input."""
    return {"id": name, "address": str(address), "options": list(options)}


def test_picture(process_id: str, **values: Any) -> Json:
    """Input a: FFmpeg's own picture and tone."""
    picture = read(PICTURE, *LAVFI, name="picture")
    return config(process_id, picture, read(TONE, *LAVFI, name="tone"), **values)


test_picture.__test__ = False  # type: ignore[attr-defined]


def flash(process_id: str, **values: Any) -> Json:
    """Show how well picture and tone keep together."""
    return config(process_id, read(FLASH, *LAVFI), **values)


def film(process_id: str, path: Path, **values: Any) -> Json:
    """Input b: a file in an endless loop, in real time."""
    return config(process_id, read(path, "-re", "-stream_loop", "-1"), **values)


def transport_stream(process_id: str, port: int, **values: Any) -> Json:
    """Input c: what somebody pushes to us."""
    address = f"udp://127.0.0.1:{port}?fifo_size=100000&overrun_nonfatal=1"
    return config(process_id, read(address), **values)


def make_film(ffmpeg: Path, path: Path) -> Path:
    """Encode H.264 High with B-frames, and AAC."""
    command = (
        *(ffmpeg, "-v", "error", "-nostdin", "-f", "lavfi", "-i", PICTURE),
        *("-f", "lavfi", "-i", TONE, "-t", "6", "-pix_fmt", "yuv420p"),
        *("-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high", "-bf", "2"),
        *("-g", "50", "-c:a", "aac", path),
    )
    subprocess.run(command, check=True, timeout=60)
    return path


def make_flash(ffmpeg: Path, path: Path) -> Path:
    """Encode the flashing picture so that its video can be copied to viewers."""
    command = (
        *(ffmpeg, "-v", "error", "-nostdin", "-f", "lavfi", "-i", FLASH, "-t", "40"),
        *("-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast"),
        *("-profile:v", "baseline", "-bf", "0", "-g", "30", "-c:a", "aac", path),
    )
    subprocess.run(command, check=True, timeout=60)
    return path


def make_sparse(ffmpeg: Path, path: Path, gop_seconds: int) -> Path:
    """Encode a minute of the flashes with few key frames; both tracks can be copied."""
    gop = str(gop_seconds * FLASH_FPS)
    command = (
        *(ffmpeg, "-v", "error", "-nostdin", "-f", "lavfi", "-i", FLASH, "-t", "60"),
        *("-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-bf", "0"),
        *("-profile:v", "baseline", "-x264-params", "scenecut=0", "-b:v", "1M"),
        *("-g", gop, "-keyint_min", gop, "-c:a", "libopus", path),
    )
    subprocess.run(command, check=True, timeout=60)
    return path


@contextmanager
def push(ffmpeg: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Send a live MPEG-TS, H.264 baseline without B-frames and AAC, until the end."""
    command = (
        *(ffmpeg, "-v", "error", "-nostdin", "-re", "-f", "lavfi", "-i", PICTURE),
        *("-re", "-f", "lavfi", "-i", TONE, "-pix_fmt", "yuv420p"),
        *("-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency"),
        *("-profile:v", "baseline", "-bf", "0", "-g", "25", "-b:v", "1M", "-c:a", "aac"),
        *("-f", "mpegts", f"udp://127.0.0.1:{port}?pkt_size=1316"),
    )
    sender = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        yield sender
    finally:
        sender.kill()
        sender.wait(5)


def clock(process_id: str) -> Json:
    """Turn white for the first tenth of each second of the wall clock: delay can be seen."""
    picture = (
        "color=c=black:s=320x180:r=50,"
        f"drawbox=c=white:t=fill:enable='lt(mod(time(0),1),{FLASH_SECONDS})'"
    )
    tone = read(TONE, *LAVFI, name="tone")
    return config(process_id, read(picture, *LAVFI, name="clock"), tone)


def stereo(process_id: str) -> Json:
    """Two tones: 440 Hz on the left, 1200 Hz on the right."""
    tones = "aevalsrc='0.3*sin(2*PI*440*t)|0.3*sin(2*PI*1200*t)':s=48000:c=stereo"
    return config(process_id, read(PICTURE, *LAVFI), read(tones, *LAVFI, name="tones"))
