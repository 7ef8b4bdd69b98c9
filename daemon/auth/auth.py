"""Auth: log in, refresh with reuse detection, verify, issue, revoke."""

import asyncio
import hashlib
import hmac
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from daemon.auth.claims import ACCESS, ALL_SCOPES, BAD_TOKEN, REFRESH, VIEW, Claims, read, sign
from daemon.auth.limit import LoginLimit
from daemon.auth.password import check_password
from daemon.errors import AuthError, ConfigError

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
    """One administrator, and tokens in their name.

    ``secret`` must be 32 random bytes, or a configured text. All tokens end when the name, the
    password or the secret changes. ``now`` is the wall clock, ``monotonic`` counts the limits.
    """

    def __init__(
        self,
        *,
        username: str,
        password_hash: str,
        secret: bytes,
        revocations: RevocationStore,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._revocations = revocations
        self._now = now
        self._monotonic = monotonic
        self._limit = LoginLimit()
        self._refreshing = asyncio.Lock()
        self.replace_credentials(username=username, password_hash=password_hash, secret=secret)

    def replace_credentials(self, *, username: str, password_hash: str, secret: bytes) -> None:
        """Take over a changed configuration; any change ends all tokens. Raises ConfigError."""
        assert username, "nobody can't log in"
        if not password_hash:
            raise ConfigError("api.auth.password is gone; only a restart makes a new one")
        assert secret, "a known key lets everybody make tokens"
        self._username = username
        self._password_hash = password_hash
        self._key = _derive_key(username, password_hash, secret)

    async def login(self, username: str, password: str, source: str) -> Tokens:
        """Check a name and a password. Raises AuthError, LimitError; never sleeps."""
        self._limit.begin(source, username, self._monotonic())
        is_user = hmac.compare_digest(_encode(username), _encode(self._username))
        known_hash = self._password_hash if is_user else None
        if not await check_password(password, known_hash):
            raise AuthError("Invalid username or password")
        self._limit.succeed(source, username, self._monotonic())
        return self._tokens(self._username, ALL_SCOPES, family=str(uuid.uuid4()))

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
            claims.subject, claims.scopes, family=claims.family, previous=claims.token_id
        )

    def verify(self, token: str, *usefor: str) -> Claims:
        """Check a token that is for one of these; none named: for access. Raises AuthError."""
        claims = read(token, usefor or (ACCESS,), key=self._key, now=self._now())
        if self._is_revoked(_TOKEN, claims.token_id):
            raise AuthError(BAD_TOKEN)
        if claims.family and self._is_revoked(_FAMILY, claims.family):
            raise AuthError(BAD_TOKEN)
        return claims

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

    def _tokens(
        self, subject: str, scopes: frozenset[str], *, family: str, previous: str = ""
    ) -> Tokens:
        access = Claims(subject, scopes, None, str(uuid.uuid4()), 0, family)
        fresh = replace(access, token_id=str(uuid.uuid4()), previous=previous)
        return Tokens(
            self._sign(access, ACCESS, ACCESS_LIFETIME),
            self._sign(fresh, REFRESH, REFRESH_LIFETIME),
        )

    def _sign(self, claims: Claims, usefor: str, lifetime: int) -> str:
        issued_at = int(self._now())
        dated = replace(claims, expires_at=issued_at + lifetime)
        return sign(dated, usefor, lifetime=lifetime, key=self._key, issued_at=issued_at)


def _encode(text: str) -> bytes:
    """Any text, for a name may hold what UTF-8 can't write, and simply be wrong."""
    return text.encode("utf-8", "surrogatepass")


def _derive_key(username: str, password_hash: str, secret: bytes) -> bytes:
    """Mix all three, each with its length, so that no two settings give one key."""
    parts = [b"jwt key 1", username.encode(), password_hash.encode()]
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hmac.digest(secret, message, hashlib.sha256)
