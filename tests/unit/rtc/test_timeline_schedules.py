"""Timeline: an hour of clocks that drift, jitter and restart, on simulated time."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from daemon.rtc import rtcp, rtp
from daemon.rtc.timeline import Plain, Timeline, Verdict

SPS = b"\x67\x42\xe0\x1f\x8c\x68\x05\x00\x5b\xa1"
P_SLICE = b"\x41\x9a\x00"
OPUS_120 = b"\xfb\x06" + bytes(6)  # six frames of 20 ms, the longest packet there is
HOUR = 3600.0
AUDIO_STEP, VIDEO_STEP = 0.12, 0.5  # seconds between packets: few, so that an hour is quick
LIP_SYNC = 0.040
RATES = {"video": 90_000, "audio": 48_000}


@dataclass(frozen=True)
class Run:
    """One run of FFmpeg: seconds, a clock against ours, and how its packets scatter."""

    seconds: float
    gap: float  # before it, seconds
    drift: float  # of the source's clock against ours
    sample_drift: float  # of its samples against its own clock
    jitter: float  # of arrivals, seconds at most
    stamp_jitter: float  # of its audio timestamps, seconds at most
    seed: int


RUNS = st.lists(
    st.builds(
        Run,
        seconds=st.floats(5, HOUR),
        gap=st.floats(0.05, 60),
        drift=st.floats(-200e-6, 200e-6),
        sample_drift=st.floats(-100e-6, 100e-6),
        jitter=st.floats(0, 0.05),
        stamp_jitter=st.floats(0, 0.01),
        seed=st.integers(0, 1 << 31),
    ),
    min_size=1,
    max_size=5,
)


@dataclass
class Track:
    """What a viewer sees of one track, and how far it is from the source."""

    last: Plain | None = None
    offsets: list[float] = field(default_factory=list)  # line minus media, of this run

    def take(self, plain: Plain, media: float, rate: int) -> None:
        if self.last is not None:
            assert plain[0] > self.last[0]
            assert plain[1] > self.last[1]
        self.last = plain
        self.offsets.append(plain[1] / rate - media)


def packets(run: Run, dice: random.Random) -> Iterator[tuple[float, float, str, float]]:
    """Give (arrival in the run, media seconds, kind, timestamp in seconds), in order."""
    scale = 1 + run.drift
    found = []
    for number in range(int(run.seconds / VIDEO_STEP)):
        media = number * VIDEO_STEP
        found.append((media / scale + dice.random() * run.jitter, media, "video", media))
    for number in range(int(run.seconds / AUDIO_STEP)):
        media = number * AUDIO_STEP / (1 + run.sample_drift)
        stamp = media + dice.random() * run.stamp_jitter
        found.append((media / scale + dice.random() * run.jitter, media, "audio", stamp))
    yield from sorted(found)


class Simulation:
    """A timeline under a schedule."""

    def __init__(self) -> None:
        self.line = Timeline(("video", "audio"), origin=100.0, first_index=1)
        self.now = 1000.0
        self.tracks = {"video": Track(), "audio": Track()}

    def play(self, run: Run) -> None:
        dice = random.Random(run.seed)
        self.now += run.gap
        began = self.now
        self.line.begin_run()
        zeros = {kind: dice.randrange(1 << 32) for kind in RATES}
        sequences = {kind: dice.randrange(1 << 16) for kind in RATES}
        for kind, track in self.tracks.items():
            self.line.receive_report(kind, rtcp.SenderReport(1, 1 << 62, zeros[kind], 0, 0, ()))
            track.offsets.clear()
        has_picture = False
        for arrival, media, kind, stamp in packets(run, dice):
            self.now = max(self.now, began + arrival)
            sequences[kind] = (sequences[kind] + 1) & 0xFFFF
            timestamp = (zeros[kind] + round(stamp * RATES[kind])) & 0xFFFFFFFF
            payload = OPUS_120 if kind == "audio" else P_SLICE if has_picture else SPS
            packet = rtp.Packet(96, True, sequences[kind], timestamp, 1, payload)
            verdict, plain = self.line.receive(kind, packet, self.now)
            if plain is None:
                assert verdict in (Verdict.BACKWARDS, Verdict.SURPLUS)
                continue
            has_picture = has_picture or kind == "video"
            self.tracks[kind].take(plain, media, RATES[kind])
            self.check_clock(plain[1] / RATES[kind], run)
        self.check_sync()

    def check_clock(self, line_seconds: float, run: Run) -> None:
        """Expect reports to speak of the media that goes out now."""
        clock = self.line.timestamp_at("video", self.now)
        assert clock is not None
        assert abs(clock / 90_000 - line_seconds) < LIP_SYNC + 2 * run.jitter

    def check_sync(self) -> None:
        """Sound and picture keep the distance they had in the source, over the whole run."""
        offsets = [track.offsets for track in self.tracks.values() if track.offsets]
        if len(offsets) == 2:
            video, audio = offsets
            middle = sum(video) / len(video)
            assert max(video) - min(video) < 0.001
            assert max(abs(one - middle) for one in audio) < LIP_SYNC


@pytest.mark.slow
@settings(
    max_examples=12, deadline=None, derandomize=True, phases=[Phase.generate]
)  # no shrinking: an example is an hour
@given(RUNS)
def test_whatever_the_clocks_do_the_line_rises_and_lips_stay_in_sync(runs: list[Run]) -> None:
    simulation = Simulation()
    left = HOUR
    for run in runs:
        if left <= 0:
            break
        simulation.play(run)
        left -= run.seconds
