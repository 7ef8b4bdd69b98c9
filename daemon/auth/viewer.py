"""Viewer tokens: who has one may watch one process, until it expires or is revoked."""

import time
from collections.abc import Callable

from daemon.auth.auth import Auth
from daemon.errors import NotFoundError
from daemon.storage.viewer_token import ViewerToken, ViewerTokens


class ViewerAccess:
    """Gives out tokens, lists and revokes them. ``now`` is the wall clock."""

    def __init__(
        self, auth: Auth, store: ViewerTokens, now: Callable[[], float] = time.time
    ) -> None:
        self._auth = auth
        self._store = store
        self._now = now

    async def create(
        self,
        process_id: str,
        *,
        created_by: str,
        ttl_seconds: int,
        max_viewers: int = 0,
        max_view_seconds: int = 0,
    ) -> tuple[str, ViewerToken]:
        """Make one; it is listed before it is given out."""
        token, claims = self._auth.issue_viewer(
            process_id,
            ttl_seconds=ttl_seconds,
            max_viewers=max_viewers,
            max_view_seconds=max_view_seconds,
        )
        record = ViewerToken(
            process_id=process_id,
            id=claims.token_id,
            created_by=created_by,
            created_at=int(self._now()),
            expires_at=claims.expires_at,
            max_viewers=max_viewers,
            max_view_seconds=max_view_seconds,
        )
        await self._store.add(record)
        return token, record

    async def of_process(self, process_id: str) -> list[ViewerToken]:
        """List those that count, the newest first."""
        return await self._store.of_process(process_id, self._now())

    async def revoke(self, process_id: str, token_id: str) -> None:
        """End one, and soon those who watch by it. Raises NotFoundError."""
        for token in await self.of_process(process_id):
            if token.id == token_id:
                await self._end(token)
                return
        text = f"{process_id} has no token {token_id} that counts"
        raise NotFoundError(text, reason="unknown-token")

    async def revoke_process(self, process_id: str) -> None:
        """End all of a process that is gone: another of this name must not inherit them."""
        for token in await self.of_process(process_id):
            await self._end(token)

    async def revoke_creator(self, name: str) -> None:
        """End all that one user has given out."""
        for token in await self._store.of_creator(name, self._now()):
            await self._end(token)

    async def last_end(self) -> int:
        """When the last of all ends, in Unix seconds; 0: there is none."""
        return await self._store.last_end()

    async def _end(self, token: ViewerToken) -> None:
        await self._auth.revoke_token(token.id, token.expires_at)
        await self._store.remove(token)
