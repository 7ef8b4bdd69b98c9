"""The limit of open files, in processes of their own."""

import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
from daemon.open_files import raise_limit
soft, hard = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
raise_limit()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("soft", "hard"), [(64, 256), (256, 256)])
def test_we_take_what_we_may(soft: int, hard: int) -> None:
    command = [sys.executable, "-c", SCRIPT, str(soft), str(hard)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == [str(hard), str(hard)]
