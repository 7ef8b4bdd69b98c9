"""/api/v3/metrics: which metrics there are, and their values (datarhei-core.md a.4)."""

import asyncio
import time
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from quart import Blueprint, Response, jsonify

from daemon.errors import InvalidError
from daemon.http.body import read_json
from daemon.http.guard import Scope, needs
from daemon.http.label import label_pattern
from daemon.http.measure import Measure
from daemon.http.schema import number
from daemon.metrics import METRICS, Fits, History, Series

MAX_METRICS = 100  # of one query
MAX_LABELS = 16


class _Wanted(BaseModel):
    model_config = ConfigDict(extra="ignore")

    name: str = ""
    labels: dict[str, str] | None = Field(default=None, max_length=MAX_LABELS)


class _Query(BaseModel):
    model_config = ConfigDict(extra="ignore")

    timerange_sec: float | None = Field(default=0, ge=0)
    interval_sec: float | None = Field(default=0, ge=0)
    metrics: list[_Wanted] | None = Field(default=None, max_length=MAX_METRICS)


class Metrics:
    """The history, and who fills it."""

    def __init__(self, measure: Measure) -> None:
        self.measure = measure
        self.history = History(measure, is_kept=False, range_seconds=300, interval_seconds=2)

    async def run(self) -> None:
        """Fill the history while it is on; until cancelled."""
        while True:
            await asyncio.sleep(max(1, self.history.interval_seconds))
            if self.history.is_kept:
                await self.measure.look_at_files()
                self.history.take(time.time())


def routes(metrics: Metrics) -> Blueprint:
    """Build the blueprint; the guard has checked each request already."""
    blueprint = Blueprint("metrics", __name__, url_prefix="/api/v3/metrics")

    @blueprint.get("")
    @needs(Scope.SYSTEM_READ)
    async def describe() -> Response:
        return jsonify(
            [
                {
                    "name": metric.name,
                    "description": metric.description,
                    "labels": list(metric.labels),
                }
                for metric in METRICS
            ]
        )

    @blueprint.post("")
    @needs(Scope.SYSTEM_READ)
    async def query() -> Response:
        wanted = _parse(await read_json())
        await metrics.measure.look_at_files()
        history = metrics.history
        series = history.query(
            [(one.name, _patterns(one.labels or {})) for one in wanted.metrics or []],
            range_seconds=wanted.timerange_sec or 0,
            interval_seconds=wanted.interval_sec or 0,
            now=time.time(),
        )
        return jsonify(
            {
                "timerange_sec": history.range_seconds,
                "interval_sec": history.interval_seconds,
                "metrics": [_series_json(one) for one in series],
            }
        )

    return blueprint


def _parse(body: Any) -> _Query:
    try:
        return _Query.model_validate(body)
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        ]
        raise InvalidError("Invalid JSON", details=lines, reason="invalid-json") from None


def _patterns(labels: dict[str, str]) -> dict[str, Fits]:
    return {name: label_pattern(text) for name, text in labels.items()}


def _series_json(series: Series) -> dict[str, Any]:
    return {
        "name": series.name,
        "labels": dict(series.labels) or None,
        "values": [[int(at), number(value)] for at, value in series.values],
    }
