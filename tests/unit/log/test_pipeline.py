"""What a log line looks like, what never gets into one, and how many there can be."""

import io
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.log import LogBuffer, Pipeline, console, setup
from daemon.log.pipeline import MAX_TEXT
from daemon.log.rate import MAX_CLASSES, RateLimit


def record(
    message: str, *args: object, line: int = 1, name: str = "daemon.http.x"
) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.INFO, "/x/x.py", line, message, args, None)
    made.created = 1_800_000_000.25
    return made


def make(topics: tuple[str, ...] = ()) -> tuple[Pipeline, LogBuffer, io.StringIO]:
    buffer, stream = LogBuffer(), io.StringIO()
    return Pipeline([buffer, console(stream)], topics=topics, now=lambda: 0.0), buffer, stream


def test_an_event_is_one_line_of_keys_and_values() -> None:
    pipeline, buffer, stream = make()
    pipeline.handle(record('process %s: "running"', "cam"))
    line = (
        'ts=2027-01-15T08:00:00.250Z level=INFO component="http.x" '
        r'msg="process cam: \"running\""'
    )
    assert buffer.console() == [line]
    assert stream.getvalue() == line + "\n"
    assert buffer.raw() == [
        {
            "ts": "2027-01-15T08:00:00.250Z",
            "level": "INFO",
            "component": "http.x",
            "message": 'process cam: "running"',
            "caller": "x:1",
        }
    ]


def test_control_characters_can_not_forge_a_line_or_steer_a_terminal() -> None:
    pipeline, buffer, stream = make()
    pipeline.handle(record("id %s", "a\nts=1 level=INFO\r\x1b[2J\x00\u202e\u2028\x9b"))
    assert buffer.raw()[0]["message"] == (r"id a\nts=1 level=INFO\r\x1b[2J\x00\u202e\u2028\x9b")
    assert stream.getvalue().count("\n") == 1


def test_a_traceback_is_indented_and_redacted() -> None:
    pipeline, buffer, stream = make()
    try:
        raise ValueError("rtsp://u:hunter2@cam\nts=forged")  # noqa: TRY301 - needs a traceback
    except ValueError:
        made = record("failed")
        made.exc_info = sys.exc_info()
    pipeline.handle(made)
    text = stream.getvalue()
    assert "hunter2" not in text
    assert "ValueError: rtsp://***@cam" in text
    assert all(line.startswith("    ") for line in text.splitlines()[1:])
    assert "hunter2" not in str(buffer.raw())


def test_the_record_of_other_handlers_is_not_touched() -> None:
    pipeline, _, _ = make()
    made = record("token=%s", "abc")
    pipeline.handle(made)
    assert made.getMessage() == "token=abc"


def test_a_wrong_number_of_arguments_loses_nothing() -> None:
    pipeline, buffer, _ = make()
    pipeline.handle(record("one %s two %s", 1))
    assert buffer.raw()[0]["message"] == "one %s two %s (1,)"


def test_a_huge_message_is_cut() -> None:
    pipeline, buffer, _ = make()
    pipeline.handle(record("x" * 1_000_000))
    assert buffer.raw()[0]["message"] == "x" * MAX_TEXT + " ... cut"


@given(st.text(max_size=200))
def test_any_message_is_one_printable_line(text: str) -> None:
    pipeline, buffer, stream = make()
    pipeline.handle(record("%s", text))
    assert len(stream.getvalue().splitlines()) == 1
    stream.getvalue().encode()
    assert len(buffer.raw()) == 1


@given(st.text(alphabet="abcdefgh01234567", min_size=12, max_size=40))
def test_a_planted_secret_reaches_no_sink(canary: str) -> None:
    pipeline, buffer, stream = make()
    pipeline.handle(record("open %s", f"rtmp://h/live/{canary}"))
    pipeline.handle(record("body %r", {"password": canary}))
    pipeline.handle(record(f"Authorization: Bearer {canary}"))
    seen = stream.getvalue() + str(buffer.raw()) + str(buffer.console())
    assert canary not in seen
    assert len(buffer.raw()) == 3


def test_the_buffer_keeps_the_newest() -> None:
    buffer = LogBuffer(3)
    for number in range(5):
        buffer.handle(record(f"n{number}"))
    assert [entry["message"] for entry in buffer.raw()] == ["n2", "n3", "n4"]
    buffer.resize(2)
    assert [entry["message"] for entry in buffer.raw()] == ["n3", "n4"]
    buffer.resize(0)
    buffer.handle(record("none"))
    assert buffer.console() == []


def test_topics_choose_components() -> None:
    pipeline, buffer, _ = make(("HTTP", "restream.process"))
    for name in ("daemon.http.x", "daemon.httpx", "daemon.restream.process", "daemon.restream"):
        pipeline.handle(record(name, name=name))
    pipeline.set_topics(())
    pipeline.handle(record("all", name="daemon.rtc"))
    seen = [entry["message"] for entry in buffer.raw()]
    assert seen == ["daemon.http.x", "daemon.restream.process", "all"]


def test_a_flood_of_one_class_is_held_back_and_summed_up() -> None:
    now = 0.0
    buffer = LogBuffer()
    pipeline = Pipeline([buffer], now=lambda: now)
    for _ in range(1000):
        pipeline.handle(record("flood"))
    pipeline.handle(record("other", line=2))
    assert len(buffer.raw()) == 51
    now = 10.0
    pipeline.handle(record("other", line=2))
    messages = [entry["message"] for entry in buffer.raw()[51:]]
    assert messages == ["suppressed 950 more messages of daemon.http.x:x:1", "other"]


def test_a_class_gets_ten_a_second_after_its_burst() -> None:
    limit = RateLimit()
    assert sum(limit.allow("a", 0.0) for _ in range(1000)) == 50
    assert sum(limit.allow("a", 1.0) for _ in range(1000)) == 10
    assert sum(limit.allow("a", 1000.0) for _ in range(1000)) == 50
    assert sum(limit.allow("b", 1000.0) for _ in range(10)) == 10


def test_the_table_of_classes_is_bounded() -> None:
    limit = RateLimit()
    for number in range(10 * MAX_CLASSES):
        limit.allow(str(number), 0.0)
    assert len(limit._classes) == MAX_CLASSES


@pytest.fixture
def _restored() -> Iterator[None]:
    root, room = logging.getLogger(), logging.getLogger("daemon")
    before = root.handlers[:], root.level, room.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level, room.level = before
    root.setLevel(root.level)
    room.setLevel(room.level)


@pytest.mark.usefixtures("_restored")
def test_setup_takes_the_level_for_us_and_warnings_of_others() -> None:
    buffer = LogBuffer()
    setup("info", [buffer])
    setup("debug", [buffer])
    logging.getLogger("daemon.rtc").debug("ours")
    logging.getLogger("asyncio").info("not ours")
    logging.getLogger("asyncio").warning("not ours, but loud")
    setup("silent", [buffer])
    logging.getLogger("daemon.rtc").critical("silence")
    logging.getLogger("asyncio").critical("silence")
    seen = [entry["message"] for entry in buffer.raw()]
    assert seen == ["ours", "not ours, but loud"]


WITHOUT_FILES = """
import logging, resource, sys
from daemon.log import console, setup
setup("info", [console(sys.stdout)])
resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
logging.getLogger("daemon.x").error("a bell: \\a")
"""


@pytest.mark.slow
def test_a_line_needs_no_file_to_be_opened() -> None:
    command = [sys.executable, "-c", WITHOUT_FILES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert r"a bell: \\x07" in done.stdout
