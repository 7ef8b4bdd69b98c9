"""Server: the daemon in a process of its own, with GSO switched off if asked.

``python -m tests.bench.server CONFIG [--no-gso] [--profile FILE]``; operators have no such
switch, since GSO is never worse where the kernel has it.
"""

import argparse
import os
from functools import partial
from pathlib import Path

from daemon import core
from daemon.webrtc.subsystem import Settings
from tests.bench.profile import Profile


def main() -> None:
    """Run the daemon until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--no-gso", dest="use_gso", action="store_false")
    parser.add_argument("--profile", type=Path)
    arguments = parser.parse_args()
    if arguments.profile is not None:
        Profile(arguments.profile).install()
    if not arguments.use_gso:
        vars(core)["Settings"] = partial(Settings, use_gso=False)
    core.run(arguments.config, os.environ, announce=partial(print, flush=True))


if __name__ == "__main__":
    main()
