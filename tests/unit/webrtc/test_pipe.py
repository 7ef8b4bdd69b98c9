"""PicturePipe: whole pictures from a key frame on, and none too many."""

from typing import cast

from daemon.rtc import flv
from daemon.rtc.derived import DerivedLine
from daemon.rtc.packetizer import Picture
from daemon.webrtc.pipe import LONGEST, MAX_WAITING, PicturePipe

SPS, PPS = b"\x67\x42\xc0\x0d\xd9", b"\x68\xcb\x83\xcb"
IDR, P_SLICE = b"\x65\x88\x84", b"\x41\x9a\x02"


class Pipe:
    """A writer whose other end doesn't read."""

    def __init__(self) -> None:
        self.written = b""
        self.waiting = 0
        self.transport = self

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return self.waiting


def opened() -> tuple[PicturePipe, Pipe]:
    line = DerivedLine(first_index=1)
    line.begin_run(0)
    writer = Pipe()
    return PicturePipe(cast("object", writer), line), writer  # type: ignore[arg-type]


def frame(timestamp: int, *nals: bytes) -> Picture:
    is_key = IDR in nals
    return Picture(timestamp, nals, packets=(), is_keyframe=is_key, is_whole=True)


def test_pictures_go_in_whole_from_a_key_frame_on() -> None:
    pipe, writer = opened()
    pipe.feed(frame(0, P_SLICE))
    assert writer.written == b""
    pipe.feed(frame(3000, SPS, PPS, IDR))
    expected = flv.HEADER + flv.configuration([SPS, PPS])
    expected += flv.picture([SPS, PPS, IDR], 0, is_key=True)
    assert writer.written == expected
    pipe.feed(frame(6600, P_SLICE))
    assert writer.written == expected + flv.picture([P_SLICE], 40, is_key=False)
    assert pipe.pictures == 2


def test_a_reader_that_is_too_slow_gets_the_next_key_frame() -> None:
    pipe, writer = opened()
    pipe.feed(frame(0, SPS, PPS, IDR))
    writer.waiting = MAX_WAITING + 1
    before = writer.written
    pipe.feed(frame(3000, P_SLICE))
    writer.waiting = 0
    pipe.feed(frame(6000, P_SLICE))
    assert writer.written == before
    assert pipe.left_out == 2
    assert pipe.last_offered > 0.0  # which a hanging reader is told by
    pipe.feed(frame(9000, SPS, PPS, IDR))
    assert writer.written.endswith(flv.picture([SPS, PPS, IDR], 100, is_key=True))


def test_other_parameter_sets_need_another_ffmpeg() -> None:
    pipe, writer = opened()
    pipe.feed(frame(0, SPS, PPS, SPS, PPS, IDR))
    before = writer.written
    pipe.feed(frame(3000, SPS, PPS, SPS + b"\1", PPS, IDR))  # FFmpeg repeats the first ones
    assert pipe.is_outdated
    pipe.feed(frame(6000, P_SLICE))
    assert writer.written == before


def test_so_does_a_clock_that_is_nearly_full() -> None:
    pipe, _ = opened()
    pipe.feed(frame(0, SPS, PPS, IDR))
    pipe.feed(frame(90 * LONGEST, P_SLICE))
    assert not pipe.is_outdated
    pipe.feed(frame(90 * LONGEST + 90, P_SLICE))
    assert pipe.is_outdated


def test_a_key_frame_without_parameter_sets_is_no_beginning() -> None:
    pipe, writer = opened()
    pipe.feed(frame(0, IDR))
    assert writer.written == b""
