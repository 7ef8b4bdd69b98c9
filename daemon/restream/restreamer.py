"""Restreamer: all processes; every change is checked, stored, answered, then acted on (ST2).

A change runs to its end even when its caller goes away, so that memory and disk stay one. Each
process has its own lock; nothing waits for another process's FFmpeg (D16).
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from daemon.errors import InvalidError, NotFoundError
from daemon.ffmpeg.probe import Probe, probe
from daemon.restream import config as configs
from daemon.restream import reference
from daemon.restream.alarm import Alarm, watch
from daemon.restream.check import DAEMON, Author, Checks
from daemon.restream.cleanup import Cleaner, rules_of
from daemon.restream.config import ConfigCleanup, ProcessConfig, ProcessId
from daemon.restream.durable import durably
from daemon.restream.full import FullDisk
from daemon.restream.guarded import GuardedHooks
from daemon.restream.hooks import ProcessHooks, StopReason
from daemon.restream.host import Hosts
from daemon.restream.limiter import StartLimiter
from daemon.restream.policy import Policy
from daemon.restream.process import Process
from daemon.restream.reservation import Reservations
from daemon.restream.state import LADDER_SECONDS, Order
from daemon.restream.store import Metadata, Store, StoredProcess
from daemon.restream.supervision import Supervision
from daemon.restream.sweep import sweep
from daemon.storage.file import Filesystem
from daemon.storage.grant import Grants

log = logging.getLogger(__name__)

STOP_SECONDS = LADDER_SECONDS + 1.0  # that a caller waits for an FFmpeg to end
PROBE_SECONDS = 20.0
MAX_PROCESSES = 1000  # F9
T = TypeVar("T")
_NOTHING: Mapping[str, str] = MappingProxyType({})
_NO_FILES: Mapping[str, Filesystem] = MappingProxyType({})


class Command(StrEnum):
    """What a user can tell a process."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    RELOAD = "reload"


