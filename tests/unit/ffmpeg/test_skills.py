"""FFmpeg's own lists, in the forms of 5.1 and 9."""

import pytest

from daemon.ffmpeg.skills import Codec, Library, Skill, parse

LISTS = {
    "version": """\
ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026 the FFmpeg developers
built with gcc 12 (Debian 12.2.0-14+deb12u1)
configuration: --prefix=/usr --enable-gpl
libavutil      57. 28.100 / 57. 29.100
""",
    "filters": """\
Filters:
  T.. = Timeline support
  | = Source or sink filter
 ..C acompressor       A->A       Audio compressor.
 TS aap               AA->A      Apply Affine Projection algorithm.
 ... buffersink        V->|       Buffer video frames.
""",
    "codecs": """\
Codecs:
 D..... = Decoding supported
 ..V... = Video codec
 ..A... = Audio codec
 ..S... = Subtitle codec
 -------
 D.VI.S 012v                 Uncompressed 4:2:2 10-bit
 .EVIL. a64_multi            Multicolor charset (encoders: a64multi)
 DEV.LS h264                 H.264 / AVC (decoders: h264 h264_qsv ) (encoders: libx264 )
 DEA.L. opus                 Opus (Opus Interactive Audio Codec) (encoders: opus libopus)
 DES... webvtt               WebVTT subtitle
 ..D... timed_id3            timed ID3 metadata
""",
    "formats": """\
File formats:
 D. = Demuxing supported
 --
 D  3dostr          3DO STR
 DE mov,mp4         QuickTime / MOV
  E hls             Apple HTTP Live Streaming
""",
    "devices": """\
Devices:
 D.. = Demuxing supported
 ..d = Is a device
 ---
 DEd video4linux2,v4l2 Video4Linux2 output device
 D d lavfi           Libavfilter virtual input device
""",
    "protocols": "Supported file protocols:\nInput:\n  file\n  srt\nOutput:\n  tee\n",
    "hwaccels": "Hardware acceleration methods:\ncuda\nvaapi\n\n",
}


def test_everything_is_read() -> None:
    skills = parse(LISTS)
    assert (skills.version, skills.compiler) == ("5.1.9", "gcc 12 (Debian 12.2.0-14+deb12u1)")
    assert skills.configuration == "--prefix=/usr --enable-gpl"
    assert skills.libraries == (Library("libavutil", "57.28.100", "57.29.100"),)
    assert [skill.id for skill in skills.filters] == ["acompressor", "aap", "buffersink"]
    assert skills.hwaccels == (Skill("cuda", "cuda"), Skill("vaapi", "vaapi"))
    assert [skill.id for skill in skills.demuxers] == ["3dostr", "mov"]
    assert [skill.id for skill in skills.muxers] == ["mov", "hls"]
    assert [skill.id for skill in skills.device_demuxers] == ["video4linux2", "lavfi"]
    assert [skill.id for skill in skills.device_muxers] == ["video4linux2"]
    assert [skill.id for skill in skills.input_protocols] == ["file", "srt"]
    assert [skill.id for skill in skills.output_protocols] == ["tee"]


def test_codecs_have_their_coders() -> None:
    skills = parse(LISTS)
    assert skills.video_codecs == (
        Codec("012v", "Uncompressed 4:2:2 10-bit", (), ("012v",)),
        Codec("a64_multi", "Multicolor charset", ("a64multi",), ()),
        Codec("h264", "H.264 / AVC", ("libx264",), ("h264", "h264_qsv")),
    )
    assert skills.audio_codecs == (
        Codec("opus", "Opus (Opus Interactive Audio Codec)", ("opus", "libopus"), ("opus",)),
    )
    assert [codec.id for codec in skills.subtitle_codecs] == ["webvtt"]


@pytest.mark.parametrize("text", ["", "\0\n" * 10, "unexpected: lines\n  of another program"])
def test_strange_output_gives_few_skills_and_no_error(text: str) -> None:
    skills = parse(dict.fromkeys(LISTS, text))
    assert skills.version == ""
    assert skills.video_codecs == ()
