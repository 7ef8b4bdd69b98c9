"""Pipeline: every record is limited, cleaned of secrets and control characters, then shown."""

import codecs
import logging
import re
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import TextIO

from daemon.log.buffer import ConsoleFormatter, component
from daemon.log.rate import RateLimit
from daemon.log.redact import redact

ROOM = "daemon"
LEVELS = {
    "silent": logging.CRITICAL + 10,
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}
MAX_TEXT = 16 * 1024  # characters of one message or traceback

# Control characters, what turns the direction of text, and halves of surrogate pairs.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


class Pipeline(logging.Handler):
    """The one handler of the root logger; all sinks stand behind it."""

    def __init__(
        self,
        sinks: Sequence[logging.Handler],
        *,
        topics: Iterable[str] = (),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._sinks = sinks
        self._topics = tuple(topic.lower() for topic in topics)
        self._limit = RateLimit()
        self._now = now

    def set_topics(self, topics: Iterable[str]) -> None:
        """Show only these components, as ``restream`` or ``http.server``; none: show all."""
        self._topics = tuple(topic.lower() for topic in topics)

    def emit(self, record: logging.LogRecord) -> None:
        if not self._is_wanted(record):
            return
        now = self._now()
        is_allowed = self._limit.allow(_class_of(record), now)
        for name, count in self._limit.summaries(now):
            self._show(_summary(name, count))
        if is_allowed:
            self._show(cleaned(record))

    def _show(self, record: logging.LogRecord) -> None:
        for sink in self._sinks:
            sink.handle(record)

    def _is_wanted(self, record: logging.LogRecord) -> bool:
        if not self._topics:
            return True
        name = component(record).lower()
        return any(name == topic or name.startswith(f"{topic}.") for topic in self._topics)


def setup(
    level: str, sinks: Sequence[logging.Handler], *, topics: Iterable[str] = ()
) -> Pipeline:
    """Make the pipeline the only way out of ``logging``. Call again to change it."""
    pipeline = Pipeline(sinks, topics=topics)
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, Pipeline):
            root.removeHandler(handler)
    root.addHandler(pipeline)
    root.setLevel(max(logging.WARNING, LEVELS[level]))  # of libraries only what matters
    logging.getLogger(ROOM).setLevel(LEVELS[level])
    logging.captureWarnings(capture=True)
    return pipeline


def console(stream: TextIO) -> logging.Handler:
    """Make the sink for a terminal or a journal."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ConsoleFormatter())
    return handler


def cleaned(record: logging.LogRecord) -> logging.LogRecord:
    """Copy a record without secrets and control characters; the original isn't touched."""
    copy = logging.makeLogRecord(record.__dict__)
    copy.msg = _clean(_message(record))
    copy.args = None
    copy.exc_info = copy.stack_info = None
    copy.exc_text = _clean_lines(_trace(record)) or None
    return copy


def _message(record: logging.LogRecord) -> str:
    """Format the text; a wrong number of arguments must not lose the event."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} {record.args!r}"


def _trace(record: logging.LogRecord) -> str:
    parts = []
    if record.exc_info and record.exc_info[0] is not None:
        parts.append("".join(traceback.format_exception(*record.exc_info)))
    elif record.exc_text:
        parts.append(record.exc_text)
    if record.stack_info:
        parts.append(record.stack_info)
    return "\n".join(part.rstrip("\n") for part in parts)


def _clean(text: str) -> str:
    return _UNSAFE.sub(_escape, _cut(redact(text[: 2 * MAX_TEXT])))


def _clean_lines(text: str) -> str:
    redacted = _cut(redact(text[: 2 * MAX_TEXT]))
    return "\n".join(_UNSAFE.sub(_escape, line) for line in redacted.split("\n"))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + " ... cut"


codecs.lookup("unicode_escape")  # now: it is a file, and those may be short when we log that


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def _class_of(record: logging.LogRecord) -> str:
    return f"{record.name}:{record.module}:{record.lineno}"


def _summary(name: str, count: int) -> logging.LogRecord:
    text = f"suppressed {count} more messages of {name}"
    return logging.makeLogRecord(
        {"name": "daemon.log", "levelno": logging.WARNING, "levelname": "WARNING", "msg": text}
    )
