"""/api/v3/process: CRUD, command, config, state, report, probe (datarhei-core.md a.3)."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase

from quart import Blueprint, Response, jsonify, request

from daemon.errors import (
    ConflictError,
    DragonError,
    InvalidError,
    LimitError,
    NotFoundError,
    NotReadyError,
    OverloadError,
)
from daemon.http import audit
from daemon.http.body import read_json
from daemon.http.display import PARTS, probe_json, process_json, report_json, state_json
from daemon.http.guard import Scope, caller, needs
from daemon.http.schema import changed_config, config_json, new_config
from daemon.log import redact
from daemon.restream import reference
from daemon.restream.check import Author
from daemon.restream.config import ProcessConfig, ProcessId
from daemon.restream.process import Process
from daemon.restream.restreamer import Restreamer

COMMANDS = ("start", "stop", "restart", "reload")


Forget = Callable[[str], Awaitable[None]]


def routes(restreamer: Restreamer, forget: Forget) -> Blueprint:
    """Build the blueprint; the guard has checked each request already.

    ``forget`` is told an id that no process has any more.
    """
    views = _Views(restreamer, forget)
    blueprint = Blueprint("process", __name__, url_prefix="/api/v3/process")
    one = "/<segment:process_id>"
    blueprint.get("")(views.list_processes)
    blueprint.post("")(views.add)
    blueprint.post("/validate")(views.validate)
    blueprint.get(one)(views.show)
    blueprint.put(one)(views.update)
    blueprint.delete(one)(views.delete)
    blueprint.put(f"{one}/command")(views.command)
    blueprint.get(f"{one}/config")(views.config)
    blueprint.get(f"{one}/state")(views.state)
    blueprint.get(f"{one}/report")(views.report)
    blueprint.get(f"{one}/probe")(views.probe)
    return blueprint


def find(
    restreamer: Restreamer, process_id: str, message: str = "Unknown process ID"
) -> Process:
    """Find a process, or raise NotFoundError with datarhei's message."""
    try:
        return restreamer.get(ProcessId(process_id))
    except NotFoundError as error:
        raise NotFoundError(
            message, details=[error.message], reason="unknown-process"
        ) from error


@contextmanager
def refusing(message: str) -> Iterator[None]:
    """Make every refusal datarhei's 400 with ``message``; the reason becomes a detail."""
    try:
        yield
    except (NotReadyError, OverloadError):  # about us, not about what was asked for
        raise
    except (ConflictError, InvalidError, LimitError, NotFoundError) as error:
        details = error.details or [error.message]
        raise InvalidError(message, details=details, reason=error.reason) from error


