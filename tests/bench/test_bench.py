"""The bench runs: a few viewers for two seconds, on the daemon and on a peer."""

import json
from functools import partial
from pathlib import Path

import pytest

from tests.bench import contestants, figures
from tests.bench.figures import Bench
from tests.bench.measure import Row, quantile
from tests.bench.profile import INNER, REST, WAITING

pytestmark = [pytest.mark.ffmpeg, pytest.mark.slow]
SECONDS = 2.0
PACKETS = 80  # in that time; 160 are due, 30 frames and 50 packets of audio a second at least


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Give one whose clip is made once."""
    return Bench(tmp_path_factory.mktemp("bench"), seconds=SECONDS, spare=10.0, settle=0.5)


def check(row: Row, viewers: int) -> None:
    assert row.joined == viewers, row.failures
    assert row.packets > viewers * PACKETS
    assert row.opened > 0
    assert row.refused == 0
    assert row.lost == 0
    assert row.cpu_seconds > 0
    assert row.pace > 0.2  # of real time: this machine may be busy with other tests
    assert row.dtls[-1] <= row.picture[-1]  # both may come with one read


async def test_the_daemon_and_its_peers_are_measured_by_the_same_viewers(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JANUS_WHEP_URL", raising=False)
    rows = await figures.compare(bench, ["dragonctl", "aiortc", "janus"], [2])
    assert [row.name for row in rows] == ["dragonctl", "aiortc"]
    for row in rows:
        check(row, 2)
    assert "janus: absent" in capsys.readouterr().out


async def test_a_frame_is_followed_to_the_last_viewer(bench: Bench) -> None:
    (found,) = await figures.late(bench, ["dragonctl"], viewers=2)
    assert found.frames > 20
    assert len(found.each) == 2 * found.frames
    assert 0 < quantile(found.each, 0.5) <= quantile(found.last, 0.5) < 10


async def test_the_profile_names_what_the_loop_does(bench: Bench) -> None:
    names = [
        row[0] for row in json.loads((await figures.profile(bench, viewers=2)).read_text())
    ]
    assert {"Source._on_readable", INNER["send"], WAITING, REST} <= set(names)


async def test_without_gso_nothing_is_lost_either(bench: Bench) -> None:
    start = partial(contestants.daemon, use_gso=False)
    check(await bench.run(start, bench.load(2)), 2)


def test_a_server_that_is_not_there_says_what_was_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", str(Path(__file__).parent))
    with pytest.raises(contestants.AbsentError, match="node"):
        contestants.node()
