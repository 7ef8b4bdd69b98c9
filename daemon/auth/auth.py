"""Auth: log in, refresh with reuse detection, verify, issue, revoke, rotate keys."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from daemon.auth.claims import ACCESS, BAD_TOKEN, REFRESH, VIEW, Claims, read, sign
from daemon.auth.keys import Keyring
from daemon.auth.limit import LoginLimit
from daemon.auth.password import check_password
from daemon.auth.users import User, Users
from daemon.errors import AuthError, StorageError
from daemon.storage.users import KeyRecord

log = logging.getLogger(__name__)

ACCESS_LIFETIME = 600  # seconds; datarhei's, clients plan their refresh by it
REFRESH_LIFETIME = 86_400

VIEWER_SCOPES = frozenset({"whep:view"})

_FAMILY = "family"  # all tokens of one login
_TOKEN = "token"  # noqa: S105 - a kind of revocation
_REPLACED = "replaced"  # a refresh token whose successor was used
_USED = "used"  # a refresh token that is the successor


class RevocationStore(Protocol):
    """What doesn't count any more: durable once ``add`` returns, looked up in memory."""

    async def add(self, kind: str, token_id: str, expires_at: float) -> None: ...

    def contains(self, kind: str, token_id: str) -> bool: ...


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """What a login gives."""

    access: str
    refresh: str


class Auth:
    """Logins, and the tokens that they and viewers get.

    ``now`` is the wall clock, ``monotonic`` counts the limits.
    """

    def __init__(
        self,
        *,
        users: Users,
        keys: Keyring,
        revocations: RevocationStore,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.users = users
        self.keys = keys
        self._revocations = revocations
        self._now = now
        self._monotonic = monotonic
        self._limit = LoginLimit()
        self._refreshing = asyncio.Lock()

    async def login(self, username: str, password: str, source: str) -> Tokens:
        """Check a name and a password. Raises AuthError, LimitError; never sleeps."""
        self._limit.begin(source, username, self._monotonic())
        user = self.users.get(username)
        is_right = await check_password(password, user.password_hash if user else None)
        if user is None or not is_right or self.users.get(username) != user:
            raise AuthError("Invalid username or password")
        self._limit.succeed(source, username, self._monotonic())
        await self._note_login(user, password)
        return self._tokens(user, family=str(uuid.uuid4()))

    async def _note_login(self, user: User, password: str) -> None:
        try:
            await self.users.note_login(user, password)
        except StorageError as error:  # the old hash is as good as before
            log.warning("auth: the hash of %s was not renewed: %s", user.name, error.message)

    async def refresh(self, token: str) -> Tokens:
        """Swap a refresh token for new tokens. Raises AuthError.

        The old one stays valid until its successor is used, for datarhei's clients never look
        at the successor. Once it was used, the old one, or another successor of it, can only be
        in the hands of a second party: every token of that login ends (RFC 9700 section 4.14).
        """
        async with self._refreshing:
            claims = self.verify(token, REFRESH)
            if self._is_reused(claims):
                await self._revoke(_FAMILY, claims.family)
                raise AuthError(BAD_TOKEN, reason="refresh-token-reused")
            if claims.previous and not self._is_revoked(_USED, claims.token_id):
                await self._revoke(_USED, claims.token_id)
                await self._revoke(_REPLACED, claims.previous)
        return self._tokens(
            self._user_of(claims), family=claims.family, previous=claims.token_id
        )

    def verify(self, token: str, *usefor: str) -> Claims:
        """Check a token that is for one of these; none named: for access. Raises AuthError."""
        claims = read(token, usefor or (ACCESS,), key_of=self.keys.verifying, now=self._now())
        if self._is_revoked(_TOKEN, claims.token_id):
            raise AuthError(BAD_TOKEN)
        if claims.family and self._is_revoked(_FAMILY, claims.family):
            raise AuthError(BAD_TOKEN)
        if claims.process_id is not None:  # a viewer's, which belongs to no user
            return claims
        return replace(claims, scopes=claims.scopes & self._user_of(claims).scopes)

    def _user_of(self, claims: Claims) -> User:
        """Find whose token it is. Raises AuthError if they, or all their tokens, are gone."""
        user = self.users.get(claims.subject)
        if user is None or user.epoch != claims.epoch:
            raise AuthError(BAD_TOKEN)
        return user

    def issue_viewer(
        self,
        process_id: str,
        *,
        ttl_seconds: int,
        max_viewers: int = 0,
        max_view_seconds: int = 0,
    ) -> tuple[str, Claims]:
        """Make a token that lets whoever has it watch one process, and do nothing else.

        Each has a subject of its own: who watches by one can't end who watches by another.
        """
        assert process_id, "no process is called that, and all must not be meant"
        token_id = str(uuid.uuid4())
        claims = Claims(
            subject=f"viewer:{token_id}",
            scopes=VIEWER_SCOPES,
            process_id=process_id,
            token_id=token_id,
            expires_at=int(self._now()) + ttl_seconds,
            max_viewers=max_viewers,
            max_view_seconds=max_view_seconds,
        )
        return self._sign(claims, VIEW, ttl_seconds), claims

    async def revoke(self, claims: Claims) -> None:
        """End a token, and with it all others of its login."""
        kind = _FAMILY if claims.family else _TOKEN
        await self._revoke(kind, claims.family or claims.token_id, claims.expires_at)

    async def rotate(self, *, at_once: bool, last_end: int) -> KeyRecord:
        """Sign with a new key. Unless ``at_once``, older tokens count until they end.

        ``last_end`` is when the last viewer's token ends. Raises ConflictError.
        """
        login_end = int(self._now()) + REFRESH_LIFETIME + ACCESS_LIFETIME
        return await self.keys.rotate(0 if at_once else max(last_end, login_end))

    async def revoke_token(self, token_id: str, expires_at: float) -> None:
        """End a token that isn't at hand, such as a viewer's."""
        await self._revoke(_TOKEN, token_id, expires_at)

    def _is_reused(self, claims: Claims) -> bool:
        if self._is_revoked(_REPLACED, claims.token_id):
            return True
        is_first_use = not self._is_revoked(_USED, claims.token_id)
        return is_first_use and self._is_revoked(_REPLACED, claims.previous)

    def _is_revoked(self, kind: str, token_id: str) -> bool:
        return self._revocations.contains(kind, token_id)

    async def _revoke(self, kind: str, token_id: str, expires_at: float = 0.0) -> None:
        """Remember for as long as any token made until now can live."""
        longest = self._now() + REFRESH_LIFETIME + ACCESS_LIFETIME
        await self._revocations.add(kind, token_id, max(expires_at, longest))

    def _tokens(self, user: User, *, family: str, previous: str = "") -> Tokens:
        access = Claims(
            user.name, user.scopes, None, str(uuid.uuid4()), 0, family, epoch=user.epoch
        )
        fresh = replace(access, token_id=str(uuid.uuid4()), previous=previous)
        return Tokens(
            self._sign(access, ACCESS, ACCESS_LIFETIME),
            self._sign(fresh, REFRESH, REFRESH_LIFETIME),
        )

    def _sign(self, claims: Claims, usefor: str, lifetime: int) -> str:
        issued_at = int(self._now())
        dated = replace(claims, expires_at=issued_at + lifetime)
        key = self.keys.signing
        return sign(
            dated, usefor, lifetime=lifetime, kid=key.kid, key=key.key, issued_at=issued_at
        )
