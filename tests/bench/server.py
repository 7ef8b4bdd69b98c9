"""Server: the daemon in a process of its own, with GSO switched off if asked.

``python -m tests.bench.server CONFIG [--no-gso]``; operators have no such switch, since GSO
is never worse where the kernel has it.
"""

import argparse
import os
from functools import partial
from pathlib import Path

from daemon import core
from daemon.webrtc.subsystem import Settings


def main() -> None:
    """Run the daemon until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--no-gso", dest="use_gso", action="store_false")
    arguments = parser.parse_args()
    if not arguments.use_gso:
        vars(core)["Settings"] = partial(Settings, use_gso=False)
    core.run(arguments.config, os.environ, announce=partial(print, flush=True))


if __name__ == "__main__":
    main()
