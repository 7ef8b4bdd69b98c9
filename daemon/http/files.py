"""/memfs, /api/v3/fs and the files of the disk on ``/`` (datarhei-core.md a.2, a.4, f.3)."""

import hmac
from collections.abc import Callable
from ipaddress import ip_address

from quart import Blueprint, Response, jsonify, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from daemon.errors import NotFoundError
from daemon.http.download import send_file
from daemon.http.guard import Scope, caller, needs, plain_address
from daemon.http.hls import Hls
from daemon.http.limit import Limit
from daemon.http.mounts import Storage
from daemon.http.playlist import is_playlist
from daemon.http.ui import lead_here
from daemon.http.upload import receive_file
from daemon.storage.file import FileInfo, Filesystem, clean_path

INDEX = "/index.html"
MEMORY_CACHE = "no-cache"  # kept, but asked for each time: FFmpeg uses names again
DISK_CACHE = "max-age=300"
SORTS: dict[str, Callable[[FileInfo], str | float]] = {
    "name": lambda file: file.path,
    "size": lambda file: file.size_bytes,
    "lastmod": lambda file: file.modified_at,
}


def routes(storage: Storage, hls: Hls) -> Blueprint:
    """Build the blueprint; the guard has checked each request already."""
    views = _Views(storage, hls)
    blueprint = Blueprint("files", __name__)
    blueprint.get("/memfs/<file:path>")(views.show_memory)
    blueprint.route("/memfs/<file:path>", methods=["PUT", "POST"])(views.write_memory)
    blueprint.delete("/memfs/<file:path>")(views.delete_memory)
    blueprint.get("/api/v3/fs")(views.list_filesystems)
    blueprint.get("/api/v3/fs/<segment:name>")(views.list_files)
    one = "/api/v3/fs/<segment:name>/<file:path>"
    blueprint.get(one)(views.show)
    blueprint.put(one)(views.write)
    blueprint.delete(one)(views.delete)
    blueprint.get("/")(views.show_index)
    blueprint.get("/<public:path>")(views.show_public)
    return blueprint


class _Views:
    def __init__(self, storage: Storage, hls: Hls) -> None:
        self._storage = storage
        self._hls = hls
        self._writers = Writers(storage)
        self._filesystems: dict[str, Filesystem] = {
            "disk": storage.disk,
            "mem": storage.memory,
        }

    # /memfs: players read, FFmpeg writes

    @needs(Scope.PUBLIC)
    async def show_memory(self, path: str) -> Response:
        owner, name = self._writers.split(path)
        place = clean_path(name)
        if owner is None:
            return await self._serve(self._storage.memory, place, MEMORY_CACHE, "/memfs")
        file = await self._storage.memory.open(place)  # as it is: our FFmpeg is no viewer
        return await send_file(file, self._storage.content_types.of(place), cache="no-store")

    @needs(Scope.PUBLIC)
    async def write_memory(self, path: str) -> Response:
        name = clean_path(self._writers.require(path))
        with self._storage.grants.writing(path):
            response, size = await receive_file(self._storage.memory, name)
        playlist = None
        if is_playlist(name):
            file = await self._storage.memory.open(name)
            playlist = await file.read(0, size)
        self._hls.receive(f"/memfs{name}", size, playlist)
        return response

    @needs(Scope.PUBLIC)
    async def delete_memory(self, path: str) -> Response:
        name = clean_path(self._writers.require(path))
        return await _delete(self._storage.memory, name)

    # /: what is on the disk

    @needs(Scope.PUBLIC)
    async def show_index(self) -> Response:
        try:
            return await self._serve(self._storage.disk, INDEX, DISK_CACHE, "")
        except NotFoundError:
            return lead_here()

    @needs(Scope.PUBLIC)
    async def show_public(self, path: str) -> Response:
        name = f"{path}index.html" if path.endswith("/") else path
        cache = MEMORY_CACHE if name.endswith(".mpd") else DISK_CACHE  # DASH may be live
        return await self._serve(self._storage.disk, clean_path(name), cache, "")

    # /api/v3/fs: what users do

    @needs(Scope.PROCESS_READ)
    async def list_filesystems(self) -> Response:
        return jsonify(
            [
                {"name": "disk", "type": "disk", "mount": "/"},
                {"name": "mem", "type": "mem", "mount": "/memfs"},
            ]
        )

    @needs(Scope.PROCESS_READ)
    async def list_files(self, name: str) -> Response:
        files = await self._find(name).list(request.args.get("glob", ""))
        key = SORTS.get(request.args.get("sort", ""), SORTS["lastmod"])
        files.sort(key=key, reverse=request.args.get("order") == "desc")
        return jsonify(
            [
                {
                    "name": file.path,
                    "size_bytes": file.size_bytes,
                    "last_modified": int(file.modified_at),
                }
                for file in files
            ]
        )

    @needs(Scope.PROCESS_READ)
    async def show(self, name: str, path: str) -> Response:
        file = await self._find(name).open(clean_path(path))
        content_type = self._storage.content_types.of(file.info.path)
        return await send_file(file, content_type, cache="no-store")

    @needs(Scope.PROCESS_WRITE)
    async def write(self, name: str, path: str) -> Response:
        place = clean_path(path)
        response, _ = await receive_file(self._find(name), place)
        response.headers["Content-Location"] = request.path
        return response

    @needs(Scope.PROCESS_WRITE)
    async def delete(self, name: str, path: str) -> Response:
        return await _delete(self._find(name), clean_path(path))

    def _find(self, name: str) -> Filesystem:
        if name not in self._filesystems:
            raise NotFoundError(
                "File system not found", details=[name], reason="unknown-filesystem"
            )
        return self._filesystems[name]

    async def _serve(
        self, filesystem: Filesystem, path: str, cache: str, mount: str
    ) -> Response:
        file = await filesystem.open(path)
        playlist = await self._hls.answer(f"{mount}{path}", file)
        if playlist is not None:
            return playlist
        content_type = self._storage.content_types.of(path)
        return await send_file(
            file, content_type, cache=cache, count=self._hls.counter(f"{mount}{path}")
        )


