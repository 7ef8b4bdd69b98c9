"""What FFmpeg said, each line once."""

from dragonctl.commands.process import all_lines


def test_the_beginning_is_shown_only_as_far_as_the_log_lost_it() -> None:
    run = {
        "prelude": ["ffmpeg version 5.1.9", "Input #0"],
        "log": [["1795473631", "Input #0"], ["1795473632", "Connection refused"]],
    }
    lines = all_lines(run)
    assert lines[0] == "ffmpeg version 5.1.9"
    assert [line.split(" ", 1)[1] for line in lines[1:]] == ["Input #0", "Connection refused"]


def test_a_malformed_answer_is_no_crash() -> None:
    assert all_lines({"prelude": None, "log": [["1795473631"], "x"]}) == []
