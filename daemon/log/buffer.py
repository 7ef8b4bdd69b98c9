"""LogBuffer: the last lines of the log, for ``GET /api/v3/log``."""

import logging
from collections import deque
from datetime import UTC, datetime
from typing import Any


class LogBuffer(logging.Handler):
    """Keeps the newest ``max_lines`` records, which the pipeline has cleaned."""

    def __init__(self, max_lines: int = 1000) -> None:
        super().__init__()
        self._records: deque[dict[str, Any]] = deque(maxlen=max_lines)

    def resize(self, max_lines: int) -> None:
        """Keep that many from now on; the newest stay."""
        self._records = deque(self._records, maxlen=max_lines)

    def emit(self, record: logging.LogRecord) -> None:
        entry = {
            "ts": timestamp(record),
            "level": level_word(record),
            "component": component(record),
            "message": record.getMessage(),
            "caller": f"{record.module}:{record.lineno}",
        }
        if record.exc_text:
            entry["exception"] = record.exc_text
        self._records.append(entry)

    def raw(self) -> list[dict[str, Any]]:
        """List the records as objects, oldest first."""
        return [dict(entry) for entry in list(self._records)]

    def console(self) -> list[str]:
        """List the records as lines, as on the console."""
        return [console_line(entry) for entry in list(self._records)]


def timestamp(record: logging.LogRecord) -> str:
    """Write the time as RFC 3339 in UTC, to the millisecond."""
    time = datetime.fromtimestamp(record.created, UTC)
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


def level_word(record: logging.LogRecord) -> str:
    """Name the level as datarhei does."""
    return "WARN" if record.levelno == logging.WARNING else record.levelname


def component(record: logging.LogRecord) -> str:
    """Name the part of the house: ``http.server`` for ``daemon.http.server``."""
    return record.name.removeprefix("daemon.")


def console_line(entry: dict[str, Any]) -> str:
    """One event, one line; only a traceback has more, and all of them are indented."""
    message = entry["message"].replace("\\", "\\\\").replace('"', '\\"')
    line = f'ts={entry["ts"]} level={entry["level"]} component="{entry["component"]}"'
    line += f' msg="{message}"'
    exception = entry.get("exception")
    if exception:
        line += "".join(f"\n    {part}" for part in exception.split("\n"))
    return line


class ConsoleFormatter(logging.Formatter):
    """The same lines for a terminal or a journal."""

    def format(self, record: logging.LogRecord) -> str:
        return console_line(
            {
                "ts": timestamp(record),
                "level": level_word(record),
                "component": component(record),
                "message": record.getMessage(),
                "exception": record.exc_text,
            }
        )
