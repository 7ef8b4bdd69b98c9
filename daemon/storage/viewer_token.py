"""Viewer tokens that were given out: for listing and revoking; never the tokens themselves."""

from dataclasses import astuple, dataclass, fields

from daemon.storage.database import Database


@dataclass(frozen=True, slots=True)
class ViewerToken:
    """One token. Times are Unix seconds; a limit of 0 is none."""

    process_id: str
    id: str
    created_by: str
    created_at: int
    expires_at: int
    max_viewers: int = 0
    max_view_seconds: int = 0


_COLUMNS = ", ".join(field.name for field in fields(ViewerToken))


class ViewerTokens:
    """Every method raises StorageError, and then nothing has changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, token: ViewerToken) -> None:
        """Remember; durable on return. What has expired by then is forgotten."""
        await self._database.transaction(
            [
                ("DELETE FROM viewer_token WHERE expires_at <= ?", (token.created_at,)),
                (
                    f"INSERT INTO viewer_token ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                    astuple(token),
                ),
            ]
        )

    async def of_process(self, process_id: str, now: float) -> list[ViewerToken]:
        """List what still counts at the Unix time ``now``, the newest first."""
        return await self._where("process_id = ? AND expires_at > ?", process_id, now)

    async def of_creator(self, name: str, now: float) -> list[ViewerToken]:
        """List what one user has given out."""
        return await self._where("created_by = ? AND expires_at > ?", name, now)

    async def last_end(self) -> int:
        """When the last of all ends, in Unix seconds; 0: there is none."""
        [(end,)] = await self._database.query("SELECT max(expires_at) FROM viewer_token")
        return int(end or 0)

    async def remove(self, token: ViewerToken) -> None:
        """Forget; revoke it first."""
        await self._database.execute(
            "DELETE FROM viewer_token WHERE process_id = ? AND id = ?",
            (token.process_id, token.id),
        )

    async def _where(self, condition: str, *values: object) -> list[ViewerToken]:
        rows = await self._database.query(
            f"SELECT {_COLUMNS} FROM viewer_token WHERE {condition}"  # noqa: S608 - ours alone
            " ORDER BY created_at DESC, id",
            values,
        )
        return [ViewerToken(*row) for row in rows]
