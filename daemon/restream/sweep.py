"""Boot sweep: end what an earlier daemon of this instance left behind (P4, FI3, FI4).

A stray is known by the instance marker in its own environment, never by a pid on record.
psutil refuses to signal a pid that was reused since it was looked at.
"""

import logging

import psutil

log = logging.getLogger(__name__)

INSTANCE_MARKER = "DRAGONCTL_INSTANCE"
PROCESS_MARKER = "DRAGONCTL_PROCESS"
TERMINATE_SECONDS = 2.0
KILL_SECONDS = 2.0


def sweep(instance_id: str) -> int:
    """End every process that carries our marker; how many there were.

    Blocks for some seconds at most. Call it before anything is started, and only by the owner
    of the data directory's lock.
    """
    strays = find(instance_id)
    for stray in strays:
        log.warning(
            "stray %d (%s): an earlier daemon left it, ending it", stray.pid, _name(stray)
        )
        _send(stray, "terminate")
    _, stubborn = psutil.wait_procs(strays, timeout=TERMINATE_SECONDS)
    for stray in stubborn:
        _send(stray, "kill")
    _, left = psutil.wait_procs(stubborn, timeout=KILL_SECONDS)
    for stray in left:
        if not _is_dead(stray):
            log.error("stray %d survives SIGKILL", stray.pid)
    return len(strays)


def find(instance_id: str) -> list[psutil.Process]:
    """All living processes that carry the marker of this instance."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(INSTANCE_MARKER) == instance_id:
                found.append(process)
        except (psutil.Error, OSError):  # somebody else's, dead, or without an environment
            continue
    return found


def _send(stray: psutil.Process, name: str) -> None:
    try:
        if name == "terminate":
            stray.resume()  # a stopped process keeps SIGTERM pending
        getattr(stray, name)()
    except psutil.Error as problem:
        log.debug("stray %d: %s", stray.pid, problem)


def _name(stray: psutil.Process) -> str:
    try:
        return stray.environ().get(PROCESS_MARKER, "?")
    except (psutil.Error, OSError):
        return "?"


def _is_dead(stray: psutil.Process) -> bool:
    try:
        return stray.status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
    except psutil.Error:
        return True
