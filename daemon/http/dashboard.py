"""Dashboard: what is measured, under the names that datarhei Core's ``/metrics`` has.

Dashboards that were made for the Core read these, with its label ``core``. Some of its counters
lack the suffix that a counter must have by now, so no type is told for counters.
"""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily, UnknownMetricFamily

from daemon.http.about import About
from daemon.http.metrics import Metrics
from daemon.metrics import METRICS

_PROCESS = {"processid": "process"}
# our name, and the Core's; labels are the same but for ``processid``
_GAUGES = {
    "cpu_idle": "cpu_idle_time_percent",
    "cpu_other": "cpu_other_time_percent",
    "cpu_system": "cpu_system_time_percent",
    "cpu_user": "cpu_user_time_percent",
    "disk_total": "disk_total_bytes",
    "disk_usage": "disk_usage_bytes",
    "filesystem_files": "filesystem_files",
    "filesystem_limit": "filesystem_limit_bytes",
    "filesystem_usage": "filesystem_usage_bytes",
    "mem_free": "mem_free_bytes",
    "mem_total": "mem_total_bytes",
    "net_rx": "net_rx_bytes",
    "net_tx": "net_tx_bytes",
    "restream_io": "ffmpeg_process_io",
    "restream_process": "ffmpeg_process",
    "restream_process_states": "ffmpeg_process_states",
    "restream_state": "ffmpeg_states",
    "session_active": "session_active",
}
_COUNTERS = {
    "ffmpeg_process": "ffmpeg_states_total",
    "session_rxbytes": "session_rx_bytes",
    "session_total": "session_total",
    "session_txbytes": "session_tx_bytes",
    "uptime_uptime": "uptime_seconds",
}
_LEFT_OUT = frozenset({"address"})  # it may change with each start


class Dashboard:
    """Gives the families at one moment."""

    def __init__(self, metrics: Metrics, about: About) -> None:
        self._metrics = metrics
        self._about = about

    async def look(self) -> list[Metric]:
        await self._metrics.measure.look_at_files()
        families = dict(_families())
        core = self._about.core_id
        for value in self._metrics.measure():
            if value.name in families:
                labels = [text for name, text in value.labels if name not in _LEFT_OUT]
                families[value.name].add_metric([core, *labels], value.value)
        return list(families.values())


def _families() -> Iterator[tuple[str, GaugeMetricFamily | UnknownMetricFamily]]:
    for metric in METRICS:
        labels = ["core"]
        labels += [_PROCESS.get(one, one) for one in metric.labels if one not in _LEFT_OUT]
        if name := _GAUGES.get(metric.name):
            yield metric.name, GaugeMetricFamily(name, metric.description, labels=labels)
        elif name := _COUNTERS.get(metric.name):
            yield metric.name, UnknownMetricFamily(name, metric.description, labels=labels)
