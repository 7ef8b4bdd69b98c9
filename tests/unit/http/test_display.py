"""States, reports and probes for screens: datarhei's units, no secrets."""

from dataclasses import replace

from daemon.ffmpeg.probe import Probe, ProbeStream
from daemon.ffmpeg.progress import Progress, ProgressIO
from daemon.http.display import probe_json, progress_json, redact_command, report_json
from daemon.restream.report import LogLine, Report

VIDEO = ProgressIO(
    id="in",
    address="rtsp://user:hunter2@camera/1",
    index=0,
    stream=1,
    format="rtsp",
    type="video",
    codec="h264",
    framerate_avg=24.9999,
    size_bytes=4095,
    bitrate_bits=2048.0,
    pix_fmt="yuv420p",
    width=640,
    height=360,
)
STREAM = ProbeStream(
    url="rtsp://user:hunter2@camera/1",
    format="rtsp",
    index=0,
    stream=0,
    language="",
    type="video",
    codec="h264",
    coder="",
    bitrate_kbps=1.23456,
    duration_sec=2.0,
    fps=29.97003,
    pix_fmt="yuv420p",
    width=640,
    height=360,
    sampling_hz=0,
    layout="",
    channels=0,
    profile="High",
    has_b_frames=None,
    keyframe_interval_seconds=None,
)


def test_progress_counts_in_1024() -> None:
    progress = Progress(
        size_bytes=1536, time_seconds=1.0, bitrate_bits=3072.0, fps=25.0, speed=1.0004
    )
    assert progress_json(progress) == {
        "inputs": [], "outputs": [], "frame": 0, "packet": 0, "fps": 25, "q": 0,
        "size_kb": 1, "time": 1, "bitrate_kbit": 3, "speed": 1, "drop": 0, "dup": 0,
    }  # fmt: skip


def test_a_stream_has_the_fields_of_its_kind_only() -> None:
    video = progress_json(Progress(inputs=(VIDEO,)))["inputs"][0]
    assert "hunter2" not in video["address"]
    assert video["framerate"] == {"min": 0.0, "max": 0.0, "avg": 25.0}
    assert (video["size_kb"], video["bitrate_kbit"]) == (3, 2.0)
    assert (video["width"], video["avstream"]) == (640, None)
    assert not video.keys() & {"sampling_hz", "layout", "channels"}
    sound = replace(VIDEO, type="audio", pix_fmt="", width=0, height=0, channels=2)
    audio = progress_json(Progress(outputs=(sound,)))["outputs"][0]
    assert audio["channels"] == 2
    assert "q" in audio
    assert not audio.keys() & {"pix_fmt", "width", "height"}


def test_a_command_shows_no_secret() -> None:
    command = ("-headers", "X-Key: hunter2", "-i", "rtsp://u:hunter2@h/", "-b", "2M")
    shown = redact_command(command)
    assert shown[:3] == ["-headers", "***", "-i"]
    assert shown[4:] == ["-b", "2M"]
    assert "hunter2" not in str(shown)


def test_report_masks_every_line_and_keeps_history() -> None:
    secret = "opening rtsp://u:hunter2@h/"
    old = Report(1, (secret,), (LogLine(2.9, secret),))
    said = report_json(replace(old, created_at=3, history=(old,)))
    assert "hunter2" not in str(said)
    assert [run["created_at"] for run in (said, *said["history"])] == [3, 1]
    assert said["log"][0][0] == "2"
    assert "history" not in said["history"][0]


def test_probe_has_every_key_and_a_language() -> None:
    said = probe_json(Probe((STREAM,), ("from rtsp://u:hunter2@h/",), ""))
    assert "hunter2" not in str(said)
    stream = said["streams"][0]
    assert (stream["language"], stream["fps"], stream["duration_sec"]) == ("und", 29.97, 2)
    assert (stream["bitrate_kbps"], stream["has_b_frames"]) == (1.235, None)
