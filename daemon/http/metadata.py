"""Metadata of a process and of the whole system: any JSON under any key."""

from typing import Any

from quart import Blueprint, Response, jsonify

from daemon.errors import NotFoundError
from daemon.http.body import read_json
from daemon.http.guard import Scope, needs
from daemon.http.process import find
from daemon.restream.restreamer import Restreamer


def routes(restreamer: Restreamer) -> Blueprint:
    """Build the blueprint; the guard has checked each request already."""
    views = _Views(restreamer)
    blueprint = Blueprint("metadata", __name__, url_prefix="/api/v3")
    of_process = "/process/<segment:process_id>/metadata"
    blueprint.get(of_process)(views.list_of_process)
    blueprint.get(f"{of_process}/<segment:key>")(views.show_of_process)
    blueprint.put(f"{of_process}/<segment:key>")(views.set_of_process)
    blueprint.get("/metadata")(views.list_of_system)
    blueprint.get("/metadata/<segment:key>")(views.show_of_system)
    blueprint.put("/metadata/<segment:key>")(views.set_of_system)
    return blueprint


class _Views:
    def __init__(self, restreamer: Restreamer) -> None:
        self._restreamer = restreamer

    @needs(Scope.PROCESS_READ)
    async def list_of_process(self, process_id: str) -> Response:
        return jsonify(self._of_process(process_id) or None)

    @needs(Scope.PROCESS_READ)
    async def show_of_process(self, process_id: str, key: str) -> Response:
        return jsonify(_value(self._of_process(process_id), key, "Unknown metadata key"))

    @needs(Scope.PROCESS_WRITE)
    async def set_of_process(self, process_id: str, key: str) -> Response:
        value = await read_json()
        process = find(self._restreamer, process_id)
        await self._restreamer.set_metadata(process.id, key, value)
        return jsonify(value)

    @needs(Scope.SYSTEM_READ)
    async def list_of_system(self) -> Response:
        return jsonify(self._restreamer.metadata(None) or None)

    @needs(Scope.SYSTEM_READ)
    async def show_of_system(self, key: str) -> Response:
        return jsonify(_value(self._restreamer.metadata(None), key, "Metadata not found"))

    @needs(Scope.CONFIG_WRITE)
    async def set_of_system(self, key: str) -> Response:
        value = await read_json()
        await self._restreamer.set_metadata(None, key, value)
        return jsonify(value)

    def _of_process(self, process_id: str) -> dict[str, Any]:
        return self._restreamer.metadata(find(self._restreamer, process_id).id)


def _value(metadata: dict[str, Any], key: str, message: str) -> Any:
    if key not in metadata:
        raise NotFoundError(message, details=[key], reason="unknown-key")
    return metadata[key]
