"""Timeline: runs of FFmpeg become one line that never goes back."""

import pytest

from daemon.rtc import rtcp, rtp
from daemon.rtc.timeline import Timeline, Verdict

SPS = b"\x67\x42\xe0\x1f\x8c\x68\x05\x00\x5b\xa1"
P_SLICE = b"\x41\x9a\x00"
NTP_ZERO = 4_000_000_000 << 32


def timeline() -> Timeline:
    return Timeline(("video", "audio"), origin=100.0, first_index=1)


def video(sequence: int, timestamp: int, payload: bytes = P_SLICE) -> rtp.Packet:
    return rtp.Packet(96, True, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, 1, payload)


def report(timestamp: int, seconds: float = 0.0) -> rtcp.SenderReport:
    """Report that ``timestamp`` belongs to ``seconds`` after the run's zero."""
    ntp = NTP_ZERO + int(seconds * (1 << 32))
    return rtcp.SenderReport(1, ntp, timestamp & 0xFFFFFFFF, 0, 0, ())


def test_video_waits_for_a_key_frame_and_audio_does_not() -> None:
    line = timeline()
    assert line.receive("video", video(7, 1000), 0.0) == (Verdict.WAITING, None)
    verdict, plain = line.receive("video", video(8, 4000, SPS), 0.0)
    assert verdict is Verdict.TAKEN
    assert plain == (2, 100 * 90_000, 128, SPS)
    assert line.receive("audio", video(1, 5), 0.0)[0] is Verdict.TAKEN


def test_numbers_follow_the_source_and_a_hole_stays_a_hole() -> None:
    line = timeline()
    line.receive("video", video(65_534, 0xFFFFFFFF - 1500, SPS), 0.0)
    _, plain = line.receive("video", video(65_535, 1499), 0.1)
    assert plain is not None
    assert plain[:2] == (3, 100 * 90_000 + 3000)
    _, plain = line.receive("video", video(2, 4499), 0.2)  # 0 and 1 are lost on the way to us
    assert plain is not None
    assert plain[:2] == (6, 100 * 90_000 + 6000)


@pytest.mark.parametrize("sequence", [8, 7, 65_535])
def test_doubled_and_late_packets_are_dropped(sequence: int) -> None:
    line = timeline()
    line.receive("video", video(8, 0, SPS), 0.0)
    assert line.receive("video", video(sequence, 0), 0.1) == (Verdict.LATE, None)


def test_a_jump_in_numbers_is_no_loss_of_thousands() -> None:
    line = timeline()
    line.receive("video", video(8, 0, SPS), 0.0)
    _, plain = line.receive("video", video(9000, 3000), 0.1)
    assert plain is not None
    assert plain[0] == 3
    assert line.resyncs == 1


def test_audio_and_video_keep_their_distance_by_the_common_clock() -> None:
    line = timeline()
    line.receive_report("video", report(500_000))
    line.receive_report("audio", report(70_000))
    # video of 2.0 s arrives first, audio of 1.9 s a little later: 0.1 s apart on the line too
    _, picture = line.receive("video", video(1, 500_000 + 180_000, SPS), 10.0)
    _, sound = line.receive("audio", video(1, 70_000 + 91_200), 10.02)
    assert picture is not None
    assert sound is not None
    assert picture[1] / 90_000 - sound[1] / 48_000 == pytest.approx(0.1, abs=0.001)


def test_a_new_run_goes_on_after_the_true_length_of_the_gap() -> None:
    line = timeline()
    line.receive_report("video", report(0))
    line.receive_report("audio", report(0))
    line.receive("video", video(1, 0, SPS), 10.0)
    line.receive("audio", video(1, 0), 10.0)
    _, last = line.receive("video", video(2, 3000), 10.033)
    line.begin_run()
    line.receive_report("video", report(0x9000_0000))
    line.receive_report("audio", report(0x2000_0000))
    assert line.receive("video", video(900, 0x9000_0000), 14.9)[0] is Verdict.WAITING
    _, first = line.receive("video", video(901, 0x9000_0000 + 9000, SPS), 15.0)
    _, sound = line.receive("audio", video(77, 0x2000_0000 + 4800), 15.01)
    assert last is not None
    assert first is not None
    assert sound is not None
    assert first[0] == last[0] + 1
    assert first[1] == 105 * 90_000  # 5 s of wall clock after the line's 100 s
    assert first[1] / 90_000 == pytest.approx(sound[1] / 48_000, abs=0.001)


