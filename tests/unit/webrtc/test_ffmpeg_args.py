"""ffmpeg_args: one RTP output per track."""

from dataclasses import replace

import pytest

from daemon.webrtc.ffmpeg_args import LegAddress, build_args
from daemon.webrtc.plan import Action, TrackPlan

LEG = LegAddress(port=5004, source_port=5005, payload_type=102, ssrc=77)
COPY = TrackPlan("video", Action.COPY, (), "0:0", "h264", "42e01f", 1280, 720, 25.0)
ENCODE = replace(COPY, action=Action.ENCODE)


def pairs(args: list[str]) -> dict[str, str]:
    """Options with their values."""
    return {args[place]: args[place + 1] for place in range(0, len(args) - 1, 2)}


def test_a_leg_goes_to_its_port_from_its_port() -> None:
    args = build_args(COPY, LEG, start_microseconds=123)
    assert args[-1] == "udp://127.0.0.1:5004?pkt_size=60000&localaddr=127.0.0.1&localport=5005"
    options = pairs(args[:-1])
    assert options["-map"] == "0:0"
    assert options["-payload_type"] == "102"
    assert options["-ssrc"] == "77"
    assert options["-start_time_realtime"] == "123"
    assert options["-f"] == "rtp"


def test_a_copy_carries_its_parameter_sets_in_band() -> None:
    options = pairs(build_args(COPY, LEG, start_microseconds=1)[:-1])
    assert options["-c:v"] == "copy"
    assert options["-bsf:v"] == "h264_mp4toannexb,dump_extra=freq=keyframe"


def test_an_encode_is_made_for_webrtc() -> None:
    options = pairs(build_args(ENCODE, LEG, start_microseconds=1)[:-1])
    assert options["-profile:v"] == "baseline"
    assert options["-tune"] == "zerolatency"
    assert options["-g"] == "25"
    assert options["-bf"] == "0"
    assert options["-x264-params"] == "sliced-threads=0"
    assert "-filter:v" not in options


def test_odd_sizes_are_made_even() -> None:
    options = pairs(build_args(replace(ENCODE, width=641), LEG, start_microseconds=1)[:-1])
    assert options["-filter:v"] == "scale=trunc(iw/2)*2:trunc(ih/2)*2"


def test_a_large_picture_may_use_all_cores() -> None:
    large = replace(ENCODE, width=3840, height=2160)
    assert "-threads:v" not in build_args(large, LEG, start_microseconds=1)


@pytest.mark.parametrize("fps", [0.0, 0.2, 1000.0, 90_000.0])
def test_where_the_rate_tells_nothing_key_frames_come_by_the_clock(fps: float) -> None:
    options = pairs(build_args(replace(ENCODE, fps=fps), LEG, start_microseconds=1)[:-1])
    assert options["-g"] == "30"
    assert options["-force_key_frames"] == "expr:gte(t,n_forced*1)"


def filters(**change: object) -> str:
    track = replace(ENCODE, **change)  # type: ignore[arg-type]
    return pairs(build_args(track, LEG, start_microseconds=1)[:-1]).get("-filter:v", "")


def test_interlaced_pictures_become_whole_frames() -> None:
    assert filters(is_interlaced=True) == "yadif=deint=interlaced"


def test_a_rate_beyond_what_screens_show_is_cut_and_key_frames_with_it() -> None:
    fast = replace(ENCODE, fps=120.0)
    options = pairs(build_args(fast, LEG, start_microseconds=1)[:-1])
    assert (options["-filter:v"], options["-g"]) == ("fps=60", "60")


def test_a_huge_picture_is_scaled_to_what_decoders_take() -> None:
    assert filters(width=7680, height=4320) == "scale=3840:2160"
    assert filters(width=4096, height=4096) == "scale=2880:2880"
    assert filters(width=3840, height=2160) == ""


def test_audio_becomes_stereo_opus_or_is_copied() -> None:
    audio = TrackPlan("audio", Action.ENCODE, (), "0:1", "aac")
    options = pairs(build_args(audio, LEG, start_microseconds=1)[:-1])
    assert (options["-c:a"], options["-ar"], options["-ac"]) == ("libopus", "48000", "2")
    copied = replace(audio, action=Action.COPY)
    assert pairs(build_args(copied, LEG, start_microseconds=1)[:-1])["-c:a"] == "copy"
