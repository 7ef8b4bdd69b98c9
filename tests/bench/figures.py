"""Figures: the named runs of ``make bench``, each with the goal that it is held against."""

import asyncio
import contextlib
import functools
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from daemon.ffmpeg import binary
from tests.bench import clip, contestants, latency
from tests.bench.audience import Audience
from tests.bench.contestants import AbsentError, Contestant
from tests.bench.measure import (
    JOINS_A_SECOND,
    SETTLE,
    Load,
    Row,
    measure,
    measure_idle,
    quantile,
)
from tests.bench.profile import print_profile
from tests.bench.table import print_goals, print_rows
from tests.bench.target import Target
from tests.e2e.waiting import until

GCM = b"SRTP_AEAD_AES_128_GCM"
SPARE = 25  # seconds of the clip for start, idle and settling
IDLE_SECONDS = 10.0
REFERENCE = "libdatachannel"


@dataclass
class Bench:
    """One invocation: its scratch directory, and clips made once."""

    scratch: Path
    seconds: float = 8.0
    slices: int = 2
    gop: float = 2.0
    spare: float = SPARE
    settle: float = SETTLE

    def load(self, viewers: int, **values: Any) -> Load:
        """Make a load of the bench's own measure."""
        return Load(viewers, self.seconds, settle=self.settle, idle=self.settle, **values)

    async def clip(self, bitrate: str, viewers: int, rate: float = JOINS_A_SECOND) -> Path:
        """Encode a source that is long enough; not looped, since FFmpeg 5 ends a copy there."""
        length = round(self.seconds + viewers / rate + self.spare)
        path = self.scratch / f"{bitrate}-{length}.mp4"
        if not path.exists():
            await asyncio.to_thread(
                clip.make,
                *(binary.find("ffmpeg"), path, bitrate, length),
                slices=self.slices,
                gop=self.gop,
            )
        return path

    @contextlib.asynccontextmanager
    async def start(
        self, contestant: Contestant, source: Path, taps: contestants.Taps | None = None
    ) -> AsyncIterator[Target]:
        """Start a contestant in a directory of its own."""
        directory = Path(tempfile.mkdtemp(dir=self.scratch))
        async with contestant(directory, source, taps or {}) as target:
            yield target

    async def run(self, contestant: Contestant, load: Load, bitrate: str = "2M") -> Row:
        """Measure one load on a fresh server."""
        source = await self.clip(bitrate, load.viewers, load.joins_a_second)
        async with self.start(contestant, source) as target:
            return await measure(target, load)


async def compare(bench: Bench, names: Sequence[str], viewers: Sequence[int]) -> list[Row]:
    """Compare this daemon with its peers: the same source, the same viewers."""
    rows: list[Row] = []
    absent: dict[str, str] = {}
    for count in viewers:
        for name in names:
            if name in absent:
                continue
            loads = [("", bench.load(count))]
            if name == REFERENCE:
                loads.append((", GCM", bench.load(count, profiles=GCM)))
            try:
                for suffix, load in loads:
                    row = await bench.run(contestants.CONTESTANTS[name], load)
                    rows.append(replace(row, name=row.name + suffix))
            except AbsentError as error:
                absent[name] = str(error)
    print_rows(rows, REFERENCE)
    for name, why in absent.items():
        print(f"{name}: absent ({why})")
    return rows


async def cost(bench: Bench) -> list[Row]:
    """Measure what a delivered packet costs: 10 and 100 viewers at 2 and 6 Mbit/s."""
    rows = []
    for bitrate in ("2M", "6M"):
        for viewers in (10, 100):
            row = await bench.run(contestants.daemon, bench.load(viewers), bitrate)
            rows.append(replace(row, name=f"{row.name}, {bitrate}bit/s"))
    print_rows(rows)
    goals = {0: 5.0, 1: 2.5, 3: 2.0}
    print_goals(
        [(f"us a packet: {rows[place].name}, {rows[place].viewers} viewers",
          rows[place].cost, goal, "<=") for place, goal in goals.items()]
    )  # fmt: skip
    return rows


async def gso(bench: Bench, viewers: Sequence[int]) -> list[Row]:
    """Measure with UDP segmentation offload and without."""
    rows = []
    for use_gso in (True, False):
        for count in viewers:

            def start(
                directory: Path, source: Path, taps: contestants.Taps, *, asked: bool = use_gso
            ) -> contextlib.AbstractAsyncContextManager[Target]:
                return contestants.daemon(directory, source, taps, use_gso=asked)

            rows.append(await bench.run(start, bench.load(count)))
    print_rows(rows)
    return rows