def test_timestamps_never_go_back_even_if_the_last_run_was_ahead_of_the_clock() -> None:
    line = timeline()
    line.receive("video", video(1, 0, SPS), 0.0)
    _, last = line.receive("video", video(2, 10 * 90_000), 0.1)  # 10 s of media in 0.1 s
    line.begin_run()
    _, first = line.receive("video", video(1, 77, SPS), 0.2)
    assert last is not None
    assert first is not None
    assert 0 < first[1] - last[1] < 90_000


def test_the_second_track_waits_until_it_is_past_what_was_sent() -> None:
    line = timeline()
    for kind in ("video", "audio"):
        line.receive_report(kind, report(0))
    line.receive("video", video(1, 0, SPS), 0.0)
    line.receive("audio", video(1, 48_000), 0.0)  # audio of the first run is 1 s ahead
    line.begin_run()
    for kind in ("video", "audio"):
        line.receive_report(kind, report(0))
    _, first = line.receive("video", video(1, 0, SPS), 0.5)
    assert first is not None
    _, sound = line.receive("audio", video(1, 0), 0.5)
    assert sound is not None
    assert sound[1] > 101 * 48_000
    assert first[1] / 90_000 == pytest.approx(sound[1] / 48_000, abs=0.001)


def test_reports_map_now_to_one_clock_for_both_tracks() -> None:
    line = timeline()
    assert line.timestamp_at("video", 5.0) is None
    line.receive("video", video(1, 0, SPS), 5.0)
    assert line.timestamp_at("video", 6.0) == 101 * 90_000
    assert line.timestamp_at("audio", 6.0) == 101 * 48_000


OPUS_20 = b"\xfc\xff\xfe"
OPUS_60 = b"\x18\x01"


def test_sound_that_jitters_in_the_source_comes_out_even() -> None:
    line = timeline()
    stamps = []
    for number, jitter in enumerate((0, 40, -200, 330, -300, 0)):
        packet = video(number, 70_000 + 960 * number + jitter, OPUS_20)
        _, plain = line.receive("audio", packet, number * 0.02)
        assert plain is not None
        stamps.append(plain[1] - 100 * 48_000)
    assert stamps == [0, 960, 1920, 2880, 3840, 4800]


def test_a_surplus_of_sound_is_left_out_without_a_hole_in_the_numbers() -> None:
    line = timeline()
    line.receive("audio", video(0, 0, OPUS_20), 0.0)
    verdicts, indexes = [], []
    for number in range(1, 2000):  # 20 ms of samples every 19.9 ms of the source's clock
        packet = video(number, round(955.2 * number), OPUS_20)
        verdict, plain = line.receive("audio", packet, number * 0.0199)
        verdicts.append(verdict)
        indexes += [plain[0]] if plain else []
    assert verdicts.count(Verdict.SURPLUS) == pytest.approx(2000 * 0.005, abs=3)
    assert indexes == list(range(indexes[0], indexes[0] + len(indexes)))


def test_a_picture_that_would_go_back_is_left_out_and_leaves_no_hole() -> None:
    line = timeline()
    line.receive("video", video(1, 0, SPS), 0.0)
    line.receive("video", video(2, 9000), 0.1)
    assert line.receive("video", video(3, 3000), 0.1) == (Verdict.BACKWARDS, None)
    _, plain = line.receive("video", video(4, 12_000), 0.13)
    assert plain is not None
    assert plain[:2] == (4, 100 * 90_000 + 12_000)


@pytest.mark.parametrize("hours", [1, 8, 20, -1, -8])
def test_a_source_whose_clock_is_set_goes_on_as_if_it_had_not_been(hours: int) -> None:
    line = timeline()
    pictures, sounds = [], []
    for number in range(100):
        set_seconds = hours * 3600 if number >= 50 else 0
        stamp = number * 3600 + set_seconds * 90_000
        packet = video(number, stamp, P_SLICE if number else SPS)
        verdict, picture = line.receive("video", packet, number * 0.04)
        assert verdict is Verdict.TAKEN
        assert picture is not None
        pictures.append(picture[1] - 100 * 90_000)
        sound = video(number, number * 1920 + set_seconds * 48_000, b"\xfd\xff\xfe")
        _, taken = line.receive("audio", sound, number * 0.04)
        assert taken is not None
        sounds.append(taken[1] - 100 * 48_000)
    assert pictures == [3600 * number for number in range(100)]
    assert sounds == [1920 * number for number in range(100)]


