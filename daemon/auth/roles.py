"""Roles: what a user may do, by one word."""

from enum import StrEnum

from daemon.auth.claims import ALL_SCOPES


class Role(StrEnum):
    """Who somebody is to us."""

    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"


# an operator runs processes; who may log in and how the daemon is set up is not theirs
_SCOPES = {
    Role.ADMIN: ALL_SCOPES,
    Role.OPERATOR: ALL_SCOPES - {"config:write", "user:write"},
    Role.VIEWER: frozenset({"process:read", "whep:view"}),
}


def scopes_of(role: Role) -> frozenset[str]:
    """Give the scopes of a role."""
    return _SCOPES[role]
