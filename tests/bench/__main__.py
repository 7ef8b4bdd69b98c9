"""``make bench``: this daemon beside its peers, and the named figures; not a timed test."""

import argparse
import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from tests.bench import figures
from tests.bench.contestants import CONTESTANTS
from tests.bench.figures import Bench
from tests.bench.target import OTHER_CORE, pin

NAMES = {
    "compare": "this daemon beside its peers, one table (the default)",
    "cost": "a delivered packet: 10 and 100 viewers, 2 and 6 Mbit/s",
    "joins": "300 joins in 10 s",
    "capacity": "800 viewers of 2 Mbit/s on one core",
    "latency": "how late a frame reaches each of 100 viewers, and the last one",
    "memory": "memory for each viewer",
    "idle": "CPU while 50 viewers wait for FFmpeg",
    "profile": "where the CPU time goes with 100 viewers",
    "gso": "with UDP segmentation offload and without",
    "all": "everything above but gso",
}


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the options."""
    listing = "\n".join(f"  {name:<10} {text}" for name, text in NAMES.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=f"{__doc__}\n\nfigures:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("figure", nargs="?", default="compare", choices=list(NAMES))
    parser.add_argument(
        "--viewers", default="100", help="numbers of viewers, for compare and gso"
    )
    parser.add_argument("--servers", default=",".join(CONTESTANTS), help="for compare, latency")
    parser.add_argument("--seconds", type=float, default=8.0, help="of measuring, each")
    parser.add_argument("--slices", type=int, default=2, help="of each frame of the source")
    parser.add_argument("--gop", type=float, default=2.0, help="seconds between key frames")
    return parser.parse_args(words)


async def run(arguments: argparse.Namespace) -> None:
    """Measure what was asked for, and print it."""
    viewers = [int(word) for word in arguments.viewers.split(",")]
    servers = arguments.servers.split(",")
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(Path(scratch), arguments.seconds, arguments.slices, arguments.gop)
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "compare": lambda: figures.compare(bench, servers, viewers),
            "cost": lambda: figures.cost(bench),
            "joins": lambda: figures.joins(bench),
            "capacity": lambda: figures.capacity(bench),
            "latency": lambda: figures.late(bench, servers),
            "memory": lambda: figures.memory(bench),
            "idle": lambda: figures.idle(bench),
            "profile": lambda: figures.profile(bench),
            "gso": lambda: figures.gso(bench, viewers),
        }
        names = [name for name in calls if name != "gso"]
        for name in names if arguments.figure == "all" else [arguments.figure]:
            print(f"== {name}: {NAMES[name]}", flush=True)
            await calls[name]()


def main() -> None:
    """Keep to the other core, and measure."""
    arguments = parse()
    pin(os.getpid(), OTHER_CORE)
    asyncio.run(run(arguments))


if __name__ == "__main__":
    main()
