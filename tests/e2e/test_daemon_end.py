"""The daemon ends, in order or by a kill: no FFmpeg outlives it, and none is started twice."""

import signal

import psutil
import pytest

from tests.e2e import inputs
from tests.e2e.daemon import Daemon
from tests.e2e.waiting import until
from tests.e2e.watcher import Watcher

pytestmark = [pytest.mark.ffmpeg, pytest.mark.slow]
NAMES = ("one", "two", "three")


async def start_three(daemon: Daemon) -> None:
    """Run three processes, of which the last is without WebRTC, and one that is stopped."""
    for name in NAMES:
        await daemon.add(inputs.test_picture(name, webrtc={"enabled": name != "three"}))
    await daemon.add(inputs.test_picture("off", autostart=False))
    await until(lambda: all(map(daemon.children, NAMES)), "all three run")


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_a_killed_daemon_leaves_nothing_and_the_next_runs_everything_once(
    daemon: Daemon,
) -> None:
    await start_three(daemon)
    everything = daemon.descendants()
    assert len(everything) >= len(NAMES)
    await daemon.kill()
    await until(
        lambda: not any(map(is_alive, everything)) and not daemon.children(),
        "all FFmpegs are gone",
    )

    await daemon.start()
    most = dict.fromkeys(NAMES, 0)

    def all_run_once() -> bool:
        for name in NAMES:
            most[name] = max(most[name], len(daemon.children(name)))
        return all(most.values())

    await until(all_run_once, "all run again")
    for name in NAMES[:2]:
        await daemon.until_live(name)
    all_run_once()
    assert most == dict.fromkeys(NAMES, 1)
    assert daemon.children("off") == []


async def test_a_daemon_killed_while_it_looks_at_inputs_leaves_no_ffmpeg(
    daemon: Daemon,
) -> None:
    """The probe of an input that never says anything is an FFmpeg too."""
    await daemon.add(inputs.transport_stream("silent", 1))
    probes = await until(daemon.descendants, "the input is being probed")
    await daemon.kill()
    await until(
        lambda: not any(map(is_alive, probes)),
        "the probing FFmpeg is gone",
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_an_ordered_end_is_quick_and_tells_the_viewers(
    daemon: Daemon, number: signal.Signals
) -> None:
    await start_three(daemon)
    await daemon.until_live("one")
    everything = daemon.descendants()
    async with Watcher(daemon.whep_url("one"), daemon.token) as watcher:
        await watcher.until_playing()
        daemon.signal(number)
        await watcher.until_told()
        assert await daemon.wait() == 0
    assert not any(map(is_alive, everything))
    assert daemon.children() == []


async def test_an_ordered_end_does_not_wait_for_an_ffmpeg_that_hangs(daemon: Daemon) -> None:
    await daemon.add(inputs.test_picture("cam"))
    await daemon.until_live("cam")
    (pid,) = daemon.children("cam")
    psutil.Process(pid).suspend()  # it takes no signal but SIGKILL
    assert await daemon.stop() == 0
    assert daemon.children() == []
