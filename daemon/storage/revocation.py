"""Revocations: what counts no more before its time is up; kept on disk over restarts."""

from daemon.storage.database import Database


class Revocations:
    """Pairs of a kind ("token", "family") and an id, each until a Unix time in seconds.

    Asked from memory, so ``load`` must come before the first question.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: set[tuple[str, str]] = set()

    async def load(self, now: float) -> None:
        """Learn what holds at the Unix time ``now``; what is over is dropped."""
        if not self._database.is_read_only:
            await self._database.execute("DELETE FROM revocation WHERE expires_at <= ?", (now,))
        rows = await self._database.query("SELECT kind, id FROM revocation")
        self._held = {(kind, revoked_id) for kind, revoked_id in rows}

    async def add(self, kind: str, token_id: str, expires_at: float) -> None:
        """Revoke; durable on return. A second time keeps the later end."""
        await self._database.execute(
            "INSERT INTO revocation (kind, id, expires_at) VALUES (?, ?, ?) "
            "ON CONFLICT DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)",
            (kind, token_id, expires_at),
        )
        self._held.add((kind, token_id))

    def contains(self, kind: str, token_id: str) -> bool:
        """Whether this doesn't count any more."""
        return (kind, token_id) in self._held