async def profile(bench: Bench, viewers: int = 100) -> Path:
    """Show where the CPU time goes."""
    source = await bench.clip("2M", viewers)
    path = bench.scratch / "profile.json"
    start = functools.partial(contestants.daemon, profile=path)
    audience = Audience()
    async with bench.start(start, source) as target:
        try:
            await audience.join(target.url, viewers, JOINS_A_SECOND)
            await audience.watch(bench.settle)
            before = audience.tally().packets
            os.kill(target.pid, signal.SIGUSR1)
            await audience.watch(bench.seconds)
            os.kill(target.pid, signal.SIGUSR2)
            packets = audience.tally().packets - before
            await until(path.exists, "the profile is written")
        finally:
            audience.close()
    print_profile(path, packets / bench.seconds)
    return path


async def joins(bench: Bench) -> list[Row]:
    """Let 300 viewers join in 10 s."""
    load = bench.load(300, joins_a_second=30.0)
    row = await bench.run(contestants.daemon, load)
    print_rows([row])
    print_goals(
        [
            ("joins that failed, of 300 in 10 s", float(load.viewers - row.joined), 0.0, "<="),
            ("ms of CPU a join", row.join_cpu_seconds * 1e3, 4.0, "<="),
            ("ms from POST to DTLS, p95", quantile(row.dtls, 0.95) * 1e3, 10.0, "<="),
            (
                "ms from POST to first picture, p95",
                quantile(row.picture, 0.95) * 1e3,
                300.0,
                "<=",
            ),
        ]
    )
    return [row]


async def capacity(bench: Bench, viewers: int = 800) -> list[Row]:
    """Let 800 viewers watch 2 Mbit/s from one core."""
    row = await bench.run(contestants.daemon, bench.load(viewers, tick=0.04))
    print_rows([row])
    print_goals(
        [
            ("viewers that joined", float(row.joined), float(viewers), ">="),
            ("loss, %", row.loss, 0.0, "<="),
            ("pace of the slowest", round(row.pace, 2), 0.99, ">="),
            ("CPU of the core, %", row.cpu_seconds / row.seconds * 100, 100.0, "<="),
        ]
    )
    return [row]


async def late(bench: Bench, names: Sequence[str], viewers: int = 100) -> list[latency.Latency]:
    """Measure how late a frame reaches each viewer, and the last of them."""
    found = []
    source = await bench.clip("2M", viewers)
    print(latency.HEADINGS)
    for name in names:
        tap = latency.Tap()
        try:
            async with bench.start(
                contestants.CONTESTANTS[name], source, {"video": tap.port}
            ) as target:
                found.append(await latency.measure(target, bench.load(viewers), tap))
                print(found[-1], flush=True)
        except AbsentError as error:
            print(f"{name}: absent ({error})")
    ours = found[0]
    print_goals(
        [
            (f"ms added, {viewers} viewers, p95", quantile(ours.each, 0.95) * 1e3, 5.0, "<="),
            (f"ms to the last of {viewers}, p95", quantile(ours.last, 0.95) * 1e3, 10.0, "<="),
        ]
    )
    return found


async def memory(bench: Bench) -> list[Row]:
    """Measure what a viewer holds, connected and watching."""
    rows = [await bench.run(contestants.daemon, bench.load(viewers)) for viewers in (100, 300)]
    print_rows(rows)
    few, many = rows
    more = (many.memory * many.joined - few.memory * few.joined) / (many.joined - few.joined)
    print_goals(
        [
            ("KiB a viewer, 100 viewers, first use of everything in it",
             few.memory / 1024, 100.0, "<="),
            ("KiB for each of 200 viewers more", more / 1024, 100.0, "<="),
        ]
    )  # fmt: skip
    return rows


async def idle(bench: Bench, viewers: int = 50) -> list[Row]:
    """Measure what the daemon uses while nothing is sent and viewers wait for FFmpeg."""
    source = bench.scratch / "short.mp4"
    find = binary.find("ffmpeg")
    length = round(viewers / JOINS_A_SECOND) + 10
    await asyncio.to_thread(clip.make, find, source, "1M", length)

    def start(
        directory: Path, source: Path, taps: contestants.Taps
    ) -> contextlib.AbstractAsyncContextManager[Target]:
        return contestants.daemon(directory, source, taps, pause=600)

    found = []
    for count in (0, viewers):
        async with bench.start(start, source) as target:
            await asyncio.sleep(length if count == 0 else 0)
            found.append(100 * await measure_idle(target, count, IDLE_SECONDS))
    print(f"% of a core without viewers, FFmpeg ended: {found[0]:.2f}")
    print_goals([(f"% of a core, {viewers} viewers who wait for FFmpeg", found[1], 0.5, "<=")])
    return []
