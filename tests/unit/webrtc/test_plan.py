"""Plan: copy if possible, encode if necessary, and say why."""

from dataclasses import replace

import pytest

from daemon.ffmpeg.probe import Probe, ProbeStream
from daemon.restream.config import ConfigWebRTC
from daemon.webrtc.plan import Action, Plan, make_plan

VIDEO = ProbeStream(
    url="rtsp://cam", format="rtsp", index=0, stream=0, language="und", type="video",
    codec="h264", coder="", bitrate_kbps=0.0, duration_sec=0.0, fps=25.0, pix_fmt="yuv420p",
    width=1280, height=720, sampling_hz=0, layout="", channels=0,
    profile="Constrained Baseline", has_b_frames=False, keyframe_interval_seconds=2.0,
)  # fmt: skip
AUDIO = replace(
    VIDEO, type="audio", stream=1, codec="opus", width=0, height=0, pix_fmt="",
    sampling_hz=48_000, layout="stereo", channels=2, profile="",
)  # fmt: skip


def plan(*streams: ProbeStream, force: bool = False) -> Plan:
    return make_plan(Probe(streams), ConfigWebRTC(enabled=True, force_transcode=force))


def codes(plan: Plan, kind: str) -> list[str]:
    return [r.code for track in plan.tracks if track.kind == kind for r in track.reasons]


def test_what_browsers_take_is_copied() -> None:
    made = plan(VIDEO, AUDIO)
    assert [(track.action, track.stream_map) for track in made.tracks] == [
        (Action.COPY, "0:0"),
        (Action.COPY, "0:1"),
    ]
    assert made.tracks[0].profile_level_id == "42e01f"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"has_b_frames": True, "profile": "High"}, "b-frames"),
        ({"has_b_frames": None}, "b-frames-unknown"),
        ({"codec": "hevc", "profile": "Main"}, "codec"),
        ({"profile": "High 4:4:4 Predictive"}, "profile"),
        ({"pix_fmt": "yuv420p10le"}, "pixel-format"),
    ],
)
def test_what_browsers_do_not_take_is_encoded(change: dict[str, object], code: str) -> None:
    made = plan(replace(VIDEO, **change))  # type: ignore[arg-type]
    assert made.tracks[0].action is Action.ENCODE
    assert made.tracks[0].profile_level_id == "42e01f"
    assert code in codes(made, "video")


@pytest.mark.parametrize(("profile", "wanted"), [("Main", "4d001f"), ("High", "64001f")])
def test_a_copy_names_the_profile_that_it_really_has(profile: str, wanted: str) -> None:
    assert plan(replace(VIDEO, profile=profile)).tracks[0].profile_level_id == wanted


def test_a_long_group_of_pictures_is_copied_with_a_warning() -> None:
    made = plan(replace(VIDEO, keyframe_interval_seconds=10.0))
    assert made.tracks[0].action is Action.COPY
    assert "long-gop" in codes(made, "video")


@pytest.mark.parametrize(
    ("change", "code"), [({"codec": "aac"}, "codec"), ({"channels": 6}, "channels")]
)
def test_audio_that_is_no_stereo_opus_is_encoded(change: dict[str, object], code: str) -> None:
    made = plan(replace(AUDIO, **change))  # type: ignore[arg-type]
    assert made.tracks[1].action is Action.ENCODE
    assert codes(made, "audio") == [code]


def test_force_encodes_both_and_says_so() -> None:
    made = plan(VIDEO, AUDIO, force=True)
    assert [track.action for track in made.tracks] == [Action.ENCODE, Action.ENCODE]
    assert codes(made, "video") == ["forced"]


def test_a_missing_track_is_none_and_says_so() -> None:
    made = plan(AUDIO)
    assert made.kinds == ("audio",)
    assert codes(made, "video") == ["no-video"]
    assert plan().active == ()


def test_the_first_stream_of_each_kind_counts_over_all_inputs() -> None:
    second = replace(AUDIO, index=1, stream=0)
    made = plan(VIDEO, second, replace(AUDIO, index=2))
    assert made.tracks[1].stream_map == "1:0"
