"""Meters: numbers in, judgements out."""

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragonctl.whep_test.media import (
    FLOOR_DBFS,
    THUMBNAIL,
    Codec,
    PictureMeter,
    RtpMeter,
    SoundMeter,
    h264_units,
    is_vp8_key_frame,
    nearest,
)
from dragonctl.whep_test.model import PictureReport

CELLS = THUMBNAIL[0] * THUMBNAIL[1]
H264 = Codec(99, "H264", 90000, fmtp="profile-level-id=42e01f")
RTX = Codec(100, "rtx", 90000, associated=99)
IDR = bytes([0x65]) + bytes(20)
DELTA = bytes([0x41]) + bytes(20)


def feed(meter: RtpMeter, sequences: list[int], *, payload: bytes = DELTA) -> None:
    for number, sequence in enumerate(sequences):
        meter.receive_packet(
            number / 30,
            payload_type=99,
            ssrc=1,
            sequence=sequence % 65536,
            timestamp=number * 3000,
            payload=payload,
        )


def retransmit(meter: RtpMeter, sequence: int, payload: bytes = DELTA) -> None:
    meter.receive_packet(
        1.0,
        payload_type=100,
        ssrc=2,
        sequence=7,
        timestamp=0,
        payload=sequence.to_bytes(2, "big") + payload,
    )


def test_a_gap_is_loss_and_a_percentage_of_what_was_expected() -> None:
    meter = RtpMeter([H264])
    feed(meter, [10, 11, 13, 14])
    report = meter.report()
    assert (report.lost, report.loss_percent, report.packets) == (1, 20.0, 4)


def test_sequence_numbers_wrap_without_loss() -> None:
    meter = RtpMeter([H264])
    feed(meter, list(range(65530, 65546)))
    assert meter.report().lost == 0


def test_a_late_packet_is_recovered_and_a_repeat_is_nothing() -> None:
    meter = RtpMeter([H264])
    feed(meter, [1, 3, 2, 2, 3])
    report = meter.report()
    assert (report.lost, report.recovered) == (0, 1)


def test_a_retransmission_fills_the_gap_of_the_media() -> None:
    meter = RtpMeter([H264, RTX])
    feed(meter, [1, 3])
    assert meter.report().lost == 1
    retransmit(meter, 2)
    report = meter.report()
    assert (report.lost, report.recovered, report.codec) == (0, 1, "H264")


def test_a_key_frame_counts_also_when_it_came_by_retransmission() -> None:
    meter = RtpMeter([H264, RTX])
    feed(meter, [1, 3])
    assert meter.key_frames == 0
    retransmit(meter, 2, IDR)
    assert meter.key_frames == 1


def test_slices_of_one_picture_are_one_key_frame() -> None:
    meter = RtpMeter([H264])
    for sequence in (1, 2, 3):
        meter.receive_packet(
            0.0, payload_type=99, ssrc=1, sequence=sequence, timestamp=5, payload=IDR
        )
    assert meter.key_frames == 1


def test_a_huge_jump_is_counted_and_not_remembered_number_by_number() -> None:
    meter = RtpMeter([H264])
    feed(meter, [0, 30000])
    assert meter.report().lost == 29999
    assert not next(iter(meter._lines.values())).missing


def test_an_unknown_payload_type_is_no_media() -> None:
    meter = RtpMeter([H264])
    meter.receive_packet(0.0, payload_type=8, ssrc=1, sequence=1, timestamp=0, payload=b"x")
    assert meter.first_at is None
    assert (meter.packets, meter.unknown) == (0, 1)


def test_many_ssrcs_take_bounded_memory() -> None:
    meter = RtpMeter([H264])
    for ssrc in range(100):
        meter.receive_packet(
            0.0, payload_type=99, ssrc=ssrc, sequence=1, timestamp=0, payload=b""
        )
    assert len(meter._lines) == 16
    assert meter.packets == 100


def test_even_packets_have_no_jitter_and_uneven_ones_do() -> None:
    even, uneven = RtpMeter([H264]), RtpMeter([H264])
    for number in range(60):
        for meter, shift in ((even, 0.0), (uneven, 0.01 * (number % 2))):
            meter.receive_packet(
                number / 30 + shift,
                payload_type=99,
                ssrc=1,
                sequence=number,
                timestamp=number * 3000,
                payload=DELTA,
            )
    assert even.report().jitter_ms == 0.0
    assert 8.0 < uneven.report().jitter_ms < 10.1  # tends to the 10 ms of each change


def test_bitrate_counts_headers_and_payload() -> None:
    meter = RtpMeter([H264])
    feed(meter, list(range(31)), payload=bytes(88))
    assert meter.report().bitrate_bits == 8 * 31 * 100


def test_the_profile_is_read_from_the_stream() -> None:
    meter = RtpMeter([H264])
    sps = bytes.fromhex("6742c01f") + bytes(8)
    stap = bytes([24]) + len(sps).to_bytes(2, "big") + sps
    feed(meter, [1], payload=stap)
    assert meter.report().profile_sent == "42c01f"


def test_delays_of_two_tracks_compare_by_their_sender_reports() -> None:
    meters = []
    for codec, late in ((H264, 0.3), (Codec(96, "opus", 48000), 0.1)):
        meter = RtpMeter([codec])
        for number in range(10):
            meter.receive_packet(
                number + late,
                payload_type=codec.payload_type,
                ssrc=1,
                sequence=number,
                timestamp=(2**32 - 48000 + number * codec.clock_rate) % 2**32,
                payload=DELTA,
            )
        # the packet of second 5 was captured at 1005 s of the server's clock
        timestamp = (2**32 - 48000 + 5 * codec.clock_rate) % 2**32
        meter.receive_sender_report(1005 << 32, timestamp)
        meters.append(meter)
    video, audio = meters[0].delay(), meters[1].delay()
    assert video is not None
    assert audio is not None
    assert video - audio == pytest.approx(0.2)


