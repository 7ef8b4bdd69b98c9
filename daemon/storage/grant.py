"""Grants: the right of one run of FFmpeg to write to the memory file system, and nothing else.

The grant is a part of the path, ``/memfs/~<token>/cam.m3u8``, for FFmpeg sends a password only
after a refusal, and then throws away what it has written. Users see ``~write`` in its place.
"""

import secrets
from collections.abc import Iterable

MARKER = "~write"  # stands for the grant everywhere but in the arguments of the child
TOKEN_BYTES = 24
_LENGTH = len(secrets.token_urlsafe(TOKEN_BYTES))


class Grants:
    """Every grant that counts now, and whose it is."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}

    def issue(self, owner: str) -> str:
        """Make a new one; it counts until it is revoked."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self._owners[token] = owner
        return token

    def revoke(self, token: str) -> None:
        """End it; harmless if it never was."""
        self._owners.pop(token, None)

    def split(self, path: str) -> tuple[str | None, str]:
        """Take the grant out of ``/~<token>/rest``: its owner and ``/rest``.

        A path without one comes back as it is, and so does one with an unknown grant.
        """
        first, _, rest = path[1:].partition("/")
        if first == MARKER:  # a probe of ours, which only reads
            return None, f"/{rest}"
        if not first.startswith("~") or len(first) != _LENGTH + 1:
            return None, path
        owner = self._owners.get(first[1:])
        return (owner, f"/{rest}") if owner is not None else (None, path)


def has_marker(arguments: Iterable[str]) -> bool:
    """Whether somebody means to write to memory."""
    return any(MARKER in argument for argument in arguments)


def fill(arguments: Iterable[str], token: str) -> list[str]:
    """Put the grant in the place of the marker."""
    return [argument.replace(f"/memfs/{MARKER}", f"/memfs/~{token}") for argument in arguments]
