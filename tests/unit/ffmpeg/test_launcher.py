"""The launcher's limits, seen by the program that it becomes."""

import os
import subprocess
import sys

import pytest

from daemon.ffmpeg import launcher

CAPPED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
os.execv(sys.argv[1], sys.argv[1:])
"""
TELL = "import resource; print(*resource.getrlimit(resource.RLIMIT_FSIZE))"


@pytest.mark.slow
@pytest.mark.parametrize(("wanted", "given"), [(200_000, 100_000), (50_000, 50_000)])
def test_a_limit_of_the_service_on_files_is_lowered_and_never_raised(
    wanted: int, given: int
) -> None:
    """Nobody but root may raise it, and FFmpeg must start all the same."""
    words = (str(os.getpid()), launcher.NONE, launcher.NONE, str(wanted))
    launched = [sys.executable, "-I", "-S", launcher.__file__, *words]
    done = subprocess.run(
        [sys.executable, "-c", CAPPED, *launched, "--", sys.executable, "-c", TELL],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout.split(), done.stderr) == ([str(given)] * 2, "")
