"""Whoever looks on must never end what is looked at."""

import asyncio
import logging
from typing import Any

import pytest

from daemon.http import live
from tests.e2e.waiting import until
from tests.integration.http.scripted import Api, config


async def test_a_bug_of_the_feed_is_logged_and_it_begins_anew(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(live, "AGAIN", 0.0)
    api = Api(config())
    looks = 0

    def look() -> Any:
        nonlocal looks
        looks += 1
        if looks == 2:
            raise RuntimeError("on purpose")

    monkeypatch.setattr(api.live.feed, "_look", look)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        task = group.create_task(api.live.run())
        await until(lambda: api.live.feed._is_running, "the feed runs")
        api.live.feed.listen("192.0.2.1", lambda _: True, lambda: True)
        await until(lambda: looks >= 4, "it looks again")
        task.cancel()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
