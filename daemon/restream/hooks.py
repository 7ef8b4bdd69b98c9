"""ProcessHooks: how another room takes part in a process's life without being known here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from daemon.restream.config import ProcessConfig, ProcessId


class StopReason(StrEnum):
    """Why a process ends for its viewers too."""

    STOP = "stop"
    DELETE = "delete"
    RENAME = "rename"
    SHUTDOWN = "shutdown"
    FINISHED = "finished"  # it ended by itself, and nothing starts it again


@dataclass(slots=True)
class PendingStart:
    """One start that is about to happen; outputs may be appended until ``seal``.

    ``config`` has its placeholders and references resolved. ``input_arguments`` is everything
    from the first input's options to the last ``-i ADDRESS``, as FFmpeg will get it, fit for a
    probe of the same inputs.
    """

    config: ProcessConfig
    input_arguments: tuple[str, ...]
    appended: dict[str, tuple[str, ...]] = field(default_factory=dict)
    is_sealed: bool = False

    @property
    def process_id(self) -> ProcessId:
        return self.config.id

    def append_output(self, output_id: str, arguments: Sequence[str]) -> None:
        """Add one output: its options, then its address."""
        assert not self.is_sealed, "the command of a running process can't change"
        assert output_id not in self.appended, output_id
        self.appended[output_id] = tuple(arguments)

    def seal(self) -> tuple[str, ...]:
        """All appended arguments, in order; nothing can be appended any more."""
        self.is_sealed = True
        return tuple(argument for output in self.appended.values() for argument in output)


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How one run of FFmpeg ended.

    ``exit_code`` is negative for a death by signal, as in ``subprocess``; None: it never ran.
    ``was_ordered``: we ended it (stop, restart, reload, stale, limit). ``log`` is the tail of
    what it printed.
    """

    process_id: ProcessId
    exit_code: int | None
    ran_seconds: float
    was_ordered: bool
    log: tuple[str, ...]


class ProcessHooks(Protocol):
    """Called by restream for every process; errors are logged and never stop a process."""

    async def on_start(self, pending: PendingStart) -> None:
        """Before each exec: first start, reconnect, restart, reload, boot. Has a deadline."""

    def on_running(self, process_id: ProcessId, pid: int) -> None:
        """Exec succeeded."""

    def on_media(self, process_id: ProcessId) -> bool:
        """Hear of a run's first progress: its inputs deliver; True: restart it."""

    def on_exit(self, end: RunEnd) -> bool:
        """Hear that the child was reaped; True: our outputs are to blame, start again now."""

    def on_update(self, config: ProcessConfig) -> None:
        """Hear of a new configuration, saved; the restart, if any, comes after this."""

    def on_stop(self, process_id: ProcessId, reason: StopReason) -> None:
        """Hear that it won't come back by itself, before FFmpeg is told to stop."""
