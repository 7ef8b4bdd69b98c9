"""Users: who may log in, as what; one may stand in the configuration, the others are stored."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from daemon.auth.password import hash_in_pool, needs_rehash
from daemon.auth.roles import Role, scopes_of
from daemon.errors import ConflictError, InvalidError, NotFoundError
from daemon.storage.users import UserRecord

SHORTEST, LONGEST = 8, 1024  # characters of a password
LONGEST_NAME = 128
MAX_USERS = 1000


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may log in.

    ``epoch`` is in each of their tokens: another one ends them all. ``is_configured``: name and
    password stand in the configuration, where alone they can be changed.
    """

    name: str
    role: Role
    password_hash: str = field(repr=False)
    epoch: str = field(repr=False)
    created_at: int = 0
    is_configured: bool = False

    @property
    def scopes(self) -> frozenset[str]:
        return scopes_of(self.role)


class Store(Protocol):
    """Where users are kept: durable once a method returns."""

    @property
    def is_read_only(self) -> bool: ...

    async def users(self) -> list[UserRecord]: ...

    async def save(self, user: UserRecord) -> None: ...

    async def remove(self, name: str) -> None: ...


class Users:
    """All users, in memory as on disk. ``on_ended`` hears whose tokens have just ended."""

    def __init__(
        self,
        store: Store,
        *,
        on_ended: Callable[[str], None] = lambda _: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._on_ended = on_ended
        self._now = now
        self._stored: dict[str, User] = {}
        self._configured: User | None = None

    async def load(self) -> None:
        """Learn who is stored; comes before everything else."""
        self._stored = {
            one.name: User(
                one.name, Role(one.role), one.password_hash, one.epoch, one.created_at
            )
            for one in await self._store.users()
        }

    def configure(self, user: User | None) -> None:
        """Take the user of the configuration; a changed one ends the tokens of both."""
        before, self._configured = self._configured, user
        if before is not None and before != user:
            self._on_ended(before.name)

    @property
    def has_admin(self) -> bool:
        """Whether anybody could administer."""
        return any(user.role is Role.ADMIN for user in self.all())

    @property
    def has_stored_admin(self) -> bool:
        """Whether somebody could without the configuration's administrator."""
        return any(user.role is Role.ADMIN for user in self._stored.values())

    async def keep(self, user: User) -> None:
        """Take somebody in as they are; in memory only where nothing can be stored."""
        if self._store.is_read_only:
            self._stored[user.name] = user
        else:
            await self._save(user)

    def get(self, name: str) -> User | None:
        """Look somebody up; the configuration comes first."""
        if self._configured is not None and self._configured.name == name:
            return self._configured
        return self._stored.get(name)

    def all(self) -> list[User]:
        """List them by name."""
        names = {*self._stored, *([self._configured.name] if self._configured else [])}
        return [user for name in sorted(names) if (user := self.get(name)) is not None]

    async def add(self, name: str, password: str, role: Role) -> User:
        """Let somebody in. Raises InvalidError, ConflictError."""
        _check_name(name)
        _check_password(password)
        if self.get(name) is not None:
            raise ConflictError(f"there is a user {name} already", reason="user-exists")
        if len(self._stored) >= MAX_USERS:
            raise ConflictError(f"there are {MAX_USERS} users already", reason="too-many-users")
        hashed = await hash_in_pool(password)
        if self.get(name) is not None:  # while we hashed
            raise ConflictError(f"there is a user {name} already", reason="user-exists")
        user = User(name, role, hashed, _epoch(), int(self._now()))
        await self._save(user)
        return user

    async def change(
        self, name: str, *, password: str | None = None, role: Role | None = None
    ) -> User:
        """Change password, role or both; their tokens end. Raises as ``add``, NotFoundError."""
        if password is not None:
            _check_password(password)
        user = self._changeable(name)
        if role not in {None, Role.ADMIN}:
            self._check_last_admin(user)
        hashed = user.password_hash if password is None else await hash_in_pool(password)
        changed = replace(
            self._changeable(name),
            password_hash=hashed,
            role=role or user.role,
            epoch=_epoch(),
        )
        await self._save(changed)
        self._on_ended(name)
        return changed

    async def remove(self, name: str) -> None:
        """Lock somebody out for good. Raises NotFoundError, ConflictError."""
        self._check_last_admin(self._changeable(name))
        await self._store.remove(name)
        self._stored.pop(name, None)
        self._on_ended(name)

    async def note_login(self, user: User, password: str) -> None:
        """Hash anew what was hashed by older parameters; the tokens go on (A1)."""
        if user.is_configured or not needs_rehash(user.password_hash):
            return
        hashed = await hash_in_pool(password)
        if self._stored.get(user.name) == user:  # nobody changed it meanwhile
            await self._save(replace(user, password_hash=hashed))

    def _changeable(self, name: str) -> User:
        user = self.get(name)
        if user is None:
            raise NotFoundError(f"there is no user {name}", reason="unknown-user")
        if user.is_configured:
            text = f"{name} stands in the configuration (api.auth); change it there"
            raise ConflictError(text, reason="configured-user")
        return user

    def _check_last_admin(self, user: User) -> None:
        others = (one for one in self.all() if one.name != user.name)
        if user.role is Role.ADMIN and not any(one.role is Role.ADMIN for one in others):
            text = f"{user.name} is the last administrator"
            raise ConflictError(text, reason="last-admin")

    async def _save(self, user: User) -> None:
        await self._store.save(
            UserRecord(user.name, user.role, user.password_hash, user.epoch, user.created_at)
        )
        self._stored[user.name] = user


def _epoch() -> str:
    return secrets.token_hex(8)


def _check_name(name: str) -> None:
    is_fine = name == name.strip() and name.isprintable() and 0 < len(name) <= LONGEST_NAME
    if not is_fine or name.startswith("viewer:"):  # those are the subjects of viewer tokens
        text = f"a user's name has 1 to {LONGEST_NAME} printable characters"
        raise InvalidError(text, reason="invalid-user")


def _check_password(password: str) -> None:
    if not SHORTEST <= len(password) <= LONGEST:
        text = f"a password has {SHORTEST} to {LONGEST} characters"
        raise InvalidError(text, reason="invalid-password")
