"""Vp8: who may have VP8, and the transcoders that make it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from daemon.errors import NotReadyError
from daemon.rtc.codecs import NegotiatedTrack, SourceTrack
from daemon.rtc.timeline import Plain
from daemon.webrtc.registry import Registry, Viewer
from daemon.webrtc.source import Source
from daemon.webrtc.transcoder import LINE, PENALTY, Transcoder

TRACK = SourceTrack("video", "VP8", None, 0)


class Vp8:
    """VP8 of all processes. Without ``binary`` there is none."""

    def __init__(
        self,
        binary: Path | None,
        registry: Registry,
        end: Callable[[Viewer, str], None],
    ) -> None:
        self._binary = binary
        self._registry = registry
        self._end = end

    def tracks(self, source: Source) -> tuple[SourceTrack, ...]:
        """Give what a viewer may choose from: H.264 first."""
        if self._binary is None or source.config.vp8 == "off" or not source.video_codec:
            return source.tracks
        return (*source.tracks, TRACK)

    def prepare(self, source: Source, negotiated: tuple[NegotiatedTrack, ...]) -> None:
        """Have a transcoder at hand if that was negotiated. NotReadyError: it's no use."""
        if LINE not in {track.line for track in negotiated}:
            return
        transcoder = source.transcoder or self._make(source)
        if transcoder.is_refused(time.monotonic()):
            text = f"VP8, the only codec in common, can't be made: {transcoder.problem}"
            raise NotReadyError(text, retry_after=round(PENALTY), reason="vp8-failed")

    def start(self, source: Source, group: asyncio.TaskGroup) -> None:
        """Let the transcoder run if somebody waits for it and it doesn't yet."""
        transcoder = source.transcoder
        if transcoder is not None and transcoder.is_idle and self._wanted_by(source):
            tracks = source.plan.tracks if source.plan else ()
            transcoder.pixels = max((one.width * one.height for one in tracks), default=0)
            transcoder.begin()
            group.create_task(transcoder.run())

    def end_unserved(self, source: Source) -> None:
        """End those who watch VP8 though it was switched off for their process."""
        if source.config.vp8 == "off":
            self._end_all(source, "vp8-off")

    def _make(self, source: Source) -> Transcoder:
        assert self._binary is not None
        transcoder = Transcoder(
            source.process_id,
            self._binary,
            is_wanted=lambda: bool(self._wanted_by(source)),
            deliver=partial(_send, source),
            give_up=lambda: self._end_all(source, "vp8-failed"),
        )
        source.transcoder = transcoder
        return transcoder

    def _wanted_by(self, source: Source) -> list[Viewer]:
        if self._registry.sources.get(source.process_id) is not source:
            return []
        viewers = self._registry.viewers_of(source.process_id)
        return [one for one in viewers if LINE in {track.line for track in one.negotiated}]

    def _end_all(self, source: Source, reason: str) -> None:
        for viewer in self._wanted_by(source):
            self._end(viewer, reason)


def _send(source: Source, packets: Sequence[Plain], is_keyframe: bool, now: float) -> None:
    source.send(LINE, packets, is_keyframe=is_keyframe, now=now)


def describe(source: Source, now: float) -> dict[str, Any]:
    """Describe a process's VP8, ready for JSON."""
    transcoder = source.transcoder
    if transcoder is None:
        return {"state": "off", "reason": ""}
    pipe, leg = transcoder.pipe, transcoder.leg
    return {
        "state": str(transcoder.state),
        "reason": transcoder.problem,
        "pid": transcoder.pid,
        "runs": transcoder.runs,
        "packets": leg.packets,
        "bytes": leg.octets,
        "bitrate_bits": round(leg.bitrate(now)),
        "pictures": pipe.pictures if pipe else 0,
        "left_out": pipe.left_out if pipe else 0,
    }