class _Views:
    def __init__(self, restreamer: Restreamer, forget: Forget) -> None:
        self._restreamer = restreamer
        self._forget = forget

    @needs(Scope.PROCESS_READ)
    async def list_processes(self) -> Response:
        parts = _wanted_parts()
        processes = _selected(self._restreamer.processes())
        return jsonify([self._record(process, parts) for process in processes])

    @needs(Scope.PROCESS_WRITE)
    async def add(self) -> Response:
        config = new_config(await read_json())
        audit.about(config.id)
        _require_targets(config)
        with refusing("Invalid process config"):
            process = await self._restreamer.add(config, _author())
        return jsonify(config_json(process.config))

    @needs(Scope.PROCESS_WRITE)
    async def validate(self) -> Response:
        """Check a config as ``add`` would, whoever has its id, and change nothing."""
        config = new_config(await read_json())
        _require_targets(config)
        with refusing("Invalid process config"):
            await self._restreamer.check(config, _author())
        return jsonify("OK")

    @needs(Scope.PROCESS_READ)
    async def show(self, process_id: str) -> Response:
        return jsonify(self._record(self._find(process_id), _wanted_parts()))

    @needs(Scope.PROCESS_WRITE)
    async def update(self, process_id: str) -> Response:
        body = await read_json()
        stored = find(self._restreamer, process_id, "Process not found")
        config = changed_config(stored.config, body)
        caller().require(Scope.PROCESS_WRITE, config.id)  # a rename takes another name
        _require_targets(config)
        before = stored.id
        with refusing("Process can't be updated"):
            process = await self._restreamer.update(before, config, _author())
        if config.id != before:
            await self._forget(before)
        return jsonify(config_json(process.config))

    @needs(Scope.PROCESS_WRITE)
    async def delete(self, process_id: str) -> Response:
        await self._restreamer.delete(self._find(process_id).id)
        await self._forget(process_id)
        return jsonify("OK")

    @needs(Scope.PROCESS_CONTROL)
    async def command(self, process_id: str) -> Response:
        body = await read_json()
        name = body.get("command") if isinstance(body, dict) else None
        if name not in COMMANDS:
            known = f"Known commands are: {', '.join(COMMANDS)}"
            raise InvalidError(
                "Unknown command provided", details=[known], reason="unknown-command"
            )
        with refusing("Command failed"):  # also for an unknown id: 400, as clients know it
            await self._restreamer.command(ProcessId(process_id), name)
        return jsonify("OK")

    @needs(Scope.PROCESS_READ)
    async def config(self, process_id: str) -> Response:
        return jsonify(config_json(self._find(process_id).config))

    @needs(Scope.PROCESS_READ)
    async def state(self, process_id: str) -> Response:
        return jsonify(state_json(self._find(process_id).state()))

    @needs(Scope.PROCESS_READ)
    async def report(self, process_id: str) -> Response:
        return jsonify(report_json(self._find(process_id).report()))

    @needs(Scope.PROCESS_CONTROL)
    async def probe(self, process_id: str) -> Response:
        """Answer 200 whatever happens: clients look for the reason in the log."""
        try:
            found = probe_json(await self._restreamer.probe(ProcessId(process_id)))
        except NotFoundError:
            found = {"streams": [], "log": [f"Unknown process ID ({process_id})"]}
        except DragonError as error:
            lines = [error.message, *error.details]
            found = {"streams": [], "log": [redact(line) for line in lines]}
        return jsonify(found)

    def _find(self, process_id: str) -> Process:
        return find(self._restreamer, process_id)

    def _record(self, process: Process, parts: frozenset[str]) -> dict[str, object]:
        wants_metadata = "metadata" in parts
        metadata = self._restreamer.metadata(process.config.id) if wants_metadata else None
        return process_json(process, metadata, parts)


def _require_targets(config: ProcessConfig) -> None:
    """Let nobody read by a reference what they may not read themselves (F8)."""
    for target in reference.targets(config):
        caller().require(Scope.PROCESS_READ, target)


def _author() -> Author:
    """Say who writes; the level raw is for administrators (F2)."""
    return Author(caller().subject, may_raw=caller().may(Scope.CONFIG_WRITE))


def _wanted_parts() -> frozenset[str]:
    """Read ``filter``: empty is everything; words that are no part switch nothing on."""
    words = _words("filter")
    return PARTS & words if words else PARTS


def _selected(processes: Iterable[Process]) -> list[Process]:
    """Apply patterns; then the reference, or else the ids, as datarhei Core does."""
    id_pattern, reference_pattern = (
        request.args.get("idpattern"),
        request.args.get("refpattern"),
    )
    reference, ids = request.args.get("reference"), _words("id")

    def is_wanted(process: Process) -> bool:
        config = process.config
        if id_pattern and not fnmatchcase(config.id, id_pattern):
            return False
        if reference_pattern and not fnmatchcase(config.reference, reference_pattern):
            return False
        if reference:
            return config.reference == reference
        return not ids or config.id in ids

    return [process for process in processes if is_wanted(process)]


def _words(name: str) -> frozenset[str]:
    words = (word.strip() for word in request.args.get(name, "").split(","))
    return frozenset(word for word in words if word)
