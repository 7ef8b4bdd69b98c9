"""Grants: the right of one run of FFmpeg to write to the memory file system, and nothing else.

The grant is a part of the path, ``/memfs/~<token>/cam.m3u8``, for FFmpeg sends a password only
after a refusal, and then throws away what it has written. Users see ``~write`` in its place.
"""

import asyncio
import re
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

MARKER = "~write"  # stands for the grant everywhere but in the arguments of the child
TOKEN_BYTES = 24
# With any user in the address FFmpeg asks before it sends (Expect: 100-continue). Else it could
# be gone before we look whose connection it is, and a closed one has no owner any more.
USER = "ffmpeg"
_LENGTH = len(secrets.token_urlsafe(TOKEN_BYTES))
_PLACE = re.compile(rf"//([^\s/@]*)/memfs/{MARKER}")


class Grants:
    """Every grant that counts now, and whose it is."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}
        self._writes: Counter[str] = Counter()  # under way, by grant
        self._written = asyncio.Event()

    def issue(self, owner: str) -> str:
        """Make a new one; it counts until it is revoked."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self._owners[token] = owner
        return token

    def revoke(self, token: str) -> None:
        """End it; harmless if it never was."""
        self._owners.pop(token, None)

    @contextmanager
    def writing(self, path: str) -> Iterator[None]:
        """Hold ``settle`` up while a file is written to a path with a grant."""
        token = path[1:].partition("/")[0][1:]
        self._writes[token] += 1
        try:
            yield
        finally:
            self._writes[token] -= 1
            if not self._writes[token]:
                del self._writes[token]
                self._written.set()

    async def settle(self, token: str) -> None:
        """Wait until all is written that came by this grant: FFmpeg doesn't wait for it."""
        while self._writes[token]:
            self._written.clear()
            await self._written.wait()

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
    filled = rf"//{USER}@\1/memfs/~{token}"
    return [_PLACE.sub(filled, argument) for argument in arguments]
