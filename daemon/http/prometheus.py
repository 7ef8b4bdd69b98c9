"""/metrics: processes, their sources and viewers, for Prometheus.

Looked at when somebody asks; nothing is counted only for this. Labels are ids of processes and
words of ours: no viewer can make a new one.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import Metric, exposition
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector, CollectorRegistry
from quart import Blueprint, Response, request

from daemon.errors import NotFoundError
from daemon.http.about import PRODUCT, product_version
from daemon.http.dashboard import Dashboard
from daemon.http.guard import Scope, needs
from daemon.restream.process import Process
from daemon.restream.restreamer import Restreamer
from daemon.restream.shown import ProcessState
from daemon.restream.state import Exec, Order
from daemon.webrtc.audience import FIRST_RTP_BOUNDS, Tally
from daemon.webrtc.kernel import dropped_datagrams
from daemon.webrtc.source import Source
from daemon.webrtc.subsystem import WebRTC

Look = Callable[[ProcessState], float]

# name without "dragonctl_process_", meaning, and where it is in the state
_GAUGES: tuple[tuple[str, str, Look], ...] = (
    ("started", "Whether its order is start", lambda state: state.order is Order.START),
    ("up", "Whether its FFmpeg runs", lambda state: state.exec is Exec.RUNNING),
    ("state_seconds", "Since its last change of state", lambda state: state.runtime_seconds),
    ("cpu_ratio", "CPU time a second, of the whole machine's", lambda s: s.cpu_usage / 100),
    ("memory_bytes", "Resident memory", lambda state: state.memory_bytes),
    ("frames_per_second", "Frames that FFmpeg handles", lambda state: state.progress.fps),
    ("bitrate_bits", "What FFmpeg writes a second", lambda s: s.progress.bitrate_bits),
    ("speed_ratio", "Speed; 1 is real time", lambda state: state.progress.speed),
)
_COUNTERS: tuple[tuple[str, str, Look], ...] = (
    ("restarts", "Starts after the first", lambda state: state.restarts),
    ("frames", "Frames of this run", lambda state: state.progress.frame),
    ("dropped_frames", "Frames of this run that FFmpeg dropped", lambda s: s.progress.drop),
    ("duplicated_frames", "Frames of this run that it made up", lambda s: s.progress.dup),
)
# name without "dragonctl_webrtc_", meaning, and the sum over a process's viewers
_SUMS: tuple[tuple[str, str, Callable[[Tally], int]], ...] = (
    ("viewers_joined", "Viewers since the start", lambda sums: sums.viewers),
    ("sent_packets", "RTP packets sent to viewers", lambda sums: sums.packets),
    ("sent_bytes", "Media sent to viewers", lambda sums: sums.octets),
    ("lost_packets", "Packets that viewers report lost", lambda sums: sums.lost),
    ("resent_packets", "Packets sent again when asked for", lambda sums: sums.resent),
    ("unanswered_packets", "Packets asked for too late", lambda sums: sums.unanswered),
    ("nacks", "Messages that ask for packets again", lambda sums: sums.nacks),
    ("plis", "Requests for a key frame", lambda sums: sums.plis),
    ("answered_plis", "Those answered from memory", lambda sums: sums.plis_answered),
    ("dropped_frames", "Frames not sent to slow viewers", lambda sums: sums.dropped_frames),
)


class Snapshot(Collector):
    """What there is at one moment."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def routes(
    restreamer: Restreamer, webrtc: WebRTC, dashboard: Dashboard, *, is_on: bool
) -> Blueprint:
    """Build the blueprint; the guard has checked each request already."""
    blueprint = Blueprint("prometheus", __name__)

    @blueprint.get("/metrics")
    @needs(Scope.SYSTEM_READ)
    async def show() -> Response:
        if not is_on:
            text = "metrics.enable_prometheus is false"
            raise NotFoundError("Not Found", details=[text], reason="metrics-off")
        encode, content_type = exposition.choose_encoder(request.headers.get("Accept", ""))
        registry = CollectorRegistry()
        ours = look(restreamer, webrtc, time.monotonic())
        registry.register(Snapshot([*ours, *await dashboard.look()]))
        ProcessCollector(namespace="dragonctl_daemon", registry=registry)
        body = await asyncio.to_thread(encode, registry)
        return Response(body, 200, content_type=content_type)

    return blueprint


def look(restreamer: Restreamer, webrtc: WebRTC, now: float) -> Iterator[Metric]:
    """Look at everything once. ``now`` is on the monotonic clock."""
    about = {"version": product_version()}
    yield InfoMetricFamily(PRODUCT, "Which daemon this is", value=about)
    processes = restreamer.processes()
    yield from _processes(processes)
    yield from _subsystem(webrtc, now)
    yield from _sources(list(webrtc.registry.sources.values()))
    yield from _viewers(webrtc, [process.id for process in processes])


