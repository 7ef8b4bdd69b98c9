"""Progress from the bytes of ``-progress`` and stderr, as FFmpeg 5.1 and 9 write them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.ffmpeg.progress import Progress, ProgressParser

BANNER = b"""\
[info] Input #0, lavfi, from 'testsrc2':
[info]   Duration: N/A, start: 0.000000, bitrate: N/A
[info]   Stream #0:0: Video: wrapped_avframe, yuv420p, 320x240 [SAR 1:1 DAR 4:3], 25 fps, 25 tbr
[info] Stream mapping:
[info]   Stream #0:0 -> #0:0 (wrapped_avframe (native) -> h264 (libx264))
[info] Output #0, mpegts, to 'pipe:':
[info]   Stream #0:0: Video: h264 (avc1 / 0x31637661), yuv420p(tv), 320x240, q=2-31, 25 fps
[info] Output #1, rtp, to 'rtp://127.0.0.1:5004':
[info]   Stream #1:0: Audio: opus, 48000 Hz, stereo, flt, 96 kb/s
"""
AUDIO_ONLY = b"""\
bitrate=N/A
total_size=N/A
out_time_us=1021678
out_time_ms=1021678
out_time=00:00:01.021678
dup_frames=0
drop_frames=0
speed=N/A
progress=continue
"""


def block(
    frame: int, size: int | str = "N/A", seconds: float = 0.0, speed: str = "1x"
) -> bytes:
    return (
        f"frame={frame}\nfps=25.00\nstream_0_0_q=28.0\nbitrate= 358.5kbits/s\n"
        f"total_size={size}\nout_time_us={int(seconds * 1e6)}\ndup_frames=1\ndrop_frames=2\n"
        f"speed={speed}\nprogress=continue\n"
    ).encode()


def new_parser() -> ProgressParser:
    return ProgressParser(["in"], ["out", "webrtc_audio"])


def test_a_report_counts_when_it_is_complete() -> None:
    parser = new_parser()
    whole = block(50, 90530, 2.02, " 1.5x")
    parser.feed_progress(whole[:-2], 1.0)
    assert parser.progress == Progress()
    parser.feed_progress(whole[-2:], 1.0)
    now = parser.progress
    assert (now.frame, now.size_bytes, now.time_seconds) == (50, 90530, 2.02)
    assert (now.q, now.speed, now.dup, now.drop) == (28.0, 1.5, 1, 2)


@pytest.mark.parametrize(
    ("text", "speed"), [("   0x", 0.0), ("N/A", 0.0), ("9.88x", 9.88), ("1.2e+03x", 1200.0)]
)
def test_speed_is_read_in_all_its_forms(text: str, speed: float) -> None:
    parser = new_parser()
    parser.feed_progress(block(1, speed=text), 1.0)
    assert parser.progress.speed == speed


def test_audio_alone_advances_by_its_time() -> None:
    parser = new_parser()
    parser.feed_progress(AUDIO_ONLY, 1.0)
    first = parser.progress.position
    parser.feed_progress(AUDIO_ONLY.replace(b"1021678", b"2021678"), 2.0)
    assert parser.progress.time_seconds == 2.021678
    assert parser.progress.position > first


def test_a_report_without_news_does_not_advance() -> None:
    parser = new_parser()
    parser.feed_progress(block(50, 1000, 2.0), 1.0)
    before = parser.progress.position
    for now in range(2, 60):
        parser.feed_progress(block(50, 1000, 2.0), float(now))
        parser.feed_progress(block(0, "N/A", -577014.0), float(now))
    assert parser.progress.position == before
    assert parser.progress.frame == 50


def test_rates_are_means_over_the_real_time_of_the_window() -> None:
    parser = new_parser()
    for second in range(10):
        parser.feed_progress(block(second * 25, second * 1000), float(second))
    assert parser.progress.fps == pytest.approx(25.0)
    assert parser.progress.bitrate_bits == pytest.approx(8000.0)


def test_rates_forget_what_is_older_than_the_window() -> None:
    parser = new_parser()
    for second in range(100):
        frames = min(second, 50) * 25 + max(second - 50, 0) * 50
        parser.feed_progress(block(frames), float(second))
    assert parser.progress.fps == pytest.approx(50.0)


def test_rates_sink_to_nothing_while_no_report_comes() -> None:
    parser = new_parser()
    parser.feed_stderr(BANNER)
    for second in range(41):
        parser.feed_progress(block(second * 25, second * 1000), float(second))
    assert parser.at(41.0) == parser.progress  # a report may be a little late
    shown = parser.at(50.0)
    assert shown.fps == pytest.approx(25.0 * 19 / 29)
    assert shown.bitrate_bits == pytest.approx(8000.0 * 19 / 29)
    assert [output.fps for output in shown.outputs] == [shown.fps, 0.0]
    later = parser.at(71.0)
    assert (later.fps, later.bitrate_bits, later.frame) == (0.0, 0.0, 1000)


def test_without_any_report_there_is_no_rate_at_any_time() -> None:
    assert new_parser().at(100.0) == Progress()


def test_a_flood_of_reports_keeps_the_window_small_and_right() -> None:
    parser = new_parser()
    for number in range(20_000):
        parser.feed_progress(block(number), number / 250)
    assert len(parser._samples) <= 1100
    assert parser.progress.fps == pytest.approx(250.0, rel=0.01)


def test_a_clock_that_stands_still_gives_no_rate() -> None:
    parser = new_parser()
    parser.feed_progress(block(1), 5.0)
    parser.feed_progress(block(100), 5.0)
    assert parser.progress.fps == 0.0


def test_streams_get_the_ids_of_the_config_and_what_is_counted() -> None:
    parser = new_parser()
    parser.feed_stderr(BANNER)
    parser.feed_progress(block(50), 1.0)
    [source] = parser.progress.inputs
    video, audio = parser.progress.outputs
    assert (source.id, source.address, source.format) == ("in", "testsrc2", "lavfi")
    assert (video.id, video.codec, video.coder, video.frame, video.q) == (
        *("out", "h264", "libx264", 50, 28.0),
    )
    assert (audio.id, audio.address, audio.channels) == (
        *("webrtc_audio", "rtp://127.0.0.1:5004", 2),
    )


def test_a_stream_of_a_file_that_nobody_configured_has_no_id() -> None:
    parser = ProgressParser([], [])
    parser.feed_stderr(BANNER)
    assert [stream.id for stream in parser.progress.outputs] == ["", ""]


def test_lines_come_without_statistics() -> None:
    parser = new_parser()
    lines = parser.feed_stderr(
        b"Press [q] to stop\n"
        b"frame=   50 fps=0.0 q=-1.0 Lsize=      88kB time=00:00:02.02 speed=9.88x    \r"
        b"[info] size=N/A time=00:00:01.00 bitrate=N/A speed=  39x elapsed=0:00:00.02    \r\n"
        b"[aac @ 0x56] [info] Qavg: 1557.167\nOverwrite? "
    )
    assert lines == ["Press [q] to stop", "[aac @ 0x56] [info] Qavg: 1557.167"]
    assert parser.finish() == ["Overwrite?"]


PIECES = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from([BANNER, AUDIO_ONLY, block(7), b"frame=", b"9" * 5000, b"\r", b"\n"]),
        st.sampled_from([b"out_time_us=-9223372036854775808\n", b"stream_0_0_q=nan\n"]),
    ),
    max_size=12,
)


@given(PIECES, st.lists(st.integers(0, 3000), max_size=8))
def test_any_bytes_in_any_chunks_give_the_same(pieces: list[bytes], cuts: list[int]) -> None:
    data = b"".join(pieces)
    borders = [0, *sorted(cuts), len(data)]
    one, many = new_parser(), new_parser()
    lines = one.feed_stderr(data) + one.finish()
    one.feed_progress(data, 1.0)
    # one pipe after the other: what is said first on two pipes may matter, chunks may not
    cut_lines = [line for a, b in pairwise(borders) for line in many.feed_stderr(data[a:b])]
    assert cut_lines + many.finish() == lines
    for a, b in pairwise(borders):
        many.feed_progress(data[a:b], 1.0)
    assert many.progress == one.progress
