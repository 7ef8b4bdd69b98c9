"""Backups by the clock: hourly for a day, daily for a week (ST5)."""

import asyncio
import logging

from daemon.errors import StorageError
from daemon.storage.database import Database

log = logging.getLogger(__name__)

INTERVAL = 3600.0  # seconds


async def run_backups(database: Database, interval: float = INTERVAL) -> None:
    """Back up what has changed, until cancelled; a failure is said, not raised."""
    while True:
        await asyncio.sleep(interval)
        try:
            await database.backup_changes()
        except StorageError as problem:
            log.warning("store: no backup was written: %s", problem)
