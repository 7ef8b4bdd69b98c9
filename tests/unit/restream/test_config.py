"""Which processes can be, and the command they become."""

import math
from dataclasses import replace
from typing import Any

import pytest

from daemon.errors import InvalidError
from daemon.restream.config import (
    ConfigCleanup,
    ConfigIO,
    ConfigLimits,
    ConfigWebRTC,
    ProcessConfig,
    ProcessId,
    command,
    input_arguments,
    validate,
)

GOOD = ProcessConfig(
    id=ProcessId("restreamer-ui:ingest:6f1c"),
    options=("-loglevel", "level+info"),
    input=(
        ConfigIO("video", "rtsp://camera/1", ("-rtsp_transport", "tcp")),
        ConfigIO("audio", "anullsrc", ("-f", "lavfi")),
    ),
    output=(ConfigIO("null", "-", ("-f", "null")), ConfigIO("hls", "/a.m3u8", ("-c", "copy"))),
)


def problems(config: ProcessConfig) -> list[str]:
    with pytest.raises(InvalidError, match="Invalid process config") as caught:
        validate(config)
    return caught.value.details


def test_the_command_is_options_inputs_outputs() -> None:
    validate(GOOD)
    inputs = [
        *("-rtsp_transport", "tcp", "-i", "rtsp://camera/1", "-f", "lavfi", "-i", "anullsrc"),
    ]
    outputs = ["-f", "null", "-", "-c", "copy", "/a.m3u8"]
    assert input_arguments(GOOD) == inputs
    assert command(GOOD) == ["-loglevel", "level+info", *inputs, *outputs]


@pytest.mark.parametrize("process_id", ["a", "a/b c", "ü:1", "x" * 128, "..."])
def test_ids_of_existing_clients_are_good(process_id: str) -> None:
    validate(replace(GOOD, id=ProcessId(process_id)))


@pytest.mark.parametrize("process_id", ["", " ", "\t"])
def test_an_empty_id_is_refused_in_the_words_that_clients_know(process_id: str) -> None:
    with pytest.raises(InvalidError, match="an empty ID is not allowed"):
        validate(replace(GOOD, id=ProcessId(process_id)))


@pytest.mark.parametrize(
    "process_id", [" a", "a ", "a\n", "a\0b", "a\x7f", ".", "..", "x" * 129, "\ud800"]
)
def test_bad_ids_are_refused(process_id: str) -> None:
    assert "process ID" in problems(replace(GOOD, id=ProcessId(process_id)))[0]


@pytest.mark.parametrize("missing", ["input", "output"])
def test_one_input_and_one_output_are_needed(missing: str) -> None:
    changes: dict[str, Any] = {missing: ()}
    with pytest.raises(InvalidError, match=r"^At least one input and one output need to be"):
        validate(replace(GOOD, **changes))


def test_ids_are_unique_per_direction() -> None:
    twice = replace(GOOD, input=(GOOD.input[0], GOOD.input[0]))
    assert problems(twice) == [
        "the input ID 'video' is already in use for the process 'restreamer-ui:ingest:6f1c'"
    ]
    validate(replace(GOOD, output=(replace(GOOD.output[0], id="video"),)))


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"reconnect_delay_seconds": -1}, "reconnect_delay_seconds"),
        ({"stale_timeout_seconds": -1}, "stale_timeout_seconds"),
        ({"reference": "x" * 65537}, "reference"),
        ({"limits": ConfigLimits(cpu_usage=100.1)}, "limits.cpu_usage"),
        ({"limits": ConfigLimits(cpu_usage=-1)}, "limits.cpu_usage"),
        ({"limits": ConfigLimits(cpu_usage=math.nan)}, "limits.cpu_usage"),
        ({"limits": ConfigLimits(memory_bytes=-1)}, "limits.memory_mbytes"),
        ({"limits": ConfigLimits(waitfor_seconds=-1)}, "limits.waitfor_seconds"),
        ({"webrtc": ConfigWebRTC(video_pt=128)}, "webrtc.video_pt"),
        ({"webrtc": ConfigWebRTC(audio_pt=-1)}, "webrtc.audio_pt"),
        ({"webrtc": ConfigWebRTC(video_pt=64)}, "RTCP"),
        ({"webrtc": ConfigWebRTC(video_pt=95)}, "RTCP"),
        ({"webrtc": ConfigWebRTC(video_pt=111)}, "the same"),
    ],
)
def test_numbers_out_of_range_are_named(changes: dict[str, Any], place: str) -> None:
    [problem] = problems(replace(GOOD, **changes))
    assert place in problem


@pytest.mark.parametrize(("video", "audio"), [(96, 127), (0, 63), (63, 96)])
def test_payload_types_that_do_not_clash_with_rtcp_are_good(video: int, audio: int) -> None:
    validate(replace(GOOD, webrtc=ConfigWebRTC(video_pt=video, audio_pt=audio)))


def test_a_negative_cleanup_rule_is_refused() -> None:
    rule = ConfigCleanup("memfs:/x*", max_files=-1)
    output = replace(GOOD.output[0], cleanup=(rule,))
    assert "cleanup" in problems(replace(GOOD, output=(output,)))[0]


def test_all_problems_are_told_at_once() -> None:
    bad = replace(GOOD, stale_timeout_seconds=-1, webrtc=ConfigWebRTC(video_pt=200))
    assert len(problems(bad)) == 2
