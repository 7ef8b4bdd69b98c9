"""HLS viewers: each gets a session, which counts what it loads; so do other downloads (f.3)."""

import time
from collections.abc import Callable
from pathlib import PurePosixPath

from quart import Response, request

from daemon.errors import ForbiddenError, OverloadError
from daemon.http.download import Count, send_bytes
from daemon.http.guard import caller
from daemon.http.playlist import (
    CONTENT_TYPE,
    MAX_PLAYLIST,
    SESSION,
    is_id,
    is_master,
    is_playlist,
    made_up_master,
    with_session,
    without_grants,
)
from daemon.http.schema import short_id
from daemon.session import Collector, Networks, Sessions
from daemon.storage.file import OpenFile

PRIVATE = {"Cache-Control": "private, no-cache"}
SCHEMES = ("http", "https")  # and the collectors of downloads that are no HLS
MAX_PENDING = 1000  # uploaded files that no playlist has named yet


class Hls:
    """Hands out playlists and counts segments, in both directions.

    ``ignored``: networks whose viewers get the files as they are. ``sessions`` None: all do.
    """

    def __init__(
        self,
        sessions: Sessions | None,
        ignored: tuple[str, ...] = (),
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._viewers = sessions.collector("hls") if sessions else None
        self._ingress = Ingress(sessions.collector("hlsingress")) if sessions else None
        self._downloads = {
            scheme: sessions.collector(scheme) for scheme in SCHEMES if sessions is not None
        }
        self._ignored = Networks(ignored)
        self._now = now

    async def answer(self, place: str, file: OpenFile) -> Response | None:
        """Answer a playlist; None if it is to be sent like any other file.

        ``place`` is the path as the viewer knows it. Raises ForbiddenError for what was never
        an id of ours, OverloadError beyond the limits.
        """
        if not is_playlist(place) or file.info.size_bytes > MAX_PLAYLIST:
            return None
        data = await file.read(0, file.info.size_bytes)
        await file.close()
        if self._is_ignored():
            return send_bytes(without_grants(data), CONTENT_TYPE, {"Cache-Control": "no-cache"})
        session_id = request.args.get(SESSION)
        if session_id is None and not is_master(data):
            query = list(request.args.items(multi=True))
            return send_bytes(made_up_master(place, query, short_id()), CONTENT_TYPE, PRIVATE)
        if session_id is None:
            return send_bytes(with_session(data, short_id()), CONTENT_TYPE, PRIVATE)
        body = with_session(data, self._see(session_id, place))
        self.counter(place)(len(body))
        return send_bytes(body, CONTENT_TYPE, PRIVATE)

    def counter(self, place: str) -> Count:
        """Give what counts the bytes of this request: for its session, or as a download."""
        if self._viewers is None or self._is_ignored():
            return void
        session_id = request.args.get(SESSION, "")
        collector = self._viewers
        if not session_id:
            collector = self._downloads[request.scheme]
            session_id = f"{caller().address} {place}"
            try:
                self._open(collector, session_id, place)
            except OverloadError:  # the statistics are full; that is no reason to refuse
                return void
        return lambda size: void(collector.count(session_id, self._now(), tx=size))

    def receive(self, place: str, size: int, playlist: bytes | None) -> None:
        """Note an upload, and which files a playlist names."""
        if self._ingress is not None:
            self._ingress.receive(place, size, playlist, caller().address, self._now())

    def _see(self, session_id: str, place: str) -> str:
        if not is_id(session_id):
            raise ForbiddenError("This is no session.", reason="bad-session")
        if self._viewers is not None:
            self._open(self._viewers, session_id, place)
        return session_id

    def _open(self, collector: Collector, session_id: str, place: str) -> None:
        collector.open(
            session_id,
            reference=reference_of(place),
            local=place,
            remote=caller().address,
            extra=request.headers.get("User-Agent", "")[:256],
            now=self._now(),
            wall=time.time(),
        )

    def _is_ignored(self) -> bool:
        return self._viewers is None or caller().address in self._ignored


class Ingress:
    """Uploads by playlist: segments come first, and the playlist that names them later."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._pending: dict[str, int] = {}  # bytes by path, oldest first
        self._playlists: dict[str, str] = {}  # of a file, the playlist that names it

    def receive(
        self, place: str, size: int, playlist: bytes | None, remote: str, now: float
    ) -> None:
        """Count one file of ``size`` bytes; ``playlist`` is its content if it is one."""
        if playlist is None:
            if not self._collector.count(self._playlists.get(place, ""), now, rx=size):
                self._pending[place] = self._pending.get(place, 0) + size
                _trim(self._pending)
            return
        self._collector.open(
            place,
            reference=reference_of(place),
            local=place,
            remote=remote,
            now=now,
            wall=time.time(),
        )
        self._collector.count(place, now, rx=size + self._claim(place, playlist))

    def _claim(self, place: str, playlist: bytes) -> int:
        directory, claimed = PurePosixPath(place).parent, 0
        for line in playlist.decode("utf-8", "replace").splitlines():
            if line and not line.startswith("#"):
                name = str(directory / line.partition("?")[0].rpartition("/")[2])
                claimed += self._pending.pop(name, 0)
                self._playlists.pop(name, None)
                self._playlists[name] = place
        _trim(self._playlists)
        return claimed


def reference_of(place: str) -> str:
    """Name what is watched: ``x`` for ``/memfs/x.m3u8``, as datarhei Core does."""
    return PurePosixPath(place).stem


def void(_: object) -> None:
    """Give nothing."""


def _trim(kept: dict[str, int] | dict[str, str]) -> None:
    while len(kept) > MAX_PENDING:
        del kept[next(iter(kept))]
