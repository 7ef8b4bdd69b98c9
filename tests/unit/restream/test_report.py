"""The lines of a process are kept within bounds, over all its runs."""

from daemon.restream.report import PRELUDE_HEAD, PRELUDE_TAIL, LogLine, Recorder, Report


def record(recorder: Recorder, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        recorder.add_line(f"line {number}", time=float(number))


def test_a_run_has_its_prelude_and_its_log() -> None:
    recorder = Recorder()
    recorder.begin(1000)
    recorder.add_line("Input #0", time=1000.5)
    recorder.end_prelude()
    recorder.add_line("a warning", time=1001.0)
    assert recorder.report() == Report(
        created_at=1000,
        prelude=("Input #0",),
        log=(LogLine(1000.5, "Input #0"), LogLine(1001.0, "a warning")),
    )
    assert recorder.last_line == "a warning"
    assert recorder.tail() == ("Input #0", "a warning")


def test_a_long_prelude_keeps_its_head_and_tail_and_says_so() -> None:
    recorder = Recorder()
    recorder.begin(1)
    record(recorder, 1000)
    prelude = recorder.report().prelude
    assert len(prelude) == PRELUDE_HEAD + 1 + PRELUDE_TAIL
    assert prelude[99:102] == ("line 99", "... truncated 850 lines ...", "line 950")
    assert prelude[-1] == "line 999"


def test_a_prelude_that_just_fits_is_whole() -> None:
    recorder = Recorder()
    recorder.begin(1)
    record(recorder, PRELUDE_HEAD + PRELUDE_TAIL)
    assert recorder.report().prelude == tuple(f"line {number}" for number in range(150))


def test_the_log_is_a_ring() -> None:
    recorder = Recorder(log_lines=2)
    recorder.begin(1)
    record(recorder, 5)
    assert recorder.tail() == ("line 3", "line 4")


def test_runs_move_to_the_history_oldest_first_and_drop_out() -> None:
    recorder = Recorder(log_history=2)
    for run in range(4):
        recorder.begin(run)
        recorder.add_line(f"run {run}", time=0.0)
    report = recorder.report()
    assert [old.created_at for old in report.history] == [1, 2]
    assert [old.prelude for old in report.history] == [("run 1",), ("run 2",)]
    assert (report.created_at, report.prelude) == (3, ("run 3",))


def test_a_run_that_said_nothing_is_not_archived() -> None:
    recorder = Recorder()
    recorder.begin(1)
    recorder.begin(2)
    assert recorder.report().history == ()
    assert recorder.last_line == ""
