"""FailureAlarm: many processes that fail at once are one piece of news, not sixty (P11)."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

log = logging.getLogger(__name__)

INTERVAL = 2.0  # seconds between two looks
WINDOW = 60.0  # seconds
SHARE = 0.3  # of the processes that are to run; more than that is the machine or the network
FEWEST = 3  # of two processes, one is half, and no pattern
_NAMED = 5  # ids in the text


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something an operator should look at. ``since`` is in Unix seconds."""

    code: str
    text: str
    since: int


class FailureAlarm:
    """Counts failing processes, each once; ``now`` is in monotonic seconds."""

    def __init__(self) -> None:
        self._failed: dict[str, float] = {}
        self.raised: Alarm | None = None

    def note_failure(self, process_id: str, now: float) -> None:
        """Count a run that ended badly, without an order to."""
        self._failed.pop(process_id, None)
        self._failed[process_id] = now

    def check(self, started: Collection[str], now: float, wall: float) -> bool:
        """Raise or take back; True if that changed. ``started``: who is ordered to run."""
        self._failed = {
            name: when
            for name, when in self._failed.items()
            if now - when < WINDOW and name in started
        }
        count = len(self._failed)
        is_bad = count >= FEWEST and count > SHARE * len(started)
        if is_bad == (self.raised is not None):
            return False
        self.raised = self._describe(len(started), wall) if is_bad else None
        return True

    def _describe(self, started: int, wall: float) -> Alarm:
        names = list(self._failed)
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        text = (
            f"{len(names)} of {started} processes failed within {WINDOW:.0f} s "
            f"({', '.join(names[:_NAMED])}{more}): look for one cause"
        )
        return Alarm("many-failures", text, int(wall))


async def watch(alarm: FailureAlarm, started: Callable[[], Collection[str]]) -> None:
    """Look until cancelled; say once that it was raised, and once that it is over."""
    while True:
        await asyncio.sleep(INTERVAL)
        if not alarm.check(started(), time.monotonic(), time.time()):
            continue
        if alarm.raised is None:
            log.warning("restream: the alarm is over")
        else:
            log.warning("restream: alarm: %s", alarm.raised.text)
