"""Users and signing keys on disk: hashes and keys, in a file that only we can read."""

from dataclasses import astuple, dataclass, field

from daemon.storage.database import Database


@dataclass(frozen=True, slots=True)
class UserRecord:
    """One user. ``epoch`` changes when all their tokens end; ``created_at`` is Unix seconds."""

    name: str
    role: str
    password_hash: str = field(repr=False)
    epoch: str = field(repr=False)
    created_at: int


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A signing key. The newest one signs; each verifies until a Unix time, 0: always."""

    kid: str
    key: bytes = field(repr=False)
    created_at: int
    verifies_until: int = 0


class UserStore:
    """Every method raises StorageError, and then nothing has changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def is_read_only(self) -> bool:
        return self._database.is_read_only

    async def users(self) -> list[UserRecord]:
        rows = await self._database.query(
            "SELECT name, role, password_hash, epoch, created_at FROM user ORDER BY name"
        )
        return [UserRecord(*row) for row in rows]

    async def save(self, user: UserRecord) -> None:
        """Add or replace; durable on return."""
        await self._database.execute(
            "INSERT INTO user (name, role, password_hash, epoch, created_at) "
            "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET role = excluded.role, "
            "password_hash = excluded.password_hash, epoch = excluded.epoch",
            astuple(user),
        )

    async def remove(self, name: str) -> None:
        await self._database.execute("DELETE FROM user WHERE name = ?", (name,))

    async def keys(self) -> list[KeyRecord]:
        """List the signing keys, the newest first."""
        rows = await self._database.query(
            "SELECT kid, key, created_at, verifies_until FROM signing_key "
            "ORDER BY created_at DESC, kid"
        )
        return [KeyRecord(*row) for row in rows]

    async def replace_keys(self, keys: list[KeyRecord]) -> None:
        """Keep these keys and no other; durable on return."""
        insert = (
            "INSERT INTO signing_key (kid, key, created_at, verifies_until) VALUES (?, ?, ?, ?)"
        )
        await self._database.transaction(
            [("DELETE FROM signing_key", ()), *((insert, astuple(key)) for key in keys)]
        )
