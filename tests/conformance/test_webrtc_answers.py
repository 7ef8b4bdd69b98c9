"""What the real WebRTC subsystem says of itself is what openapi.yaml promises, each field."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import ValidationError  # type: ignore[import-untyped]

from daemon.ffmpeg.probe import Probe, ProbeStream
from daemon.restream.config import ConfigWebRTC, ProcessId
from daemon.webrtc.plan import make_plan
from daemon.webrtc.registry import Limits
from daemon.webrtc.source import Source
from daemon.webrtc.subsystem import Settings, WebRTC
from daemon.webrtc.transcoder import Transcoder
from tests.conformance.openapi import check, fit
from tests.integration.http.scripted import Api

STATE, STATUS = "/api/v3/webrtc", "/api/v3/process/{process_id}/whep"
CAM = ProcessId("cam")
ON = ConfigWebRTC(enabled=True)
# as the probe of a camera gives them
SEEN = (
    ProbeStream(
        "rtsp://c/1", "rtsp", 0, 0, "und", "video", "h264", "", 0, 0, 25, "yuv420p", 640, 360,
        0, "", 0, profile="High", has_b_frames=True,
    ),
    ProbeStream(
        "rtsp://c/1", "rtsp", 0, 1, "und", "audio", "aac", "", 0, 0, 0, "", 0, 0,
        48000, "stereo", 2,
    ),
)  # fmt: skip


async def no_probe(arguments: object, seconds: float) -> Probe:
    return Probe(streams=(), error="not asked for here")


@pytest.fixture
async def webrtc() -> AsyncIterator[WebRTC]:
    """Give the subsystem with one source, which no FFmpeg sends to."""
    found = WebRTC(
        Settings(enable=True, public_ip="127.0.0.1"), prober=no_probe, limits=Limits()
    )
    await found.open()
    source = Source(CAM, ON, lambda *_: None, lambda _: None)
    found.registry.sources[CAM] = source
    yield found
    found.close()


def plan(source: Source, *streams: ProbeStream) -> None:
    source.plan = make_plan(Probe(streams=streams), ON)


def before_the_first_start(source: Source) -> None:
    assert source.plan is None


def both_tracks(source: Source) -> None:
    plan(source, *SEEN)
    source.legs["video"].last_packet = 0.0
    source.legs["video"].dropped["ssrc"] = 2


def sound_alone(source: Source) -> None:
    plan(source, SEEN[1])


def a_plan_that_failed(source: Source) -> None:
    source.begin_run_without_legs("there is nothing to send")


def with_vp8(source: Source) -> None:
    plan(source, *SEEN)
    source.transcoder = Transcoder(
        CAM,
        Path("/nonexistent"),
        is_wanted=lambda: False,
        deliver=lambda *_: None,
        give_up=lambda: None,
    )


CASES = (before_the_first_start, both_tracks, sound_alone, a_plan_that_failed, with_vp8)


@pytest.mark.parametrize("case", CASES)
async def test_the_status_of_a_process_is_as_described(
    webrtc: WebRTC, case: Callable[[Source], None]
) -> None:
    case(webrtc.registry.sources[CAM])
    api = Api(webrtc=webrtc)
    await check("GET", STATUS, await api.call("GET", STATUS.format(process_id=CAM)))


async def test_the_state_of_the_subsystem_is_as_described(webrtc: WebRTC) -> None:
    assert webrtc.mux is not None
    webrtc.mux.counters["not_ours"] = 3
    await check("GET", STATE, await Api(webrtc=webrtc).call("GET", STATE))


async def test_the_state_of_a_subsystem_that_is_off_is_as_described() -> None:
    off = WebRTC(Settings(), prober=no_probe, limits=Limits())
    await off.open()
    await check("GET", STATE, await Api(webrtc=off).call("GET", STATE))


def is_valid(name: str, value: Any) -> bool:
    try:
        fit(name, value)
    except ValidationError:
        return False
    return True


def objects(value: Any) -> list[dict[str, Any]]:
    """Find every object in a JSON value whose fields have fixed names."""
    if isinstance(value, list):
        return [found for one in value for found in objects(one)]
    if not isinstance(value, dict):
        return []
    inner = [found for one in value.values() for found in objects(one)]
    is_map = set(value) <= {"video", "audio"} or all(type(one) is int for one in value.values())
    return inner if is_map else [value, *inner]


@pytest.mark.parametrize("name", ["WhepStatus", "WebRTCState"])
async def test_a_field_that_is_missing_or_too_many_would_be_noticed(
    webrtc: WebRTC, name: str
) -> None:
    with_vp8(webrtc.registry.sources[CAM])
    said = webrtc.process_state(CAM) if name == "WhepStatus" else webrtc.state()
    assert is_valid(name, said)
    for found in objects(said):
        for field in tuple(found):
            kept = found.pop(field)
            assert not is_valid(name, said), f"{field} may be missing"
            found[field] = kept
        found["surprise"] = 1
        assert not is_valid(name, said), f"there may be more than {tuple(found)}"
        del found["surprise"]
    assert is_valid(name, said)
