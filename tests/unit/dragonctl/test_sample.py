"""Rows and JSON from what the API says."""

from typing import Any

from dragonctl.commands.sample import Sample, as_json, process_rows, viewer_rates, viewer_rows


def process(name: str, state: str = "running", *, webrtc: bool = True) -> dict[str, Any]:
    progress = {"fps": 25.04, "bitrate_kbit": 2000, "speed": 1.0}
    return {
        "id": name,
        "config": {"webrtc": {"enabled": webrtc}},
        "state": {
            "order": "start",
            "exec": state,
            "runtime_seconds": 65,
            "progress": progress,
            "cpu_usage": 3,
            "memory_bytes": 1024 * 1024,
        },
    }


def whep(sent: int, *, state: str = "live") -> dict[str, Any]:
    viewer = {"id": "7f3a99c0", "bytes_sent": sent, "packets_sent": 100, "packets_lost": 3}
    return {"state": state, "viewers": [viewer]}


def test_a_running_process_shows_its_numbers() -> None:
    [row] = process_rows(Sample(0.0, [process("cam")], {"cam": whep(0)}))
    assert row == [
        "cam", "start", "running", "1 m 05 s", "25.0", "2.0 Mbit/s", "1.00x", "3.0 %",
        "1.0 MiB", "1",
    ]  # fmt: skip


def test_a_stopped_process_shows_no_old_numbers() -> None:
    [row] = process_rows(Sample(0.0, [process("cam", "failed")], {}))
    assert row[4:] == ["-", "-", "-", "-", "-", "off"]


def test_the_viewers_column_says_why_there_are_none() -> None:
    processes = [process("a", webrtc=False), process("b"), process("c")]
    rows = process_rows(Sample(0.0, processes, {"c": {"state": "failed"}}))
    assert [row[-1] for row in rows] == ["-", "off", "failed"]


def test_a_viewer_s_bitrate_needs_two_looks() -> None:
    first = Sample(10.0, [], {"cam": whep(1000)})
    second = Sample(12.0, [], {"cam": whep(501_000)})
    assert viewer_rates(first, None) == {}
    assert viewer_rates(second, first) == {("cam", "7f3a99c0"): 2_000_000.0}
    [row] = viewer_rows(second, first)
    assert row[5:7] == ["2.0 Mbit/s", "3.0 %"]


def test_a_counter_that_fell_or_a_clock_that_went_back_gives_no_bitrate() -> None:
    high, low = Sample(10.0, [], {"cam": whep(9)}), Sample(11.0, [], {"cam": whep(3)})
    assert viewer_rates(low, high) == {}
    assert viewer_rates(high, low) == {}


def test_machines_get_bits_bytes_and_seconds() -> None:
    before = Sample(10.0, [], {"cam": whep(0)})
    found = as_json(Sample(11.0, [process("cam")], {"cam": whep(1000)}), before)
    [told] = found["processes"]
    assert (told["bitrate_bits"], told["viewers"], told["webrtc"]) == (2_048_000, 1, "live")
    [viewer] = found["viewers"]
    assert (viewer["process_id"], viewer["bitrate_bits"]) == ("cam", 8000)
