"""The programs that tests need: found, or skipped loudly; in CI a missing one is a failure."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import hypothesis
import imageio_ffmpeg
import pytest

# the same examples each time, and no clock decides: a machine may be busy
hypothesis.settings.register_profile("house", deadline=None, derandomize=True)
hypothesis.settings.load_profile("house")

FFMPEG = ("ffmpeg",)
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
TOOLS = {"ffmpeg": FFMPEG, "chromium": CHROMIUM}  # by marker


def find(names: tuple[str, ...]) -> Path | None:
    """Give the first of these programs that is on PATH."""
    found = next(filter(None, map(shutil.which, names)), None)
    return Path(found) if found else None


def give_up(reason: str) -> NoReturn:
    """Skip the test with a reason nobody overlooks; in CI, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must be able to run this: {reason}", pytrace=False)
    pytest.skip(f"NOT TESTED: {reason}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Look for the programs of the test's markers."""
    for marker, names in TOOLS.items():
        if item.get_closest_marker(marker) and find(names) is None:
            give_up(f"there is no {names[0]} on PATH (`make system` installs it)")


@pytest.fixture(
    params=[False, pytest.param(True, marks=pytest.mark.soak)], ids=["any-machine", "quiet"]
)
def is_quiet(request: pytest.FixtureRequest) -> bool:
    """Tell whether figures of time count. A test that takes this is a soak test once more.

    Else a busy machine may be slow and stand still: what is tested then is what happens.
    """
    return bool(request.param)


@pytest.fixture(scope="session")
def ffmpeg_binary() -> Path:
    """Give the system's FFmpeg."""
    found = find(FFMPEG)
    return found if found is not None else give_up("there is no ffmpeg on PATH")


@pytest.fixture(scope="session")
def wheel_ffmpeg() -> Path:
    """Give the FFmpeg that comes with the wheel."""
    return Path(imageio_ffmpeg.get_ffmpeg_exe())


@pytest.fixture(scope="session")
def chromium_binary() -> Path:
    """Give the system's Chromium, or a browser of its kind."""
    found = find(CHROMIUM)
    return found if found is not None else give_up("there is no chromium on PATH")
