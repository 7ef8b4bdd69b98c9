"""A process's other outputs go on through every WebRTC failure that can be made here."""

import socket
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import inputs
from tests.e2e.conftest import MakeDaemon
from tests.e2e.daemon import Daemon, Settings, whep_path
from tests.e2e.waiting import until
from tests.e2e.watcher import Watcher

pytestmark = [pytest.mark.ffmpeg, pytest.mark.slow]
GROWTH = 40_000  # bytes: more than a muxer holds back, about a second of the recording
# One thread, small: the recording is not what is tested
RECORD = ("-c:v", "mpeg2video", "-b:v", "500k", "-c:a", "mp2", "-f", "mpegts", "-y")
SUBTITLES = ("-f", "srt", "-flush_packets", "1", "-y")
# An FFmpeg that lacks an encoder, or can't look into inputs, but is FFmpeg otherwise
WRAPPER = """#!/bin/sh
for word in "$@"; do
    if [ "$word" = "{word}" ]; then
        echo "Unknown encoder '{word}'" >&2
        exit 1
    fi
done
exec {ffmpeg} "$@"
"""


def recording(daemon: Daemon, process_id: str, *sources: Any, **values: Any) -> Any:
    """Write a process with two outputs: nothing, and a file that grows."""
    target = str(daemon.disk / f"{process_id}.ts")
    outputs = [inputs.NOWHERE, {"id": "file", "address": target, "options": list(RECORD)}]
    given = sources or (
        inputs.read(inputs.PICTURE, *inputs.LAVFI, name="picture"),
        inputs.read(inputs.TONE, *inputs.LAVFI, name="tone"),
    )
    return inputs.config(process_id, *given, output=outputs, **values)


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


async def until_grown(daemon: Daemon, process_id: str) -> None:
    """Wait until a recording has grown."""
    path = daemon.disk / f"{process_id}.ts"
    before = size(path)
    await until(lambda: size(path) > before + GROWTH, f"{path.name} grows")


async def assert_webrtc_is_off(daemon: Daemon, *words: str) -> None:
    """Expect the reason where an operator looks, and 404 with it for players."""
    state = await daemon.get("/api/v3/webrtc")
    assert not state["enabled"]
    answer = await daemon.call(
        "POST",
        whep_path("tape"),
        content="v=0\r\n",
        headers={"Content-Type": "application/sdp"},
    )
    assert answer.status_code == 404
    for word in words:
        assert word in state["reason"]
        assert word in answer.text


async def test_a_taken_udp_port(make_daemon: MakeDaemon, ffmpeg_binary: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        daemon = await make_daemon(Settings(ffmpeg=ffmpeg_binary, udp_mux_port=port)).start()
        await daemon.add(recording(daemon, "tape"))
        await until_grown(daemon, "tape")
        await assert_webrtc_is_off(daemon, str(port))
        pids = daemon.children("tape")
    # as soon as the port is free, viewers are served, and nobody restarted anything
    await daemon.until_live("tape")
    async with Watcher(daemon.whep_url("tape"), daemon.token) as watcher:
        await watcher.until_playing()
    await until_grown(daemon, "tape")
    assert daemon.children("tape") == pids


async def test_an_address_that_no_viewer_could_reach(
    make_daemon: MakeDaemon, ffmpeg_binary: Path
) -> None:
    daemon = make_daemon(Settings(ffmpeg=ffmpeg_binary, public_ip="224.0.0.1"))
    await daemon.start()
    await daemon.add(recording(daemon, "tape"))
    await until_grown(daemon, "tape")
    await assert_webrtc_is_off(daemon, "webrtc.public_ip", "224.0.0.1")
    await until_grown(daemon, "tape")


@pytest.mark.parametrize("missing", ["libopus", "framecrc"])
async def test_legs_that_this_ffmpeg_cannot_make(
    make_daemon: MakeDaemon, ffmpeg_binary: Path, tmp_path: Path, missing: str
) -> None:
    """Without libopus the legs end FFmpeg at once; without framecrc nothing can be probed."""
    wrapper = tmp_path / "ffmpeg-without"
    wrapper.write_text(WRAPPER.format(word=missing, ffmpeg=ffmpeg_binary))
    wrapper.chmod(0o755)
    daemon = await make_daemon(Settings(ffmpeg=wrapper)).start()
    await daemon.add(recording(daemon, "tape"))
    await until_grown(daemon, "tape")
    status = await daemon.whep("tape")
    assert status["state"] == "failed"
    assert status["reason"]
    answer = await daemon.call(
        "POST",
        whep_path("tape"),
        content="v=0\r\n",
        headers={"Content-Type": "application/sdp"},
    )
    assert answer.status_code in (400, 409)
    await until_grown(daemon, "tape")


async def test_an_input_that_has_nothing_to_watch(daemon: Daemon, tmp_path: Path) -> None:
    """Subtitles only: there is no leg to make."""
    lines = [
        f"{number}\n00:{number // 60:02}:{number % 60:02},000 --> "
        f"00:{number // 60:02}:{number % 60:02},900\n{'word ' * 20}\n"
        for number in range(1, 600)
    ]
    text = tmp_path / "words.srt"
    text.write_text("\n".join(lines))
    target = daemon.disk / "copy.srt"
    output = {"id": "file", "address": str(target), "options": list(SUBTITLES)}
    source = inputs.read(text, "-re", "-f", "srt")
    await daemon.add(inputs.config("words", source, output=[output]))
    await until(lambda: size(target) > 500, "the subtitles are written")
    status = await daemon.whep("words")
    assert status["state"] == "failed"
    assert "no video and no audio" in status["reason"]


async def test_an_audio_only_input_is_listened_to(daemon: Daemon) -> None:
    tone = inputs.read(inputs.TONE, *inputs.LAVFI, name="tone")
    await daemon.add(inputs.config("radio", tone))
    status = await daemon.until_live("radio")
    actions = {track["kind"]: track["action"] for track in status["plan"]}
    assert actions == {"video": "none", "audio": "encode"}
    async with Watcher(daemon.whep_url("radio"), daemon.token) as watcher:
        await until(lambda: watcher.audio.frames > 20, "the tone is heard")
        assert watcher.video.frames == 0


async def test_switching_another_process_on_and_off(daemon: Daemon) -> None:
    await daemon.add(recording(daemon, "tape", webrtc={"enabled": False}))
    await until_grown(daemon, "tape")
    pids = daemon.children("tape")
    await daemon.add(inputs.test_picture("cam", webrtc={"enabled": False}))
    for is_on in (True, False, True):
        await daemon.change("cam", webrtc={"enabled": is_on})
        if is_on:
            await daemon.until_live("cam")
        await until_grown(daemon, "tape")
    assert daemon.children("tape") == pids
