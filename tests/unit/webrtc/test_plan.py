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
    ("change", "expected"),
    [
        ({"has_b_frames": True, "profile": "High"}, ["b-frames"]),
        ({"has_b_frames": None}, ["b-frames-unknown"]),
        ({"codec": "hevc", "profile": "Main"}, ["codec"]),
        ({"codec": "mpeg2video", "profile": "Main"}, ["codec"]),
        ({"codec": "mjpeg", "profile": "Baseline", "pix_fmt": "yuvj422p"}, ["codec"]),
        ({"codec": "vp9", "profile": "Profile 0"}, ["codec"]),
        ({"codec": "av1", "profile": "Main"}, ["codec"]),
        ({"codec": "rawvideo", "profile": ""}, ["codec"]),
        (
            {"profile": "High 4:4:4 Predictive", "pix_fmt": "yuv444p"},
            ["profile", "pixel-format"],
        ),
        ({"profile": "High 10", "pix_fmt": "yuv420p10le"}, ["profile", "pixel-format"]),
        ({"profile": ""}, ["profile"]),
        ({"is_interlaced": True, "profile": "Main"}, ["interlaced"]),
        ({"codec": "mpeg2video", "is_interlaced": True}, ["codec", "interlaced"]),
        ({"codec": "hevc", "width": 853, "height": 480}, ["codec", "odd-size"]),
        ({"codec": "hevc", "width": 7680, "height": 4320}, ["codec", "large-picture"]),
        ({"codec": "mjpeg", "fps": 120.0}, ["codec", "high-frame-rate"]),
        ({"codec": "mjpeg", "fps": 90_000.0}, ["codec"]),  # a guess, not a rate
    ],
)
def test_what_browsers_do_not_take_is_encoded(
    change: dict[str, object], expected: list[str]
) -> None:
    made = plan(replace(VIDEO, **change))  # type: ignore[arg-type]
    assert made.tracks[0].action is Action.ENCODE
    assert made.tracks[0].profile_level_id == "42e01f"
    assert codes(made, "video") == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"width": 853, "height": 481}, []),  # cropping is the decoder's, and all know it
        ({"keyframe_interval_seconds": 10.0}, ["long-gop"]),
        ({"keyframe_interval_seconds": None, "seconds_without_keyframe": 2.9}, ["long-gop"]),
        ({"keyframe_interval_seconds": None, "seconds_without_keyframe": 1.0}, []),
        ({"format": "mov,mp4,m4a,3gp,3g2,mj2"}, ["parameter-sets"]),
        ({"format": "mpegts"}, []),
        ({"width": 7680, "height": 4320}, ["large-picture"]),
        ({"fps": 120.0}, ["high-frame-rate"]),
        ({"bitrate_kbps": 50_000.0}, ["high-bitrate"]),
        ({"pix_fmt": ""}, []),
    ],
)
def test_a_copy_says_what_viewers_should_know(
    change: dict[str, object], expected: list[str]
) -> None:
    made = plan(replace(VIDEO, **({"format": "mpegts"} | change)))  # type: ignore[arg-type]
    assert made.tracks[0].action is Action.COPY
    assert codes(made, "video") == ["compatible", *expected]


@pytest.mark.parametrize(
    ("stream", "kind"),
    [
        (replace(VIDEO, width=0, height=0, profile="", pix_fmt=""), "video"),
        (replace(VIDEO, codec="hevc", width=0, height=0), "video"),
        (replace(AUDIO, codec="aac", sampling_hz=0, channels=0), "audio"),
    ],
)
def test_what_nobody_can_decode_is_left_out_and_the_rest_goes_on(
    stream: ProbeStream, kind: str
) -> None:
    other = AUDIO if kind == "video" else VIDEO
    made = plan(stream, other)
    assert codes(made, kind) == ["no-parameters"]
    assert made.kinds == (other.type,)
    assert next(track for track in made.tracks if track.kind == kind).codec == stream.codec


def test_the_cover_of_a_song_is_no_video() -> None:
    made = plan(replace(VIDEO, codec="mjpeg", is_still=True), AUDIO)
    assert made.kinds == ("audio",)
    assert codes(made, "video") == ["no-video"]


@pytest.mark.parametrize(("profile", "wanted"), [("Main", "4d001f"), ("High", "64001f")])
def test_a_copy_names_the_profile_that_it_really_has(profile: str, wanted: str) -> None:
    assert plan(replace(VIDEO, profile=profile)).tracks[0].profile_level_id == wanted


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"codec": "aac"}, ["codec"]),
        ({"codec": "aac", "channels": 6}, ["codec", "channels"]),
        ({"channels": 6}, ["channels"]),
        ({"codec": "pcm_alaw", "sampling_hz": 8000, "channels": 1}, ["g711"]),
        ({"codec": "pcm_mulaw", "sampling_hz": 8000, "channels": 1}, ["g711"]),
    ],
)
def test_audio_that_is_no_stereo_opus_is_encoded(
    change: dict[str, object], expected: list[str]
) -> None:
    made = plan(replace(AUDIO, **change))  # type: ignore[arg-type]
    assert made.tracks[1].action is Action.ENCODE
    assert codes(made, "audio") == expected


def test_mono_opus_is_copied() -> None:
    assert plan(replace(AUDIO, channels=1)).tracks[1].action is Action.COPY


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
