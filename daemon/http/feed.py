"""Feed: what changes in processes and their viewers, told to whoever listens.

One look at everything, four times a second, serves all listeners; without any there is none.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from daemon.errors import LimitError, OverloadError
from daemon.http.display import process_json, state_json
from daemon.http.sse import Listener, encode
from daemon.restream.process import Process
from daemon.restream.restreamer import Restreamer
from daemon.restream.shown import ProcessState
from daemon.webrtc.subsystem import WebRTC

TICK = 0.25  # seconds from a change to its event, at most
PROGRESS_TICKS = 4  # between two progress events of one process
MAX_LISTENERS = 100
MAX_PER_ADDRESS = 20  # a browser's tabs, or a room behind one proxy
RETRY_AFTER = 5  # seconds
CHANGING = (
    "runtime_seconds", "reconnect_seconds", "last_logline", "cpu_usage", "memory_bytes",
)  # fmt: skip

Record = dict[str, Any]


@dataclass(slots=True, eq=False)
class _Subscription:
    listener: Listener
    address: str
    may_see: Callable[[str], bool]


@dataclass(slots=True)
class _Seen:
    """What listeners know of one process."""

    life: tuple[object, ...] = ()
    viewers: tuple[object, ...] = ()
    progress: tuple[object, ...] = ()


class Feed:
    """``run`` must be running; ``listen`` refuses before and after."""

    def __init__(self, restreamer: Restreamer, webrtc: WebRTC) -> None:
        self._restreamer = restreamer
        self._webrtc = webrtc
        self._subscriptions: set[_Subscription] = set()
        self._seen: dict[str, _Seen] = {}
        self._ticks = 0
        self._is_running = False
        self._is_wanted = asyncio.Event()

    async def run(self) -> None:
        """Look and tell until cancelled; then every stream ends."""
        self._is_running = True
        try:
            while True:
                await self._is_wanted.wait()
                self._look()
                await asyncio.sleep(TICK)
        finally:
            self._is_running = False
            for one in self._subscriptions:
                one.listener.end("shutdown")

    def listen(
        self,
        address: str,
        may_see: Callable[[str], bool],
        is_allowed: Callable[[], bool],
    ) -> tuple[Listener, Callable[[], None]]:
        """Begin to listen: every process first, then ``ready``, then what changes.

        The second value ends it. Raises OverloadError, LimitError: too many listen already.
        """
        self._check_room(address)
        listener = Listener(is_allowed)
        one = _Subscription(listener, address, may_see)
        self._look()  # so that the others' next look finds nothing that this one knows already
        for process in self._restreamer.processes():
            if may_see(process.id):
                listener.put(f"process {process.id}", encode("process", self._record(process)))
        listener.put("ready", encode("ready", {}))
        self._subscriptions.add(one)
        self._is_wanted.set()
        return listener, lambda: self._forget(one)

    def _check_room(self, address: str) -> None:
        same = sum(one.address == address for one in self._subscriptions)
        if not self._is_running:
            raise OverloadError("the daemon is starting or ending", retry_after=RETRY_AFTER)
        if same >= MAX_PER_ADDRESS:
            text = f"{same} listeners from one address"
            raise LimitError(text, retry_after=RETRY_AFTER, reason="listener-limit")
        if len(self._subscriptions) >= MAX_LISTENERS:
            text = f"{MAX_LISTENERS} listeners already"
            raise OverloadError(text, retry_after=RETRY_AFTER, reason="listener-limit")

    def _forget(self, one: _Subscription) -> None:
        self._subscriptions.discard(one)
        if not self._subscriptions:
            self._is_wanted.clear()
            self._seen.clear()

    def _tell(self, event: str, process_id: str, data: Record) -> None:
        wanted = [one for one in self._subscriptions if one.may_see(process_id)]
        if not wanted:
            return
        encoded = encode(event, data)
        # a deletion stands for all that came before
        kind = "process" if event == "deleted" else event
        for one in wanted:
            one.listener.put(f"{kind} {process_id}", encoded)

    def _look(self) -> None:
        """Compare everything with what was told, and tell the difference."""
        self._ticks += 1
        is_progress_due = self._ticks % PROGRESS_TICKS == 0
        processes = self._restreamer.processes()
        for gone in self._seen.keys() - {process.id for process in processes}:
            del self._seen[gone]
            self._tell("deleted", gone, {"id": gone})
        for process in processes:
            self._look_at(process, is_progress_due=is_progress_due)
        for stuck in [one for one in self._subscriptions if one.listener.is_stuck()]:
            stuck.listener.end("slow")
            self._forget(stuck)

    def _look_at(self, process: Process, *, is_progress_due: bool) -> None:
        seen = self._seen.setdefault(process.id, _Seen())
        state = process.state()
        webrtc = self._webrtc.brief(process.id)
        viewers = tuple(webrtc.values())
        life = _life(process, state)
        if life != seen.life:
            seen.life, seen.viewers = life, viewers
            self._tell("process", process.id, self._record(process))
        elif viewers != seen.viewers:
            seen.viewers = viewers
            self._tell("viewers", process.id, {"id": process.id, "webrtc": webrtc})
        if is_progress_due:
            progress = (state.last_logline, state.progress, state.memory_bytes, state.cpu_usage)
            if progress != seen.progress:
                seen.progress = progress
                self._tell("progress", process.id, {"id": process.id, "state": _slim(state)})

    def _record(self, process: Process) -> Record:
        record = process_json(process, None, {"state"})
        return record | {"webrtc": self._webrtc.brief(process.id)}


def _life(process: Process, state: ProcessState) -> tuple[object, ...]:
    """Give what a ``process`` event is for; the rest is progress."""
    return (
        process.updated_at,
        process.config.reference,
        process.config.webrtc.enabled,
        state.order,
        state.exec,
        state.pid,
        state.exit_code,
        state.restarts,
    )


def _slim(state: ProcessState) -> Record:
    """Give what changes all the time of a state, without what is long."""
    full = state_json(replace(state, command=()))
    progress = {
        name: value
        for name, value in full["progress"].items()
        if name not in {"inputs", "outputs"}
    }
    return {name: full[name] for name in CHANGING} | {"progress": progress}
