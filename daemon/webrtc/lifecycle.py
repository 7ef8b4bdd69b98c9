"""Lifecycle: takes part in each process's life: binds its Source, appends legs, ends viewers.

A failure here never stops a process: it runs without legs, and its state says why.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from daemon.ffmpeg.probe import Probe
from daemon.restream.config import ConfigWebRTC, ProcessConfig, ProcessId
from daemon.restream.hooks import PendingStart, RunEnd, StopReason
from daemon.webrtc.ffmpeg_args import build_args
from daemon.webrtc.plan import Plan, make_plan
from daemon.webrtc.registry import Registry
from daemon.webrtc.source import Source

log = logging.getLogger(__name__)

PROBE_SECONDS = 20.0
QUICK_FAILURE = 10.0  # seconds; a run that ends sooner without RTP may be the legs' fault

Prober = Callable[[Sequence[str], float], Awaitable[Probe]]


class Lifecycle:
    """The ProcessHooks of WebRTC."""

    def __init__(
        self,
        registry: Registry,
        prober: Prober,
        make_source: Callable[[ProcessId, ConfigWebRTC], Source],
        close_viewers: Callable[[ProcessId, str], None],
        on_tracks: Callable[[ProcessId, tuple[str, ...]], None],
        *,
        is_on: bool,
    ) -> None:
        self._registry = registry
        self._prober = prober
        self._make_source = make_source
        self._close_viewers = close_viewers
        self._on_tracks = on_tracks
        self.is_on = is_on
        self.breaks_loops = False
        """Whether this FFmpeg ends a copied leg when a looped file begins anew."""
        self._remembered: dict[ProcessId, tuple[tuple[str, ...], Probe]] = {}
        self._blamed: set[ProcessId] = set()
        self._is_fresh: set[ProcessId] = set()
        self._awaits_data: set[ProcessId] = set()
        self._has_waited: set[ProcessId] = set()

    async def on_start(self, pending: PendingStart) -> None:
        """Append the legs of a process with WebRTC on."""
        process_id, config = pending.process_id, pending.config.webrtc
        if not config.enabled or not self.is_on:
            self._drop_source(process_id, "webrtc-disabled")
            return
        source = self._source_of(process_id, config)
        if process_id in self._blamed:
            self._blamed.discard(process_id)
            text = "FFmpeg failed with the WebRTC legs; this run is without them"
            source.begin_run_without_legs(text, source.plan)
            log.warning("process %s: %s", process_id, text)
            return
        probe = await self._probe(process_id, pending.input_arguments)
        is_looped = "-stream_loop" in pending.input_arguments
        plan = make_plan(probe, config, is_loop_broken=is_looped and self.breaks_loops)
        if plan.active:
            self._has_waited.discard(process_id)
            self._append(pending, source, plan)
            return
        source.begin_run_without_legs(self._why_without_legs(pending, probe))
        log.warning("process %s: no WebRTC: %s", process_id, source.problem)

    def on_running(self, process_id: ProcessId, pid: int) -> None:
        """Media may come now."""
        del pid
        source = self._registry.sources.get(process_id)
        if source is not None:
            source.note_running()

    def on_media(self, process_id: ProcessId) -> bool:
        """Start anew, with legs, if the probe gave up before there was data."""
        if process_id not in self._awaits_data:
            return False
        self._awaits_data.discard(process_id)
        self._has_waited.add(process_id)  # once: what can't be probed now never can
        log.info("process %s: its input came late: starting again for WebRTC", process_id)
        return True

    def on_exit(self, end: RunEnd) -> bool:
        """Keep the viewers; find out whether the legs were to blame."""
        self._awaits_data.discard(end.process_id)
        source = self._registry.sources.get(end.process_id)
        if source is None:
            return False
        had_legs = source.plan is not None and not source.problem
        had_media = source.has_media
        known = self._remembered.get(end.process_id)
        if source.has_b_frames and known is not None:
            self._remembered[end.process_id] = (known[0], _with_b_frames(known[1]))
        source.end_run()
        is_quick = not end.was_ordered and end.ran_seconds < QUICK_FAILURE
        # a death by signal is never the legs' fault
        has_failed = end.exit_code is not None and end.exit_code > 0
        if not (had_legs and is_quick and not had_media and has_failed):
            return False
        # what we believed of the input may be wrong; if we have just looked, legs are to blame
        self._remembered.pop(end.process_id, None)
        if end.process_id in self._is_fresh:
            self._blamed.add(end.process_id)
        return True

    def on_update(self, config: ProcessConfig) -> None:
        """Switching WebRTC off takes effect at once; other payload types need new legs."""
        self._remembered.pop(config.id, None)
        self._has_waited.discard(config.id)
        source = self._registry.sources.get(config.id)
        if source is None:
            return
        if not config.webrtc.enabled:
            self._drop_source(config.id, "webrtc-disabled")

    def on_stop(self, process_id: ProcessId, reason: StopReason) -> None:
        """Tell the viewers of a process that won't come back by itself."""
        if reason in (StopReason.DELETE, StopReason.RENAME):
            self._remembered.pop(process_id, None)
        self._drop_source(process_id, f"process-{reason}")

    # -- inside

    def _source_of(self, process_id: ProcessId, config: ConfigWebRTC) -> Source:
        source = self._registry.sources.get(process_id)
        if source is None:
            source = self._make_source(process_id, config)
            self._registry.sources[process_id] = source
        source.configure(config)
        return source

    async def _probe(self, process_id: ProcessId, arguments: tuple[str, ...]) -> Probe:
        known = self._remembered.get(process_id)
        if known is not None and known[0] == arguments:
            self._is_fresh.discard(process_id)
            return known[1]
        probe = await self._prober(arguments, PROBE_SECONDS)
        self._is_fresh.add(process_id)
        if probe.is_clear and not probe.error:
            self._remembered[process_id] = (arguments, probe)
        return probe

    def _why_without_legs(self, pending: PendingStart, probe: Probe) -> str:
        if probe.streams:
            return "the input has no video and no audio"
        process_id = pending.process_id
        # a process that mustn't be started again isn't, not even for viewers
        if not pending.config.reconnect or process_id in self._has_waited:
            return f"{probe.error}; restart the process once the input is there"
        self._awaits_data.add(process_id)
        return f"{probe.error}; FFmpeg is started again for viewers once data comes"

    def _append(self, pending: PendingStart, source: Source, plan: Plan) -> None:
        self._on_tracks(pending.process_id, plan.kinds)
        legs = source.begin_run(plan)
        began = int(time.time() * 1_000_000)
        for track in plan.active:
            arguments = build_args(track, legs[track.kind], start_microseconds=began)
            pending.append_output(f"webrtc_{track.kind}", arguments)
        decisions = ", ".join(f"{track.kind} {track.action}" for track in plan.tracks)
        log.info("process %s: webrtc plan: %s", pending.process_id, decisions)

    def _drop_source(self, process_id: ProcessId, reason: str) -> None:
        self._close_viewers(process_id, reason)
        self._blamed.discard(process_id)
        self._awaits_data.discard(process_id)
        source = self._registry.sources.pop(process_id, None)
        if source is not None:
            source.close()


def _with_b_frames(probe: Probe) -> Probe:
    """Correct what a probe said by what its streams did later."""
    streams = (
        replace(stream, has_b_frames=True) if stream.codec == "h264" else stream
        for stream in probe.streams
    )
    return replace(probe, streams=tuple(streams))
