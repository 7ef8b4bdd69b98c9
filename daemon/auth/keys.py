"""Keyring: which key signs, and which older ones still count (A3, A6)."""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from daemon.errors import ConflictError
from daemon.storage.users import KeyRecord

KEY_BYTES = 32
KID = re.compile(r"^[A-Za-z0-9_-]{1,32}$")


class Store(Protocol):
    """Where keys are kept: durable once a method returns."""

    @property
    def is_read_only(self) -> bool: ...

    async def keys(self) -> list[KeyRecord]: ...

    async def replace_keys(self, keys: list[KeyRecord]) -> None: ...


class Keyring:
    """Signing keys by their id. A configured secret is one key and no other."""

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now
        self._stored: list[KeyRecord] = []
        self._configured: KeyRecord | None = None

    async def load(self, first: bytes) -> None:
        """Learn the keys; the first start takes ``first``."""
        self._stored = await self._store.keys()
        if not self._stored:
            self._stored = [_record(first, int(self._now()))]
            if not self._store.is_read_only:
                await self._store.replace_keys(self._stored)

    def configure(self, secret: str) -> bool:
        """Take the secret of the configuration; "" is none. Tells whether it is another one."""
        before = self._configured
        self._configured = _record(secret.encode(), 0) if secret else None
        return before != self._configured

    @property
    def signing(self) -> KeyRecord:
        """The key of new tokens."""
        return self._configured or self._stored[0]

    def verifying(self, kid: object) -> bytes | None:
        """Find a key by its id; None: unknown, or its time is over."""
        keys = [self._configured] if self._configured else self._stored
        for one in keys:
            is_current = not one.verifies_until or self._now() < one.verifies_until
            if one.kid == kid and is_current:
                return one.key
        return None

    async def rotate(self, latest: int) -> KeyRecord:
        """Sign with a new key; older ones verify until ``latest``, 0: not any more.

        Raises ConflictError if the key stands in the configuration.
        """
        if self._configured is not None:
            text = "the key stands in the configuration (api.auth.jwt.secret); change it there"
            raise ConflictError(text, reason="configured-key")
        now = int(self._now())
        # two in one second still have an order
        created_at = max(now, self._stored[0].created_at + 1)
        fresh = _record(secrets.token_bytes(KEY_BYTES), created_at)
        old = [
            replace(one, verifies_until=min(one.verifies_until or latest, latest))
            for one in self._stored
        ]
        keys = [fresh, *(one for one in old if one.verifies_until > now)]
        await self._store.replace_keys(keys)
        self._stored = keys
        return fresh


def _record(secret: bytes, created_at: int) -> KeyRecord:
    assert secret, "a known key lets everybody make tokens"
    key = hmac.digest(secret, b"jwt key 2", hashlib.sha256)
    kid = hmac.digest(secret, b"jwt key id", hashlib.sha256).hex()[:16]
    return KeyRecord(kid, key, created_at)
