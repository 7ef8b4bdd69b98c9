"""Tokens and passwords: who somebody is and what they may do. Knows no HTTP and no files."""

from daemon.auth.auth import Auth, RevocationStore, Tokens
from daemon.auth.claims import ALL_SCOPES, Claims
from daemon.auth.password import hash_in_pool, hash_password, password_hash

__all__ = [
    "ALL_SCOPES",
    "Auth",
    "Claims",
    "RevocationStore",
    "Tokens",
    "hash_in_pool",
    "hash_password",
    "password_hash",
]
