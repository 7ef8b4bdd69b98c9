"""Still pictures: one coded frame becomes a JPEG, by libavcodec in our own process."""

from fractions import Fraction

import av
from av.codec.context import Flags

from daemon.errors import NotReadyError

MAX_WIDTH = 640  # pixels
MAX_PIXELS = 8192 * 4352  # of the coded picture; level 6.2 of H.264 allows no more
QUALITY = 4  # of MJPEG: 2 is the best, 31 the smallest
LAMBDA = 118  # FF_QP2LAMBDA
RETRY_AFTER = 2  # seconds


def jpeg(codec: str, data: bytes) -> bytes:
    """Decode one intra picture, with its parameter sets, and write it as a JPEG.

    ``codec`` is FFmpeg's name of the decoder, ``data`` what it takes as one packet. The picture
    has square pixels and is at most 640 wide. It takes some 10 ms for 1080p: call it in a
    thread. Raises NotReadyError if there is no picture in it.
    """
    try:
        frame, aspect = _decode(codec, data)
        return _encode(frame, aspect)
    except (av.FFmpegError, ValueError) as error:
        text = "the last key frame can't be decoded"
        raise NotReadyError(text, retry_after=RETRY_AFTER, reason="no-picture") from error


def _decode(codec: str, data: bytes) -> tuple[av.VideoFrame, Fraction]:
    decoder = av.CodecContext.create(codec, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_count = 1
    decoder.options = {"max_pixels": str(MAX_PIXELS)}
    frames = [*decoder.decode(av.Packet(data)), *decoder.decode(None)]
    if not frames:
        raise ValueError("no frame")
    return frames[0], Fraction(decoder.sample_aspect_ratio or 1)


def _encode(frame: av.VideoFrame, aspect: Fraction) -> bytes:
    shown_width = frame.width * aspect
    width = min(MAX_WIDTH, int(shown_width)) // 2 * 2
    height = max(2, int(frame.height * width / shown_width) // 2 * 2)
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height = width, height
    encoder.pix_fmt = "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.flags |= Flags.qscale
    encoder.options = {"global_quality": str(QUALITY * LAMBDA)}
    scaled = frame.reformat(width, height, format="yuvj420p")
    scaled.pts, scaled.time_base = 0, encoder.time_base
    return b"".join(
        bytes(packet) for packet in (*encoder.encode(scaled), *encoder.encode(None))
    )
