"""Users and keys that are forgotten at the end of the test, and an Auth over them."""

import time
from collections.abc import Callable
from typing import Any

from daemon.auth import Auth, Keyring, Role, User, Users
from daemon.storage.users import KeyRecord, UserRecord

SECRET = "0123456789abcdef0123456789abcdef"


class MemoryAccounts:
    """A store of users and keys, durable for one test."""

    is_read_only = False

    def __init__(self) -> None:
        self.kept: dict[str, UserRecord] = {}
        self.ring: list[KeyRecord] = []

    async def users(self) -> list[UserRecord]:
        return list(self.kept.values())

    async def save(self, user: UserRecord) -> None:
        self.kept[user.name] = user

    async def remove(self, name: str) -> None:
        self.kept.pop(name, None)

    async def keys(self) -> list[KeyRecord]:
        return list(self.ring)

    async def replace_keys(self, keys: list[KeyRecord]) -> None:
        self.ring = list(keys)


def make_auth(
    password_hash: str,
    revocations: Any,
    *,
    username: str = "admin",
    epoch: str = "e1",
    secret: str = SECRET,
    accounts: MemoryAccounts | None = None,
    now: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
) -> Auth:
    """Make an Auth whose administrator and key stand in the configuration."""
    accounts = accounts or MemoryAccounts()
    users, keys = Users(accounts, now=now), Keyring(accounts, now=now)
    users.configure(User(username, Role.ADMIN, password_hash, epoch, is_configured=True))
    keys.configure(secret)
    return Auth(users=users, keys=keys, revocations=revocations, now=now, monotonic=monotonic)
