"""References: an input ``#<process>:output=<id>`` reads the address of that output.

datarhei-core.md b.3; chains are bounded and never circular (F8).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from daemon.errors import InvalidError
from daemon.restream.config import ConfigIO, ProcessConfig, ProcessId

MAX_DEPTH = 4
SEPARATOR = ":output="

Find = Callable[[ProcessId], ProcessConfig | None]


@dataclass(frozen=True, slots=True)
class Reference:
    """The output of a process."""

    process_id: ProcessId
    output_id: str


def parse(address: str) -> Reference | None:
    """Read an address; None if it isn't meant as a reference. Raises InvalidError."""
    if not address.startswith("#"):
        return None
    process_id, separator, output_id = address[1:].rpartition(SEPARATOR)
    if not separator or not process_id or not output_id:
        raise InvalidError(f"invalid format ({address})", reason="bad-reference")
    return Reference(ProcessId(process_id), output_id)


def targets(config: ProcessConfig) -> list[ProcessId]:
    """Name the processes that this one reads from; what can't be parsed is left out."""
    found = []
    for element in config.input:
        try:
            reference = parse(element.address)
        except InvalidError:
            continue
        if reference is not None:
            found.append(reference.process_id)
    return found


def resolve(config: ProcessConfig, find: Find) -> ProcessConfig:
    """Put addresses in the place of references.

    ``find`` gives a process with its placeholders resolved. Raises InvalidError, whose details
    name the inputs.
    """
    problems: list[str] = []
    inputs = []
    for element in config.input:
        try:
            inputs.append(_resolve_input(config, element, find))
        except InvalidError as error:
            place = f"#{config.id}:{element.id}"
            problems.append(f"reference error for '{place}': {error.message}")
    if not problems and _is_too_deep(config, find):
        problems.append(f"references of '{config.id}' go round, or deeper than {MAX_DEPTH}")
    if problems:
        raise InvalidError(problems[0], details=problems, reason="bad-reference")
    return replace(config, input=tuple(inputs))


def in_start_order(configs: Iterable[ProcessConfig]) -> list[ProcessConfig]:
    """Sort so that a process comes after those it reads from; else the order is kept."""
    known = {config.id: config for config in configs}
    placed: dict[ProcessId, ProcessConfig] = {}

    def place(config: ProcessConfig, seen: frozenset[ProcessId]) -> None:
        for target in targets(config) if len(seen) <= MAX_DEPTH else ():
            if target in known and not (target in placed or target in seen):
                place(known[target], seen | {target})
        placed[config.id] = config

    for config in known.values():
        if config.id not in placed:
            place(config, frozenset({config.id}))
    return list(placed.values())


def _resolve_input(config: ProcessConfig, element: ConfigIO, find: Find) -> ConfigIO:
    reference = parse(element.address)
    if reference is None:
        return element
    if reference.process_id == config.id:
        raise InvalidError(f"self-reference not possible ({element.address})")
    target = find(reference.process_id)
    if target is None:
        raise InvalidError(f"unknown process '{reference.process_id}' ({element.address})")
    for output in target.output:
        if output.id == reference.output_id:
            return replace(element, address=output.address)
    raise InvalidError(f"unknown output '{reference.output_id}' ({element.address})")


def _is_too_deep(config: ProcessConfig, find: Find) -> bool:
    """Whether a chain of references is longer than allowed, which any circle is."""
    level = {config.id}
    for _ in range(MAX_DEPTH + 1):
        known = [found for found in map(find, level - {config.id}) if found is not None]
        if config.id in level:
            known.append(config)  # as it would be, not as it is
        level = {target for process in known for target in targets(process)}
    return bool(level)
