"""/api/v3/skills: what the FFmpeg in use can do; read once, and again on reload."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict
from typing import Any

from quart import Blueprint, Response, jsonify

from daemon.errors import OverloadError
from daemon.ffmpeg.skills import Codec, Skill, Skills
from daemon.http.guard import Scope, needs

log = logging.getLogger(__name__)

RETRY_AFTER = 30  # seconds


class SkillsCache:
    """The skills, asked from FFmpeg when first wanted: half a dozen child processes."""

    def __init__(self, read: Callable[[], Awaitable[Skills]]) -> None:
        self._read = read
        self._lock = asyncio.Lock()
        self._reads = 0
        self._skills: Skills | None = None

    async def get(self) -> Skills:
        return self._skills or await self.reload()

    async def reload(self) -> Skills:
        """Ask again. Who comes while somebody is asking gets that answer, not a turn."""
        seen = self._reads
        async with self._lock:
            if self._skills is None or self._reads == seen:
                self._skills = await self._ask()
                self._reads += 1
            return self._skills

    async def _ask(self) -> Skills:
        try:
            return await self._read()
        except OSError as error:
            log.warning("skills: FFmpeg can't be run: %s", error)
            raise OverloadError(
                "FFmpeg can't be run", retry_after=RETRY_AFTER, reason="ffmpeg-unusable"
            ) from error


def routes(skills: SkillsCache) -> Blueprint:
    """Build the blueprint; the guard has checked each request already."""
    blueprint = Blueprint("skills", __name__, url_prefix="/api/v3/skills")

    @blueprint.get("")
    @needs(Scope.SYSTEM_READ)
    async def show() -> Response:
        return jsonify(skills_json(await skills.get()))

    @blueprint.route("/reload", methods=["GET", "POST"])  # GET is what datarhei's clients use
    @needs(Scope.SYSTEM_READ)
    async def reload() -> Response:
        return jsonify(skills_json(await skills.reload()))

    return blueprint


def skills_json(skills: Skills) -> dict[str, Any]:
    """Write skills in datarhei's groups."""
    return {
        "ffmpeg": {
            "version": skills.version,
            "compiler": skills.compiler,
            "configuration": skills.configuration,
            "libraries": [asdict(library) for library in skills.libraries],
        },
        "filter": _named(skills.filters),
        "hwaccels": _named(skills.hwaccels),
        "codecs": {
            "audio": _codecs(skills.audio_codecs),
            "video": _codecs(skills.video_codecs),
            "subtitle": _codecs(skills.subtitle_codecs),
        },
        "devices": {
            "demuxers": _devices(skills.device_demuxers, skills),
            "muxers": _devices(skills.device_muxers, skills),
        },
        "formats": {"demuxers": _named(skills.demuxers), "muxers": _named(skills.muxers)},
        "protocols": {
            "input": _named(skills.input_protocols),
            "output": _named(skills.output_protocols),
        },
    }


def _named(items: Iterable[Skill]) -> list[dict[str, Any]]:
    return [{"id": item.id, "name": item.name} for item in items]


def _codecs(codecs: Iterable[Codec]) -> list[dict[str, Any]]:
    """Write codecs; who has no encoder has null, not an empty list: clients expect that."""
    return [
        {
            "id": codec.id,
            "name": codec.name,
            "encoders": list(codec.encoders) or None,
            "decoders": list(codec.decoders) or None,
        }
        for codec in codecs
    ]


def _devices(kinds: Iterable[Skill], skills: Skills) -> list[dict[str, Any]]:
    """Write kinds of devices, each with what is plugged in."""
    return [
        {
            "id": kind.id,
            "name": kind.name,
            "devices": [asdict(one) for one in skills.plugged.get(kind.id, ())],
        }
        for kind in kinds
    ]
