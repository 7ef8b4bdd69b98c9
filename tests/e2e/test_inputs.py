"""The three inputs: what is planned for each, why, and what a viewer then gets."""

import json
import socket
from pathlib import Path
from typing import Any

import av
import pytest

from tests.e2e import inputs
from tests.e2e.conftest import MakeDaemon
from tests.e2e.daemon import Daemon, Settings, free_port, run_cli

pytestmark = [pytest.mark.ffmpeg, pytest.mark.slow]
WATCHED_SECONDS = 3
COUNTED = 0.4  # of the pictures that the input has: a busy machine may stand still


def plan_of(status: Any) -> dict[str, tuple[str, list[str]]]:
    """Give what is done with each track, and the codes of the reasons."""
    return {
        track["kind"]: (track["action"], [reason["code"] for reason in track["reasons"]])
        for track in status["plan"]
    }


async def watch(daemon: Daemon, process_id: str) -> None:
    """Judge a process by `dragonctl whep-test`, and look at the picture that it saves."""
    saved = daemon.directory / "frame.png"
    words = ("--json", "--duration", str(WATCHED_SECONDS), "--save", str(saved))
    outcome = await run_cli(daemon, "whep-test", process_id, *words)
    report = json.loads(outcome.stdout)
    found = {reason["code"] for reason in report["reasons"]}
    assert found <= {"video-frozen"}, outcome  # as a busy machine's picture may be
    assert (outcome.code, report["verdict"]) == ((1, "bad") if found else (0, "good"))
    viewer = report["viewers"][0]
    assert viewer["picture"]["width"] == 640
    assert viewer["picture"]["height"] == 360
    assert viewer["picture"]["pictures"] > WATCHED_SECONDS * 25 * COUNTED
    assert not viewer["sound"]["silent"]
    assert viewer["srtp_profile"] == "SRTP_AEAD_AES_128_GCM"
    assert viewer["delete_status"] == 200
    check_picture(saved)


def check_picture(path: Path) -> None:
    """Open it; FFmpeg's test picture has dark and bright parts."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    assert isinstance(frame, av.VideoFrame)
    assert (frame.width, frame.height) == (640, 360)
    gray = frame.reformat(format="gray")
    values = bytes(gray.planes[0])
    assert sum(values) / len(values) > 40
    assert max(values) - min(values) > 150


@pytest.mark.parametrize("program", ["ffmpeg_binary", "wheel_ffmpeg"])
async def test_the_test_picture_is_encoded_and_plays(
    program: str, request: pytest.FixtureRequest, make_daemon: MakeDaemon
) -> None:
    ffmpeg = request.getfixturevalue(program)
    daemon = await make_daemon(Settings(ffmpeg=ffmpeg)).start()
    await daemon.add(inputs.test_picture("cam"))
    status = await daemon.until_live("cam")
    plan = plan_of(status)
    assert plan["video"] == ("encode", ["codec"])
    assert plan["audio"] == ("encode", ["codec"])
    await watch(daemon, "cam")


async def test_a_film_with_b_frames_is_encoded_and_the_reason_says_so(
    daemon: Daemon, film: Path
) -> None:
    await daemon.add(inputs.film("film", film))
    status = await daemon.until_live("film")
    plan = plan_of(status)
    assert plan["video"] == ("encode", ["b-frames"])
    assert plan["audio"] == ("encode", ["codec"])
    assert "B-frames" in status["plan"][0]["reasons"][0]["text"]
    assert "aac" in status["plan"][1]["reasons"][0]["text"]
    shown = await run_cli(daemon, "live", "film", "--json")
    assert shown.code == 0, shown
    assert "b-frames" in shown.stdout
    await watch(daemon, "film")


async def test_a_pushed_transport_stream_is_copied(daemon: Daemon, ffmpeg_binary: Path) -> None:
    port = free_port(socket.SOCK_DGRAM)
    with inputs.push(ffmpeg_binary, port):
        await daemon.add(inputs.transport_stream("push", port))
        plan = plan_of(await daemon.until_live("push"))
        assert plan["video"] == ("copy", ["compatible"])
        assert plan["audio"] == ("encode", ["codec"])
        await watch(daemon, "push")
