"""The FFmpeg to use: the configured one, else that on PATH, else the wheel's (D19)."""

import re
import shutil
from pathlib import Path

import imageio_ffmpeg

from daemon.errors import ConfigError
from daemon.ffmpeg import child

DEFAULT = "ffmpeg"  # what datarhei's configuration says for "look for it"
VERSION_SECONDS = 10.0
_VERSION = re.compile(r"^ffmpeg version (?:[nN]-?|git-)?(\d+(?:\.\d+){1,2})", re.MULTILINE)
# A build from git has no number, but its libavutil tells the release line
_LIBAVUTIL = re.compile(r"^libavutil +(\d+)\.", re.MULTILINE)
_MAJOR_OFFSET = 52  # libavutil 57 came with FFmpeg 5, 58 with 6, 59 with 7, 60 with 8


def find(configured: str) -> Path:
    """Find the program; "" and "ffmpeg" mean: look for it.

    Raises ConfigError, which says what to do.
    """
    if configured.strip() not in {"", DEFAULT}:
        return _find_configured(configured.strip())
    found = shutil.which(DEFAULT)
    return Path(found) if found else _find_in_wheel()


async def version(binary: Path) -> str:
    """Give the version as x.y.z, such as "5.1.9"; "" if it says none.

    Raises OSError if it can't be run.
    """
    return parse_version(await child.read_output(binary, ["-version"], VERSION_SECONDS))


def parse_version(text: str) -> str:
    """Read x.y.z from the output of ``-version``; "" if there is none."""
    if numbered := _VERSION.search(text):
        return ".".join([*numbered[1].split("."), "0"][:3])
    if library := _LIBAVUTIL.search(text):
        return f"{int(library[1]) - _MAJOR_OFFSET}.0.0"
    return ""


def _find_configured(configured: str) -> Path:
    found = shutil.which(configured)  # a name from PATH, or a path as it is
    if found:
        return Path(found).absolute()
    why = "is not executable" if Path(configured).is_file() else "does not exist"
    raise ConfigError(
        "FFmpeg can't be used",
        problems={
            "ffmpeg.binary": [f"{configured} {why}; set a path, or leave it empty to search"]
        },
    )


def _find_in_wheel() -> Path:
    try:
        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as problem:
        raise ConfigError(
            "No FFmpeg was found",
            problems={
                "ffmpeg.binary": ["install ffmpeg, or set the path of one (5.1 or newer)"]
            },
        ) from problem
