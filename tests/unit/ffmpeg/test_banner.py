"""Stream lists as FFmpeg 5.1 and 9 print them."""

import pytest

from daemon.ffmpeg.banner import MAX_STREAMS, Banner, Stream

TRANSPORT_STREAM = """\
Input #0, mpegts, from 'udp://127.0.0.1:5000?a='b':c':
  Duration: 00:01:06.04, start: 1.443511, bitrate: 1417 kb/s
  Program 1
    Metadata:
      service_name    : Service01
  Stream #0:0[0x100]: Video: h264 (High) ([27][0][0][0] / 0x001B), yuv420p(tv, bt709, \
progressive), 640x360 [SAR 1:1 DAR 16:9], 795 kb/s, 29.97 fps, 29.97 tbr, 90k tbn, start 1.4
  Stream #0:1[0x101](eng): Audio: aac (LC) ([15][0][0][0] / 0x000F), 44100 Hz, mono, fltp, \
71 kb/s
  Stream #0:2[0x102]: Audio: ac3 (AC-3 / 0x332D4341), 48000 Hz, 5.1(side), fltp, \
448 kb/s (default)
  Stream #0:3[0x103](deu): Subtitle: dvb_teletext ([6][0][0][0] / 0x0006)
"""


def read(text: str) -> Banner:
    banner = Banner()
    for line in text.splitlines():
        banner.receive_line(line)
    return banner


def read_stream(description: str) -> Stream:
    [stream] = read(f"Input #0, x, from 'y':\n  Stream #0:0: {description}").inputs
    return stream


@pytest.mark.parametrize("prefix", ["", "[info] "])
def test_all_streams_of_a_transport_stream_are_listed(prefix: str) -> None:
    text = "\n".join(prefix + line for line in TRANSPORT_STREAM.splitlines())
    video, aac, ac3, subtitle = read(text).inputs
    assert video == Stream(
        url="udp://127.0.0.1:5000?a='b':c",
        format="mpegts",
        index=0,
        stream=0,
        type="video",
        codec="h264",
        profile="High",
        bitrate_kbps=795.0,
        duration_seconds=66.04,
        fps=29.97,
        pix_fmt="yuv420p",
        width=640,
        height=360,
    )
    assert (aac.language, aac.profile, aac.sampling_hz, aac.layout, aac.channels) == (
        *("eng", "LC", 44100, "mono", 1),
    )
    assert (ac3.profile, ac3.layout, ac3.channels, ac3.bitrate_kbps) == (
        "",
        "5.1(side)",
        6,
        448,
    )
    assert (subtitle.type, subtitle.codec, subtitle.language) == (
        *("subtitle", "dvb_teletext", "deu"),
    )


def test_raw_video_of_ffmpeg_5_has_its_rate_in_tbr_only() -> None:
    stream = read_stream(
        "Video: rawvideo (I420 / 0x30323449), yuv420p, 320x240, 25 tbr, 25 tbn"
    )
    assert (stream.codec, stream.profile, stream.fps) == ("rawvideo", "", 25.0)


def test_a_decoder_is_no_profile() -> None:
    stream = read_stream("Video: av1 (libdav1d) (Main) (av01 / 0x31307661), yuv420p(tv), 64x64")
    assert (stream.codec, stream.coder, stream.profile) == ("av1", "libdav1d", "Main")


def test_an_unknown_pixel_format_is_empty() -> None:
    stream = read_stream("Video: h264, none, 90k tbr")
    assert (stream.pix_fmt, stream.width, stream.fps) == ("", 0, 90_000.0)


@pytest.mark.parametrize(
    ("layout", "channels"),
    [("stereo", 2), ("7.1", 8), ("5.1.2(back)", 8), ("3 channels (FL+FR+LFE)", 3), ("?", 0)],
)
def test_channels_come_from_the_layout(layout: str, channels: int) -> None:
    assert read_stream(f"Audio: pcm_s16le, 8000 Hz, {layout}, s16").channels == channels


def test_the_mapping_names_the_coders_before_or_after_the_output() -> None:
    banner = read(
        TRANSPORT_STREAM
        + """\
Output #0, mpegts, to 'a.ts':
  Stream #0:0: Video: h264 (High), yuv420p, 640x360, q=2-31, 29.97 fps
Stream mapping:
  Stream #0:0 -> #0:0 (copy)
  Stream #0:1 -> #1:0 (aac (native) -> opus (libopus))
  overlay:default -> Stream #2:0 (libx264)
Output #1, rtp, to 'rtp://127.0.0.1:5004':
  Stream #1:0: Audio: opus, 48000 Hz, stereo, s16, 96 kb/s
Output #2, flv, to 'rtmp://x/y':
  Stream #2:0: Video: h264, yuv420p, 640x360
"""
    )
    assert [stream.coder for stream in banner.outputs] == ["copy", "libopus", "libx264"]
    assert [stream.coder for stream in banner.inputs] == ["copy", "aac", "", ""]


def test_metadata_of_the_input_cannot_pose_as_a_stream() -> None:
    banner = read(
        TRANSPORT_STREAM + "    Stream #0:9(aaaaaaaa): Video: h264, yuv420p, 640x360\n"
        "  comment         : Input #7, x, from 'y':\n"
    )
    assert [stream.stream for stream in banner.inputs] == [0, 1, 2, 3]


def test_a_stream_of_no_file_or_seen_before_is_left_out() -> None:
    assert not read("  Stream #0:0: Video: h264").inputs
    again = "  Stream #0:0: Audio: aac\n  Stream #1:0: Audio: aac\n"
    assert len(read(TRANSPORT_STREAM + again).inputs) == 4


def test_the_number_of_streams_is_bounded() -> None:
    lines = (f"  Stream #0:{number}: Audio: aac" for number in range(2000))
    assert len(read("\n".join(["Input #0, x, from 'y':", *lines])).inputs) == MAX_STREAMS


@pytest.mark.parametrize(
    ("description", "is_interlaced"),
    [
        ("Video: h264 (High), yuv420p(top first), 320x240, 25 fps", True),
        ("Video: mpeg2video (Main), yuv420p(tv, bt709, bottom first), 320x240, 25 fps", True),
        ("Video: h264 (Main), yuv420p(tv, top coded first (swapped)), 64x64", True),
        ("Video: h264 (High), yuv420p(tv, bt709, progressive), 320x240", False),
        ("Video: h264 (High), yuv420p, 320x240, 25 fps (default)", False),
    ],
)
def test_interlacing_is_told(description: str, *, is_interlaced: bool) -> None:
    assert read_stream(description).is_interlaced is is_interlaced


def test_a_cover_is_a_still_picture() -> None:
    text = "Video: mjpeg (Baseline), yuvj420p(pc), 100x100, 90k tbr, 90k tbn (attached pic)"
    assert read_stream(text).is_still
    assert not read_stream("Video: mjpeg (Baseline), yuvj420p(pc), 100x100").is_still


def test_h264_without_parameter_sets_has_no_size() -> None:
    stream = read_stream("Video: h264 ([27][0][0][0] / 0x001B), none, 25 fps, 90k tbn")
    assert (stream.width, stream.profile, stream.pix_fmt) == (0, "", "")
