"""Sessions, the widget, metrics, and the routes of servers that aren't there."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from daemon.http.measure import MIN_SECONDS, Measure
from daemon.http.metrics import Metrics
from daemon.http.mounts import Storage
from daemon.metrics import METRICS
from daemon.restream.restreamer import Restreamer
from daemon.restream.state import Exec
from daemon.session import Sessions
from daemon.storage.disk import DiskFilesystem
from daemon.storage.memory import MemoryFilesystem
from tests.conformance.openapi import check
from tests.integration.http.scripted import IDLE, Api, ScriptedRestreamer, config

SESSION = "/api/v3/session"


def watch(sessions: Sessions, name: str, reference: str, tx: int) -> None:
    collector = sessions.collector(name)
    values: dict[str, Any] = {"now": 1e9, "wall": 1_700_000_000.5}
    collector.open(
        reference, reference=reference, local="/x", remote="192.0.2.1", extra="ua", **values
    )
    collector.count(reference, 1e9, tx=tx)


async def test_sessions_have_datarheis_shape() -> None:
    sessions = Sessions(timeout_seconds=1e9)
    watch(sessions, "hls", "cam", 2 * 1024 * 1024 + 1000)
    api = Api(sessions=sessions)
    answer = await api.call("GET", f"{SESSION}?collectors=hls,rtmp,nothing")
    await check("GET", SESSION, answer)
    body = await answer.get_json()
    assert list(body) == ["hls", "rtmp", "nothing"]
    assert body["hls"]["active"]["sessions"] == 1
    total = {"sessions": 1, "traffic_rx_mb": 0, "traffic_tx_mb": 2}
    summary = body["hls"]["summary"]
    assert summary["reference"] == {"cam": total}
    assert summary["remote"] == {"192.0.2.1": {"local": {"/x": total}, **total}}
    assert body["nothing"]["active"]["list"] == []


async def test_active_sessions_have_datarheis_shape() -> None:
    sessions = Sessions(timeout_seconds=1e9)
    watch(sessions, "hls", "cam", 1000)
    api = Api(sessions=sessions)
    answer = await api.call("GET", f"{SESSION}/active?collectors=ffmpeg,hls,rtmp,srt")
    await check("GET", f"{SESSION}/active", answer)
    body = await answer.get_json()
    assert {name: len(found) for name, found in body.items()} == {
        **dict.fromkeys(("ffmpeg", "rtmp", "srt"), 0),
        "hls": 1,
    }
    [one] = body["hls"]
    assert (one["reference"], one["bytes_tx"], one["extra"]) == ("cam", 1000, "ua")
    assert one["created_at"] == 1_700_000_000


async def test_without_collectors_there_is_one_of_no_name() -> None:
    assert list(await (await Api().call("GET", SESSION)).get_json()) == [""]
    assert await (await Api().call("GET", f"{SESSION}/active")).get_json() == {"": []}


async def test_the_widget_counts_viewers_of_the_process_and_needs_no_token() -> None:
    sessions = Sessions(timeout_seconds=1e9)
    for name, reference in (("hls", "ref"), ("hls", "ref_1"), ("webrtc", "ref"), ("hls", "x")):
        watch(sessions, name, reference, 1)
    api = Api(config(reference="ref"), sessions=sessions)
    target = "/api/v3/widget/process/"
    answer = await api.call("GET", f"{target}cam", headers={})
    await check("GET", f"{target}{{process_id}}", answer)
    body = await answer.get_json()
    assert body == {"current_sessions": 3, "total_sessions": 3, "uptime": 0}
    assert (await api.call("GET", f"{target}nobody", headers={})).status_code == 404


@pytest.mark.parametrize(
    "target",
    [
        "/api/v3/rtmp",
        "/api/v3/srt",
        "/api/v3/process/cam/playout/in/status",
        "/api/v3/process/cam/playout/in/errorframe/encode",
    ],
)
async def test_servers_that_are_not_there_are_not_found(target: str) -> None:
    answer = await Api(config()).call("GET", target)
    assert answer.status_code == 404
    assert (await answer.get_json())["code"] == 404
    assert (await Api(config()).call("GET", target, headers={})).status_code == 401


@pytest.fixture
def measured(tmp_path: Path) -> Api:
    restreamer = cast("Restreamer", ScriptedRestreamer(config("a"), config("b")))
    storage = Storage(DiskFilesystem(tmp_path), MemoryFilesystem(1000))
    return Api(metrics=Metrics(Measure(restreamer, Sessions(), storage)))


async def test_metrics_are_described(measured: Api) -> None:
    answer = await measured.call("GET", "/api/v3/metrics")
    await check("GET", "/api/v3/metrics", answer)
    body = await answer.get_json()
    assert [metric["name"] for metric in body] == [metric.name for metric in METRICS]


async def test_what_the_ui_asks_for_every_two_seconds(measured: Api) -> None:
    names = [
        *("uptime_uptime", "cpu_ncpu", "cpu_idle", "mem_total", "mem_free"),
        *("filesystem_limit", "filesystem_usage", "session_limit", "session_active"),
        *("session_txbitrate", "session_maxtxbitrate"),
    ]
    labels = {"filesystem_limit": {"name": "memfs"}, "session_active": {"collector": "hls"}}
    asked = [{"name": name, "labels": labels.get(name)} for name in names]
    query = {"timerange_sec": 0, "interval_sec": 0, "metrics": asked}
    answer = await measured.call("POST", "/api/v3/metrics", body=query)
    await check("POST", "/api/v3/metrics", answer)
    body = await answer.get_json()
    found = {series["name"]: series for series in body["metrics"]}
    assert set(found) == set(names)
    assert found["mem_total"]["labels"] is None
    assert found["filesystem_limit"]["values"][0][1] == 1000
    assert found["mem_total"]["values"][0][1] > found["mem_free"]["values"][0][1] > 0


async def test_the_daemon_itself_is_measured(measured: Api) -> None:
    done = time.process_time() + 2 * MIN_SECONDS
    while time.process_time() < done:
        pass  # a daemon at work
    query = {
        "metrics": [{"name": "cpu_idle"}, {"name": "daemon_cpu"}, {"name": "daemon_memory"}]
    }
    answer = await measured.call("POST", "/api/v3/metrics", body=query)
    found = {one["name"]: one["values"][0][1] for one in (await answer.get_json())["metrics"]}
    assert 0 < found["daemon_cpu"] <= 100
    assert found["cpu_idle"] < 100, "the first answer tells of the time since the start, too"
    used = psutil.Process().memory_info().rss
    assert used / 2 < found["daemon_memory"] < used * 2


async def test_processes_are_measured(measured: Api) -> None:
    query = {"metrics": [{"name": "restream_state", "labels": {"state": "finished"}}]}
    answer = await measured.call("POST", "/api/v3/metrics", body=query)
    [series] = (await answer.get_json())["metrics"]
    assert series["values"][0][1] == 2


async def test_changes_of_state_are_counted(tmp_path: Path) -> None:
    scripted = ScriptedRestreamer(config("a"), config("b"))
    scripted.get("a").current = replace(IDLE, entered={Exec.STARTING: 3, Exec.RUNNING: 2})
    scripted.get("b").current = replace(IDLE, entered={Exec.STARTING: 1})
    storage = Storage(DiskFilesystem(tmp_path), MemoryFilesystem(1000))
    measure = Measure(cast("Restreamer", scripted), Sessions(), storage)
    found = {
        (one.name, dict(one.labels).get("state"), dict(one.labels).get("processid")): one.value
        for one in measure()
    }
    assert found["restream_process_states", "starting", "a"] == 3
    assert found["restream_process_states", "finished", "a"] == 0
    assert found["ffmpeg_process", "starting", None] == 4
    assert found["ffmpeg_process", "running", None] == 2
    assert found["restream_state", "finished", None] == 2


@pytest.mark.parametrize(
    "body", [[], {"metrics": [{"name": 1}]}, {"timerange_sec": -1}, {"metrics": [{}] * 101}]
)
async def test_a_query_of_another_shape_is_refused(measured: Api, body: Any) -> None:
    assert (await measured.call("POST", "/api/v3/metrics", body=body)).status_code == 400


async def test_unknown_metrics_are_an_empty_answer(measured: Api) -> None:
    query = {"metrics": [{"name": "nothing"}]}
    answer = await measured.call("POST", "/api/v3/metrics", body=query)
    assert await answer.get_json() == {"timerange_sec": 0, "interval_sec": 0, "metrics": []}
