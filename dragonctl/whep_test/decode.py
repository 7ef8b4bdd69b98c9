"""Decoded frames of aiortc: thumbnails, samples, a PNG file."""

from fractions import Fraction
from pathlib import Path

import av
from av.video.reformatter import VideoReformatter

from dragonctl.whep_test.media import THUMBNAIL

BYTES_PER_SAMPLE = 2


class Thumbnailer:
    """Shrinks pictures; keeps its scaler between them."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def shrink(self, frame: av.VideoFrame) -> bytes:
        """Return the luma of a frame, full range, ``THUMBNAIL`` cells."""
        width, height = THUMBNAIL
        small = self._reformatter.reformat(frame, width, height, "gray", interpolation="AREA")
        plane = small.planes[0]
        data = bytes(plane)
        if plane.line_size == width:
            return data[: width * height]
        rows = range(0, height * plane.line_size, plane.line_size)
        return b"".join(data[row : row + width] for row in rows)


def samples(frame: av.AudioFrame) -> bytes:
    """Return the samples of a packed 16 bit frame, without the padding of its buffer."""
    size = frame.samples * len(frame.layout.channels) * BYTES_PER_SAMPLE
    return bytes(frame.planes[0])[:size]


def encode_png(frame: av.VideoFrame) -> bytes:
    """Encode a picture as PNG."""
    picture = frame.reformat(format="rgb24")
    codec = av.CodecContext.create("png", "w")
    codec.width, codec.height, codec.pix_fmt = picture.width, picture.height, "rgb24"
    codec.time_base = Fraction(1, 1)
    packets = [*codec.encode(picture), *codec.encode(None)]
    return b"".join(bytes(packet) for packet in packets)


def save_png(frame: av.VideoFrame, path: Path) -> None:
    """Write a picture to a PNG file. Blocks; raises OSError."""
    path.write_bytes(encode_png(frame))