def _processes(processes: list[Process]) -> Iterator[Metric]:
    states = [(process.id, process.state()) for process in processes]
    by_exec = GaugeMetricFamily("dragonctl_processes", "By state", labels=["state"])
    for word in Exec:
        count = sum(state.exec is word for _, state in states)
        by_exec.add_metric([word], count)
    yield by_exec
    for kind, table in ((GaugeMetricFamily, _GAUGES), (CounterMetricFamily, _COUNTERS)):
        for name, meaning, value in table:
            family = kind(f"dragonctl_process_{name}", meaning, labels=["process"])
            for process_id, state in states:
                family.add_metric([process_id], float(value(state)))
            yield family


def _subsystem(webrtc: WebRTC, now: float) -> Iterator[Metric]:
    mux = webrtc.mux
    is_on = 0.0 if webrtc.problem or mux is None else 1.0
    yield GaugeMetricFamily("dragonctl_webrtc_up", "Whether viewers can join", value=is_on)
    ends = CounterMetricFamily(
        "dragonctl_webrtc_ends", "Viewers who left, by reason", labels=["reason"]
    )
    for reason, count in sorted(webrtc.audience.ends.items()):
        ends.add_metric([reason], count)
    yield ends
    if mux is None:
        return
    queue = mux.queue_seconds(now)
    yield GaugeMetricFamily(
        "dragonctl_webrtc_send_queue_seconds", "Age of the oldest burst", value=queue
    )
    events = CounterMetricFamily(
        "dragonctl_webrtc_socket_events", "What the viewers' socket met", labels=["event"]
    )
    for event, count in sorted(mux.counters.items()):
        events.add_metric([event], count)
    yield events
    dropped = sum(dropped_datagrams(sock) for sock in mux.sockets.values())
    yield CounterMetricFamily(
        "dragonctl_webrtc_kernel_dropped_datagrams",
        "Datagrams from viewers that found the buffer full",
        value=dropped,
    )


def _sources(sources: list[Source]) -> Iterator[Metric]:
    labels = ["process", "kind"]
    prefix = "dragonctl_webrtc_source"
    live = GaugeMetricFamily(
        f"{prefix}_live", "Whether media comes from FFmpeg", labels=labels[:1]
    )
    packets = CounterMetricFamily(f"{prefix}_packets", "RTP from FFmpeg", labels=labels)
    octets = CounterMetricFamily(f"{prefix}_bytes", "Media from FFmpeg", labels=labels)
    refused = CounterMetricFamily(
        f"{prefix}_refused_datagrams", "Not what was ordered", labels=[*labels, "reason"]
    )
    dropped = CounterMetricFamily(
        f"{prefix}_kernel_dropped_datagrams", "Found the buffer full", labels=labels
    )
    for source in sources:
        live.add_metric([source.process_id], float(source.has_media))
        for kind, leg in source.legs.items():
            names = [source.process_id, kind]
            packets.add_metric(names, leg.packets)
            octets.add_metric(names, leg.octets)
            dropped.add_metric(names, dropped_datagrams(leg.socket))
            for reason, count in leg.dropped.items():
                refused.add_metric([*names, reason], count)
    yield from (live, packets, octets, refused, dropped)


def _viewers(webrtc: WebRTC, process_ids: list[str]) -> Iterator[Metric]:
    tallies = [(name, webrtc.audience.tally(name)) for name in process_ids]
    tallies = [(name, sums) for name, sums in tallies if sums.viewers]
    watching = GaugeMetricFamily("dragonctl_webrtc_viewers", "Viewers now", labels=["process"])
    for name in process_ids:
        watching.add_metric([name], len(webrtc.registry.viewers_of(name)))
    yield watching
    for word, meaning, value in _SUMS:
        family = CounterMetricFamily(f"dragonctl_webrtc_{word}", meaning, labels=["process"])
        for name, sums in tallies:
            family.add_metric([name], value(sums))
        yield family
    yield _joins(tallies)


def _joins(tallies: list[tuple[str, Tally]]) -> Metric:
    family = HistogramMetricFamily(
        "dragonctl_webrtc_first_rtp_seconds",
        "From a viewer's offer to its first packet of media",
        labels=["process"],
    )
    bounds = [*map(str, FIRST_RTP_BOUNDS), "+Inf"]
    for name, sums in tallies:
        total, buckets = 0, []
        for bound, count in zip(bounds, sums.first_rtp, strict=True):
            total += count
            buckets.append((bound, total))
        family.add_metric([name], buckets, sums.first_rtp_seconds)
    return family
