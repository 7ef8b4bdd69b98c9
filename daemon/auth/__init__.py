"""Tokens and passwords: who somebody is and what they may do. Knows no HTTP and no files."""

from daemon.auth.auth import Auth, RevocationStore, Tokens
from daemon.auth.claims import ACCESS, ALL_SCOPES, VIEW, Claims
from daemon.auth.keys import Keyring
from daemon.auth.password import hash_in_pool, hash_password, password_hash
from daemon.auth.roles import Role
from daemon.auth.users import User, Users
from daemon.auth.viewer import ViewerAccess
from daemon.storage.viewer_token import ViewerToken

__all__ = [
    "ACCESS",
    "ALL_SCOPES",
    "VIEW",
    "Auth",
    "Claims",
    "Keyring",
    "RevocationStore",
    "Role",
    "Tokens",
    "User",
    "Users",
    "ViewerAccess",
    "ViewerToken",
    "hash_in_pool",
    "hash_password",
    "password_hash",
]