class Restreamer:
    """Keeps every process as it was ordered; ``ready`` is set when all orders are back.

    The data directory must be locked by us: what another daemon of ``instance_id`` left behind
    is ended at the start. ``max_processes`` 0 is no limit.
    """

    def __init__(
        self,
        *,
        store: Store,
        binary: Path,
        hooks: ProcessHooks,
        work_dir: Path,
        instance_id: str,
        max_processes: int = 0,
        log_lines: int = 50,
        log_history: int = 3,
        max_file_bytes: int = 0,
        placeholders: Mapping[str, str] = _NOTHING,
        policy: Policy | None = None,
        filesystems: Mapping[str, Filesystem] = _NO_FILES,
        grants: Grants | None = None,
        hosts: Hosts | None = None,
    ) -> None:
        self.ready = asyncio.Event()
        self._store = store
        self._max_processes = max_processes
        self._processes: dict[ProcessId, Process] = {}
        self._checks = Checks(self._stored, placeholders, policy, hosts)
        self._shared = Supervision(
            binary=binary,
            hooks=GuardedHooks(hooks),
            work_dir=work_dir,
            instance_id=instance_id,
            resolve=self._checks.resolve,
            admit=self._checks.admit,
            limiter=StartLimiter(time.monotonic()),
            log_lines=log_lines,
            log_history=log_history,
            grants=grants or Grants(),
            max_file_bytes=max_file_bytes,
        )
        self._cleaner = Cleaner(filesystems, self._cleanup_rules)
        self._full_disk = FullDisk(filesystems.get("disk"), self._stop_writers)
        self._group: asyncio.TaskGroup | None = None
        self._ids = Reservations(self._processes.__contains__, STOP_SECONDS)
        self._claims: set[ProcessId] = set()  # orders to start that are being stored
        self._metadata: dict[ProcessId | None, Metadata] = {}

    def reconfigure(self, *, max_processes: int, max_file_bytes: int, policy: Policy) -> None:
        """Take changed limits, which count for what starts from now on."""
        self._max_processes = max_processes
        self._checks.policy = policy
        self._shared.max_file_bytes = max_file_bytes

    async def run(self) -> None:
        """Bring all processes back, supervise them until cancelled, then end them all."""
        strays = await asyncio.to_thread(sweep, self._shared.instance_id)
        stored = await self._store.load_all()
        self._metadata[None] = dict(await self._store.metadata(None))
        log.info("restream: %d processes, %d strays ended", len(stored), strays)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(self._cleaner.run())
                try:
                    self._boot(stored)
                    group.create_task(self._full_disk.run())
                    self.ready.set()
                    await watch(self._shared.alarm, self._started)
                finally:
                    self._group = None
        finally:  # every FFmpeg has ended; a cancellation ends here, too
            await self._cleaner.finish()

    def alarms(self) -> list[Alarm]:
        """Tell what is wrong with more than one process."""
        return [*filter(None, (self._shared.alarm.raised, self._full_disk.raised))]

    def get(self, process_id: ProcessId) -> Process:
        """Give one process. Raises NotFoundError."""
        process = self._processes.get(process_id)
        if process is None:
            raise NotFoundError(f"unknown process '{process_id}'")
        return process

    def processes(self) -> list[Process]:
        """All of them, sorted by id."""
        return [process for _, process in sorted(self._processes.items())]

    async def add(self, config: ProcessConfig, author: Author = DAEMON) -> Process:
        """Create a process and start it if it says so. Raises InvalidError, ConflictError."""
        return await self._durably(partial(self._add, config, author))

    async def update(
        self, process_id: ProcessId, config: ProcessConfig, author: Author = DAEMON
    ) -> Process:
        """Replace a config, and the id if it is another; restart only if that is needed.

        Raises NotFoundError, InvalidError, ConflictError; then nothing has changed.
        """
        process = self.get(process_id)
        return await self._durably(partial(self._update, process, config, author))

    async def delete(self, process_id: ProcessId) -> None:
        """Remove a process; its FFmpeg is gone on return, if it can be ended at all."""
        process = self.get(process_id)
        await self._durably(partial(self._delete, process))
        await process.wait_idle(STOP_SECONDS)

    async def command(self, process_id: ProcessId, name: str) -> None:
        """Start, stop, restart or reload; a stop returns when FFmpeg has ended.

        Raises NotFoundError; InvalidError for another word, too many processes, or a reload
        that can't be resolved.
        """
        process = self.get(process_id)
        if name not in {*Command}:
            raise InvalidError(
                f"unknown command '{name}'", details=[f"known: {', '.join(Command)}"]
            )
        await self._durably(partial(self._command, process, Command(name)))
        if name == Command.STOP and not await process.wait_idle(STOP_SECONDS):
            log.warning("process %s: stop was ordered, but it can't be ended", process_id)

    async def probe(self, process_id: ProcessId) -> Probe:
        """Look at the inputs of a process, as FFmpeg would get them."""
        resolved = self._checks.resolve(self.get(process_id).config)
        await self._checks.admit(resolved)
        return await probe(
            self._shared.binary, configs.input_arguments(resolved), PROBE_SECONDS
        )

    def metadata(self, process_id: ProcessId | None) -> Metadata:
        """Give the metadata of a process, or of the whole system (None)."""
        if process_id is not None:
            self.get(process_id)
        return dict(self._metadata.get(process_id, {}))

    async def set_metadata(self, process_id: ProcessId | None, key: str, value: Any) -> None:
        """Set one value of any JSON type; None deletes it."""
        await self._durably(partial(self._set_metadata, process_id, key, value))

    async def check(self, config: ProcessConfig, author: Author = DAEMON) -> None:
        """Check a config as ``add`` would. Raises InvalidError."""
        await self._checks.check(config, author)

    # Boot

    def _boot(self, stored: Sequence[StoredProcess]) -> None:
        """Start in the order of the references; take turns by the limiter."""
        by_id = {process.config.id: process for process in stored}
        started = 0
        for config in reference.in_start_order(process.config for process in stored):
            record = by_id[config.id]
            self._metadata[config.id] = dict(record.metadata)
            order = Order(record.order)
            started += order is Order.START
            is_refused = order is Order.START and 0 < self._max_processes < started
            self._adopt(
                Process(
                    config,
                    self._shared,
                    order=order,
                    created_at=record.created_at,
                    updated_at=record.updated_at,
                    refusal=self._too_many() if is_refused else "",
                )
            )

    def _adopt(self, process: Process) -> None:
        assert self._group is not None
        self._processes[process.id] = process
        self._group.create_task(self._supervise(process), name=f"process {process.id}")

    async def _supervise(self, process: Process) -> None:
        await process.run()

    def _hold(self, process_id: ProcessId, ended: asyncio.Event | None) -> None:
        assert self._group is not None
        if ended is not None and not ended.is_set():
            self._group.create_task(self._ids.hold(process_id, ended))

    # Changes: each checks, stores, and only then touches memory

    async def _add(self, config: ProcessConfig, author: Author) -> Process:
        order = Order.START if config.autostart else Order.STOP
        now = int(time.time())
        async with self._ids.reserve(config.id):
            if len(self._processes) + self._ids.count > MAX_PROCESSES:
                raise InvalidError(f"no more than {MAX_PROCESSES} processes are allowed")
            await self._checks.check(config, author)
            with self._room_for(config.id, order):
                await self._store.save(config, order=order, created_at=now, updated_at=now)
                process = Process(
                    config, self._shared, order=order, created_at=now, updated_at=now
                )
                self._adopt(process)
        return process

    async def _update(self, process: Process, config: ProcessConfig, author: Author) -> Process:
        async with self._changing(process), contextlib.AsyncExitStack() as stack:
            old_id, now = process.id, int(time.time())
            if config.id != old_id:
                await stack.enter_async_context(self._ids.reserve(config.id))
            await self._checks.check(config, author, before=process.config)
            await self._store_update(process, config, now)
            if config.id != old_id:
                self._metadata[config.id] = self._metadata.pop(old_id, {})
                self._processes[config.id] = self._processes.pop(old_id)
                self._hold(old_id, process.run_ended)
            is_restart = configs.shape(config) != configs.shape(process.config)
            if is_restart:
                self._purge(process)
            process.reconfigure(config, now, is_restart=is_restart)
        return process

    async def _store_update(self, process: Process, config: ProcessConfig, now: int) -> None:
        save = self._store.save
        if config.id != process.id:
            save = partial(self._store.rename, process.id)
        await save(config, order=process.order, created_at=process.created_at, updated_at=now)

    async def _delete(self, process: Process) -> None:
        async with self._changing(process):
            await self._store.delete(process.id)
            del self._processes[process.id]
            self._metadata.pop(process.id, None)
            self._hold(process.id, process.run_ended)
            self._purge(process)
            process.leave(StopReason.DELETE)

    async def _command(self, process: Process, command: Command) -> None:
        async with self._changing(process):
            if command in (Command.START, Command.STOP):
                await self._set_order(process, Order(command.value))
                return
            if command is Command.RELOAD:
                self._checks.resolve(process.config)
            with self._room_for(process.id, process.order):
                process.restart()

    async def _stop_writers(self, why: str) -> list[ProcessId]:
        writers = [
            process
            for process in self.processes()
            if process.order is Order.START and self._checks.writes_to_disk(process.config)
        ]
        for process in writers:
            await self._durably(partial(self._command, process, Command.STOP))
            process.say(why)
        return [process.id for process in writers]

    async def _set_order(self, process: Process, order: Order) -> None:
        with self._room_for(process.id, order):
            if process.order is not order:
                await self._store.set_order(process.id, order)
            process.receive_order(order)

    async def _set_metadata(self, process_id: ProcessId | None, key: str, value: Any) -> None:
        async with contextlib.AsyncExitStack() as stack:
            if process_id is not None:
                await stack.enter_async_context(self._changing(self.get(process_id)))
            await self._store.set_metadata(process_id, key, value)
            metadata = self._metadata.setdefault(process_id, {})
            metadata[key] = value
            if value is None:
                del metadata[key]

    async def _durably(self, change: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return await durably(self._group, change)

    @contextlib.asynccontextmanager
    async def _changing(self, process: Process) -> AsyncIterator[None]:
        async with process.lock:
            if self._processes.get(process.id) is not process:  # while we waited
                raise NotFoundError(f"unknown process '{process.id}'")
            yield

    @contextlib.contextmanager
    def _room_for(self, process_id: ProcessId, order: Order) -> Iterator[None]:
        """Keep one of ``max_processes``, which counts orders, for us."""
        if order is Order.STOP:
            yield
            return
        if 0 < self._max_processes <= len((self._started() | self._claims) - {process_id}):
            raise InvalidError(self._too_many(), reason="max-processes")
        self._claims.add(process_id)
        try:
            yield
        finally:
            self._claims.discard(process_id)

    def _started(self) -> set[ProcessId]:
        return {process.id for process in self.processes() if process.order is Order.START}

    def _too_many(self) -> str:
        return f"max. number of running processes ({self._max_processes}) reached"

    def _purge(self, process: Process) -> None:
        assert self._group is not None
        rules = rules_of(process.config)
        self._group.create_task(self._cleaner.purge(rules, process.run_over()))

    def _cleanup_rules(self) -> Iterator[ConfigCleanup]:
        for process in self.processes():
            yield from rules_of(process.config)

    def _stored(self, process_id: ProcessId) -> ProcessConfig | None:
        process = self._processes.get(process_id)
        return process.config if process else None
