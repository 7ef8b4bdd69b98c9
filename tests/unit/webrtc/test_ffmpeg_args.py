"""ffmpeg_args: one RTP output per track."""

from dataclasses import replace

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
    assert args[-1] == "udp://127.0.0.1:5004?pkt_size=1200&localaddr=127.0.0.1&localport=5005"
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


def test_an_unknown_rate_still_has_key_frames() -> None:
    options = pairs(build_args(replace(ENCODE, fps=0.0), LEG, start_microseconds=1)[:-1])
    assert options["-g"] == "30"


def test_audio_becomes_stereo_opus_or_is_copied() -> None:
    audio = TrackPlan("audio", Action.ENCODE, (), "0:1", "aac")
    options = pairs(build_args(audio, LEG, start_microseconds=1)[:-1])
    assert (options["-c:a"], options["-ar"], options["-ac"]) == ("libopus", "48000", "2")
    copied = replace(audio, action=Action.COPY)
    assert pairs(build_args(copied, LEG, start_microseconds=1)[:-1])["-c:a"] == "copy"
