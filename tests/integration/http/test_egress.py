"""What processes send elsewhere is a session of the collector ffmpeg."""

from dataclasses import replace
from typing import cast

import pytest

from daemon.ffmpeg.progress import Progress
from daemon.http.egress import Egress
from daemon.restream.config import ConfigIO
from daemon.restream.restreamer import Restreamer
from daemon.restream.state import Exec
from daemon.session import Collector
from tests.integration.http.scripted import IDLE, ScriptedRestreamer, config

PUSH = "rtmp://live.example.org/app/very-secret-key"


class Seat:
    """One process that sends to ``target``, and who looks at it."""

    def __init__(self, target: str = PUSH) -> None:
        output = ConfigIO("out", target, ("-f", "flv"))
        self.restreamer = ScriptedRestreamer(config(reference="ref", output=(output,)))
        self.collector = Collector("ffmpeg")
        self.egress = Egress(cast("Restreamer", self.restreamer), self.collector)
        self.now = 100.0

    def send(self, size: int, pid: int | None = 7) -> None:
        """Let it have sent so many bytes in this run, and look."""
        is_running = pid is not None
        self.restreamer.kept[config().id].current = replace(
            IDLE,
            exec=Exec.RUNNING if is_running else Exec.FINISHED,
            pid=pid,
            progress=Progress(size_bytes=size),
        )
        self.now += 1
        self.egress.look(self.now, self.now)


def test_bytes_count_over_restarts_and_the_key_shows_nowhere() -> None:
    seat = Seat()
    for size in (0, 500, 1200):
        seat.send(size)
    [session] = seat.collector.active(seat.now)
    shown = (session.reference, session.local, session.remote, session.extra)
    assert shown == ("ref", "cam", "live.example.org", "out")
    assert session.tx_bytes == 1200
    seat.send(300, pid=8)  # another run counts from nothing
    seat.send(300, pid=8)
    assert seat.collector.summary.total.sessions == 2
    assert seat.collector.summary.total.tx_bytes == 1500
    assert seat.collector.bandwidth(seat.now)[1] > 0
    assert "secret" not in repr(seat.collector.active(seat.now))


def test_a_process_that_ended_or_is_gone_has_no_session() -> None:
    seat = Seat()
    seat.send(10)
    seat.send(10, pid=None)
    assert seat.collector.active(seat.now) == []
    seat.send(20)
    seat.restreamer.kept.clear()
    seat.egress.look(seat.now, seat.now)
    assert seat.collector.active(seat.now) == []


@pytest.mark.parametrize(
    "target", ["-", "film.mp4", "{memfs}/x.m3u8", "rtmp://127.0.0.1/x", "[f=flv]rtmp://a/b|c"]
)
def test_what_stays_here_is_no_session(target: str) -> None:
    seat = Seat(target)
    seat.egress.set_up(is_counting=True, ignored=("127.0.0.0/8",))
    seat.send(10)
    assert seat.collector.active(seat.now) == []


def test_nothing_is_counted_when_sessions_are_off() -> None:
    seat = Seat()
    seat.egress.set_up(is_counting=False, ignored=())
    seat.send(10)
    assert seat.collector.active(seat.now) == []


def test_full_statistics_hold_nothing_up() -> None:
    seat = Seat()
    seat.collector.max_sessions = 1
    seat.collector.open("x", reference="", local="", remote="", now=200.0, wall=0)
    seat.send(10)
    assert [one.id for one in seat.collector.active(seat.now)] == ["x"]
