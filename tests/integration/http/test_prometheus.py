"""/metrics: what a scraper reads, from real FFmpeg, sockets and a viewer, in both formats."""

import time
from typing import Any, cast

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse

from daemon.config import ConfigService
from daemon.http import prometheus
from daemon.http.about import About
from daemon.http.measure import Measure
from daemon.http.metrics import Metrics
from daemon.http.mounts import Storage
from daemon.session import Sessions
from daemon.storage.disk import DiskFilesystem
from daemon.storage.memory import MemoryFilesystem
from daemon.webrtc.registry import ViewerInfo
from tests.conformance.openapi import check
from tests.fakes.player import Player
from tests.integration.http.scripted import Api, token
from tests.integration.webrtc.conftest import Stage, stage  # noqa: F401 - a fixture

METRICS = "/metrics"
ID = 'cam "1"\\2'  # what an operator may call a process, at the worst


def samples(text: str) -> dict[tuple[str, str], float]:
    """Map a name and the values of its labels, in the order of their names, to a value."""
    return {
        (one.name, "|".join(one.labels[name] for name in sorted(one.labels))): one.value
        for family in parse(text)
        for one in family.samples
    }


class Named:
    """A configuration of which only the id is asked for."""

    def get(self) -> dict[str, Any]:
        return {"config": {"id": "core-1"}}


def scraped(stage: Stage) -> Api:  # noqa: F811
    storage = Storage(DiskFilesystem(stage.directory), MemoryFilesystem(1000))
    return Api(
        has_prometheus=True,
        restreamer=stage.restreamer,
        webrtc=stage.webrtc,
        metrics=Metrics(Measure(stage.restreamer, Sessions(), storage)),
        about=About(cast("ConfigService", Named())),
    )


async def test_it_is_off_by_default_and_behind_the_guard() -> None:
    off = await Api().call("GET", METRICS)
    assert (off.status_code, (await off.get_json())["reason"]) == (404, "metrics-off")
    api = Api(has_prometheus=True)
    assert (await api.call("GET", METRICS, headers={})).status_code == 401
    viewer = token(frozenset({"whep:view", "process:read"}))
    assert (await api.call("GET", METRICS, headers=viewer)).status_code == 403


@pytest.mark.slow
@pytest.mark.ffmpeg
async def test_processes_sources_and_viewers_are_counted(stage: Stage) -> None:  # noqa: F811
    await stage.add(ID)
    await stage.until_live(ID)
    api = scraped(stage)
    async with Player() as player:
        me = ViewerInfo(address="127.0.0.1")
        joined = await stage.webrtc.subscribe(ID, player.viewer.offer(), me)
        player.play(joined.answer)
        await player.until(lambda: len(player.viewer.packets) > 100)
        response = await api.call("GET", METRICS)
        await check("GET", METRICS, response)
        found = samples(await response.get_data(as_text=True))
        assert found["dragonctl_processes", "running"] == 1
        assert found["dragonctl_process_up", ID] == 1
        assert found["dragonctl_webrtc_viewers", ID] == 1
        assert found["dragonctl_webrtc_source_live", ID] == 1
        assert found["dragonctl_webrtc_source_packets_total", f"video|{ID}"] > 5
        assert (
            found["dragonctl_webrtc_source_kernel_dropped_datagrams_total", f"video|{ID}"] == 0
        )
        assert found["dragonctl_webrtc_sent_packets_total", ID] >= 100
        assert found["dragonctl_webrtc_first_rtp_seconds_count", ID] == 1
        assert found["dragonctl_daemon_process_resident_memory_bytes", ""] > 1e7
        # what the Core's dashboards ask for
        running = f"core-1|frame|start|{ID}|running"
        assert found["ffmpeg_process", running] > 5
        assert found["ffmpeg_process_states", f"core-1|{ID}|running"] == 1
        assert found["ffmpeg_states", "core-1|running"] == 1
        assert found["ffmpeg_states_total", "core-1|running"] == 1
        assert found["session_active", "hls|core-1"] == 0
        assert found["session_rx_bytes", "hls|core-1"] == 0
        assert found["filesystem_limit_bytes", "core-1|memfs"] == 1000
        assert found["cpu_idle_time_percent", "core-1"] >= 0
        assert found["uptime_seconds", "core-1"] > 0
        sent = found["dragonctl_webrtc_sent_packets_total", ID]
        stage.webrtc.unsubscribe(ID, joined.peer_id)
    after = samples(await (await api.call("GET", METRICS)).get_data(as_text=True))
    assert after["dragonctl_webrtc_viewers", ID] == 0
    assert after["dragonctl_webrtc_sent_packets_total", ID] >= sent
    assert after["dragonctl_webrtc_ends_total", "viewer-left"] == 1


@pytest.mark.slow
@pytest.mark.ffmpeg
async def test_openmetrics_is_given_to_who_asks_for_it(stage: Stage) -> None:  # noqa: F811
    await stage.add(ID)
    api = scraped(stage)
    wanted = token() | {"Accept": "application/openmetrics-text; version=1.0.0"}
    response = await api.call("GET", METRICS, headers=wanted)
    assert response.content_type.startswith("application/openmetrics-text")
    text = await response.get_data(as_text=True)
    names = {one.name for one in parse_openmetrics(text)}  # type: ignore[no-untyped-call]
    assert {"dragonctl", "dragonctl_process_up", "dragonctl_webrtc_ends"} <= names
    assert {"ffmpeg_states", "ffmpeg_states_total", "uptime_seconds"} <= names


@pytest.mark.slow
@pytest.mark.ffmpeg
async def test_every_metric_says_what_it_means_and_has_few_labels(stage: Stage) -> None:  # noqa: F811
    await stage.add(ID)
    for metric in prometheus.look(stage.restreamer, stage.webrtc, time.monotonic()):
        assert metric.documentation, metric.name
        for sample in metric.samples:
            labels = set(sample.labels)
            assert labels <= {"process", "kind", "reason", "state", "event", "le", "version"}
