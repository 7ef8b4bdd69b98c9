"""Both FFmpegs that we promise to work with, and small files to read."""

import shutil
import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest

MEDIA = {
    "high.ts": "-c:v libx264 -bf 2 -g 25 -c:a aac -ac 2 -metadata:s:a:0 language=deu",
    "baseline.mp4": "-c:v libx264 -profile:v baseline -g 25 -c:a aac",
    "main.mkv": "-c:v libx264 -profile:v main -bf 0 -g 25 -c:a libopus",
}


def find_binaries() -> list[Path]:
    debian = shutil.which("ffmpeg")
    wheel = Path(imageio_ffmpeg.get_ffmpeg_exe())
    return [*([Path(debian)] if debian else []), wheel]


@pytest.fixture(params=find_binaries(), ids=lambda path: path.name[:24])
def binary(request: pytest.FixtureRequest) -> Path:
    found = request.param
    assert isinstance(found, Path)
    return found


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a directory with the files of MEDIA, 3 s each."""
    directory = tmp_path_factory.mktemp("media")
    sources = "-f lavfi -i testsrc2=size=160x120:rate=25 -f lavfi -i sine=sample_rate=48000"
    for name, options in MEDIA.items():
        command = f"-v error -nostdin {sources} -t 3 -pix_fmt yuv420p {options}".split()
        subprocess.run(
            [find_binaries()[-1], *command, directory / name], check=True, timeout=60
        )
    return directory


@pytest.fixture(scope="session")
def late_sets(media: Path) -> Path:
    """Give a film with parameter sets after 3 s only, as of a camera joined in mid-group."""
    film = media / "late.ts"
    command = "-v error -nostdin -stream_loop 1 -i {} -c copy -bsf:v noise=drop=lt(n\\,75)"
    words = command.format(media / "high.ts").split()
    subprocess.run([find_binaries()[-1], *words, film], check=True, timeout=60)
    return film