class Writers:
    """Who may write below ``/memfs``: our FFmpegs by their grant, others by Basic."""

    def __init__(self, storage: Storage) -> None:
        self._grants = storage.grants
        self._auth = storage.write_auth
        self._is_ours = storage.is_ours
        self._failures = Limit(per_minute=20, burst=20)

    def split(self, path: str) -> tuple[str | None, str]:
        """Give the owner of the grant in a path, and the path without it."""
        owner, name = self._grants.split(path)
        if owner is None:
            return None, name
        ends = _ends()
        return (owner, name) if ends is not None and self._is_ours(*ends) else (None, path)

    def require(self, path: str) -> str:
        """Give the path to write to. Raises Unauthorized, LimitError after 20 wrong guesses."""
        owner, name = self.split(path)
        if owner is not None or not self._auth.is_needed:
            return name
        self._failures.check(caller().address)
        if self._is_known():
            return name
        if request.authorization is not None:
            self._failures.take(caller().address)
        raise Unauthorized(
            "Writing here needs a name and a password.",
            www_authenticate=WWWAuthenticate(
                "basic", {"realm": "files in memory", "charset": "UTF-8"}
            ),
        )

    def _is_known(self) -> bool:
        sent = request.authorization
        if sent is None or sent.type != "basic" or not self._auth.password:
            return False
        is_name = _is_equal(sent.username or "", self._auth.username)
        return _is_equal(sent.password or "", self._auth.password) and is_name


async def _delete(filesystem: Filesystem, path: str) -> Response:
    await filesystem.delete(path)
    return Response(f"Deleted: {path}", content_type="text/plain; charset=utf-8")


def _is_equal(sent: str, known: str) -> bool:
    return hmac.compare_digest(sent.encode(), known.encode())


def _ends() -> tuple[tuple[str, int], tuple[str, int]] | None:
    """Give client and server if the request comes from this machine and nobody passed it on."""
    client, server = request.scope.get("client"), request.scope.get("server")
    if not client or not server:
        return None
    peer, here = plain_address(client[0]), plain_address(server[0])
    if peer != caller().address or not (peer == here or ip_address(peer).is_loopback):
        return None
    return (peer, client[1]), (here, server[1] or 0)
