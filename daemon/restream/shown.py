"""ProcessState: what a process shows of itself at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from daemon.ffmpeg.progress import Progress
from daemon.restream.state import Exec, Order


@dataclass(frozen=True, slots=True)
class ProcessState:
    """How a process is, in datarhei's terms (datarhei-core.md a.3), and some of ours."""

    order: Order
    exec: Exec
    runtime_seconds: int
    reconnect_seconds: int
    last_logline: str
    progress: Progress
    memory_bytes: int
    cpu_usage: float
    command: tuple[str, ...]
    pid: int | None
    exit_code: int | None
    restarts: int
    entered: Mapping[Exec, int] = field(default_factory=dict)