def test_pictures_that_ffmpeg_gives_one_timestamp_get_those_of_their_arrival() -> None:
    """So it does with all that follow a leap back, until the old time is reached."""
    line = timeline()
    taken = []
    for number in range(60):
        stamp = 3600 * (min(number, 10) if number < 50 else number - 40)
        for part in range(2):  # each picture is two packets
            packet = video(2 * number + part, stamp, P_SLICE if number else SPS)
            packet = packet._replace(marker=part == 1)
            _, plain = line.receive("video", packet, number * 0.04 + part * 0.001)
            assert plain is not None
            taken.append(plain[1] - 100 * 90_000)
    assert taken[::2] == taken[1::2]
    steps = [after - before for before, after in zip(taken[::2], taken[2::2], strict=False)]
    assert min(steps[:10]) == max(steps[:10]) == 3600
    assert steps[10:15] == [0] * 5  # 0.2 s, until it's clear
    assert min(steps[15:]) > 3000


@pytest.mark.parametrize("parts", [2, 8])
def test_parts_of_one_picture_keep_its_timestamp(parts: int) -> None:
    """Fields, or slices of an encoder that gives each of them to FFmpeg by itself."""
    line = timeline()
    line.receive("video", video(0, 0, SPS), 0.0)
    taken = []
    for number in range(1, 20 * parts):
        picture = number // parts
        _, plain = line.receive("video", video(number, picture * 3600), picture * 0.04)
        assert plain is not None
        taken.append(plain[1] - 100 * 90_000)
    assert taken == [number // parts * 3600 for number in range(1, 20 * parts)]


def test_a_source_that_paused_for_long_goes_on_at_its_own_time() -> None:
    line = timeline()
    line.receive("video", video(0, 0, SPS), 0.0)
    _, plain = line.receive("video", video(1, 600 * 90_000), 600.0)
    assert plain is not None
    assert plain[1] == 700 * 90_000


@pytest.mark.slow
@pytest.mark.parametrize("drift", [150e-6, -150e-6])
def test_an_hour_of_drifting_clocks_adds_up_to_nothing(drift: float) -> None:
    """The source's clock drifts against ours, and its samples by as much against its clock."""
    line = timeline()
    for kind in ("video", "audio"):
        line.receive_report(kind, report(0))
    worst_sync = worst_clock = 0.0
    sound = picture = None
    for number in range(3600 * 5):
        now = number * 0.2
        media = now * (1 + drift)
        payload = P_SLICE if number else SPS
        _, picture = line.receive("video", video(number, round(media * 90_000), payload), now)
        last = int(media * (1 + drift) / 0.06)  # packets of 60 ms that are due by now
        for index in range(number and int((now - 0.2) * (1 + drift) ** 2 / 0.06) + 1, last + 1):
            stamp = round(index * 2880 / (1 + drift))
            _, taken = line.receive("audio", video(index, stamp, OPUS_60), now)
            sound = taken or sound
            if taken is not None:
                truth = 100 * 48_000 + stamp
                worst_sync = max(worst_sync, abs(taken[1] - truth) / 48_000)
        assert picture is not None
        clock = line.timestamp_at("video", now)
        assert clock is not None
        worst_clock = max(worst_clock, abs(clock - picture[1]) / 90_000)
    assert sound is not None
    assert worst_sync < 0.040  # what lip-sync may be off
    assert worst_clock < 0.010  # without following, 540 ms by now


def test_restarts_after_drift_keep_the_distance_of_sound_and_picture() -> None:
    line = timeline()
    for run in range(10):
        began = run * 60.0
        line.begin_run()
        zero = {"video": 7_000_000 * run, "audio": 3_000_000 * run}
        for kind in zero:
            line.receive_report(kind, report(zero[kind]))
        for number in range(500):
            media = number * 0.02
            stamp = zero["audio"] + 960 * number + (number % 7) * 48
            _, sound = line.receive(
                "audio", video(number, stamp, OPUS_20), began + media * 1.0002
            )
            if number % 2 == 0:
                payload = P_SLICE if number else SPS
                stamp = zero["video"] + round(media * 90_000)
                _, picture = line.receive(
                    "video", video(number, stamp, payload), began + media * 1.0002
                )
                assert sound is not None
                assert picture is not None
                assert picture[1] / 90_000 == pytest.approx(sound[1] / 48_000, abs=0.015)
