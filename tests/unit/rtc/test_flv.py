"""FLV: read back by FFmpeg's own demuxer."""

import io

import av
import pytest

from daemon.rtc import flv

SPS = bytes.fromhex("6742c00dd901416e04400000030040000000c83c50a920")
PPS = bytes.fromhex("68cb83cb20")
IDR, P_SLICE = b"\x65\x88\x84\x0a", b"\x41\x9a\x02\x03\x04"


def test_what_is_written_is_read_by_ffmpeg() -> None:
    stream = flv.HEADER + flv.configuration([SPS, PPS, IDR])
    stream += flv.picture([SPS, PPS, IDR], 0, is_key=True)
    stream += flv.picture([P_SLICE], 0x1_23_45_67, is_key=False)
    with av.open(io.BytesIO(stream), "r", format="flv") as container:
        [video] = container.streams.video
        packets = [packet for packet in container.demux(video) if packet.pts is not None]
        assert video.codec_context.name == "h264"
        extradata = video.codec_context.extradata
    assert extradata is not None
    assert SPS in extradata
    assert PPS in extradata
    assert [(packet.pts, packet.is_keyframe) for packet in packets] == [
        (0, True),
        (0x1_23_45_67, False),
    ]
    assert bytes(packets[1]) == len(P_SLICE).to_bytes(4) + P_SLICE


@pytest.mark.parametrize("nals", [[], [SPS], [PPS], [IDR], [SPS[:3], PPS]])
def test_without_both_parameter_sets_there_is_no_configuration(nals: list[bytes]) -> None:
    assert flv.configuration(nals) == b""


@pytest.mark.parametrize("nals", [[SPS + bytes(70_000), PPS], [SPS, PPS + bytes(70_000)]])
def test_a_parameter_set_of_absurd_length_is_none(nals: list[bytes]) -> None:
    assert flv.configuration(nals) == b""
