"""Errors for the person at the keyboard, and the exit codes that tell them apart."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the shell is told. A script may rely on these."""

    GOOD = 0
    BAD = 1  # the answer is bad: no such process, refused, a test that failed
    USAGE = 2
    UNREACHABLE = 3  # nobody answers, or we are not allowed


class ClientError(Exception):
    """One sentence: what went wrong and what to do. ``status`` is the HTTP one, if any."""

    def __init__(
        self, message: str, code: ExitCode = ExitCode.BAD, *, status: int = 0, reason: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.reason = reason