def test_a_sender_report_without_a_clock_tells_nothing() -> None:
    meter = RtpMeter([H264])
    feed(meter, [1, 2])
    meter.receive_sender_report(0, 0)
    assert meter.delay() is None


@given(st.integers(0, 65535), st.integers(-(2**40), 2**40))
def test_nearest_is_congruent_and_near(value: int, reference: int) -> None:
    found = nearest(value, reference, 65536)
    assert (found - value) % 65536 == 0
    assert abs(found - reference) <= 32768


@given(st.binary(max_size=64))
def test_any_payload_can_be_looked_into(payload: bytes) -> None:
    h264_units(payload)
    is_vp8_key_frame(payload)


def test_h264_units_are_found_in_each_form() -> None:
    assert [kind for kind, _ in h264_units(IDR)] == [5]
    assert [kind for kind, _ in h264_units(bytes([28, 0x85, 1]))] == [5]
    assert h264_units(bytes([28, 0x05, 1])) == []  # the middle of a fragment
    stap = bytes([24, 0, 2, 0x67, 1, 0, 2, 0x68, 1])
    assert [kind for kind, _ in h264_units(stap)] == [7, 8]


def test_vp8_key_frames_are_found_behind_their_descriptor() -> None:
    assert is_vp8_key_frame(bytes([0x10, 0x00]))
    assert not is_vp8_key_frame(bytes([0x10, 0x01]))
    assert not is_vp8_key_frame(bytes([0x00, 0x00]))  # not a first packet
    assert is_vp8_key_frame(bytes([0x90, 0x80, 0x81, 0x22, 0x00]))  # 15 bit picture id


def watch(levels: list[int], fps: float, end: float) -> PictureReport:
    meter = PictureMeter()
    for number, level in enumerate(levels):
        meter.receive_picture(number / fps, (640, 360), bytes([level]) * CELLS)
    report = meter.report(end)
    assert report is not None
    return report


def test_a_moving_picture_has_no_freeze() -> None:
    report = watch([20 + 5 * (number % 2) for number in range(60)], fps=30, end=2.0)
    assert (report.freezes, report.longest_freeze_ms, report.fps) == (0, 0, 30.0)
    assert not report.black


def test_an_instant_start_is_no_higher_frame_rate() -> None:
    meter = PictureMeter()
    for number in range(125):
        arrival = max(0, number - 50) / 25  # two seconds of pictures at once, then live
        meter.receive_picture(arrival, (64, 36), bytes([number]) * CELLS)
    report = meter.report(3.0)
    assert report is not None
    assert report.fps == 25.0


def test_the_same_picture_over_and_over_is_a_freeze() -> None:
    report = watch([50] * 60, fps=30, end=2.0)
    assert (report.freezes, report.longest_freeze_ms) == (1, 2000)
    assert report.longest_freeze_kind == "unchanged"


def test_coding_noise_is_not_movement() -> None:
    report = watch([50 + number % 2 for number in range(60)], fps=30, end=2.0)
    assert report.longest_freeze_kind == "unchanged"


def test_pictures_that_stop_are_a_freeze_until_the_end() -> None:
    report = watch([20 + 5 * (number % 2) for number in range(30)], fps=30, end=3.0)
    assert report.freezes == 1
    assert report.longest_freeze_ms == pytest.approx(2033, abs=1)
    assert report.longest_freeze_kind == "no-frame"


def test_a_slow_source_is_measured_by_its_own_interval() -> None:
    report = watch([20 + 5 * (number % 2) for number in range(10)], fps=2, end=5.0)
    assert report.freezes == 0  # half a second between pictures is usual here


def test_dark_is_not_black() -> None:
    assert watch([0] * 10, fps=10, end=1.0).black
    assert watch([4] * 10, fps=10, end=1.0).black
    assert not watch([20] * 10, fps=10, end=1.0).black
    meter = PictureMeter()
    lamp = bytes(CELLS - 1) + bytes([200])  # night, with one light
    meter.receive_picture(0.0, (64, 36), lamp)
    report = meter.report(0.1)
    assert report is not None
    assert not report.black


def test_no_picture_gives_no_report() -> None:
    assert PictureMeter().report(1.0) is None
    assert SoundMeter().report() is None


def test_a_sine_has_its_peak_and_three_decibels_less() -> None:
    meter = SoundMeter()
    values = [round(16384 * math.sin(2 * math.pi * i / 48)) for i in range(4800)]
    meter.receive_sound(0.0, 48000, 1, array("h", values).tobytes())
    report = meter.report()
    assert report is not None
    assert report.peak_dbfs == -6.0
    assert report.rms_dbfs == -9.0
    assert not report.silent


def test_silence_is_silent_and_full_scale_is_zero() -> None:
    silence, loud = SoundMeter(), SoundMeter()
    silence.receive_sound(0.0, 48000, 2, bytes(3840))
    loud.receive_sound(0.0, 48000, 1, array("h", [-32768] * 10).tobytes())
    quiet, noisy = silence.report(), loud.report()
    assert quiet is not None
    assert noisy is not None
    assert (quiet.peak_dbfs, quiet.silent) == (FLOOR_DBFS, True)
    assert (noisy.peak_dbfs, noisy.rms_dbfs, noisy.silent) == (0.0, 0.0, False)
