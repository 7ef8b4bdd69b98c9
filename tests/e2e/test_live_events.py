"""Events of the whole product: what a screen and a player hear of kills, and of the end."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from tests.e2e import inputs
from tests.e2e.daemon import Daemon
from tests.e2e.waiting import DEADLINE, until
from tests.e2e.watcher import Watcher

pytestmark = [pytest.mark.ffmpeg, pytest.mark.slow]


class Events:
    """Reads a stream of events to the one that is wanted."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()

    async def until(self, wanted: str, **fields: Any) -> Any:
        event = ""
        async with asyncio.timeout(DEADLINE):
            async for line in self._lines:
                name, _, value = line.partition(": ")
                if name == "event":
                    event = value
                elif name == "data" and event == wanted:
                    data = json.loads(value)
                    if data.items() >= fields.items():
                        return data
        raise EOFError(wanted)


@asynccontextmanager
async def listening(url: str, token: str = "") -> AsyncIterator[Events]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        httpx.AsyncClient(timeout=None, trust_env=False) as http,
        http.stream("GET", url, headers=headers) as response,
    ):
        assert response.status_code == 200
        yield Events(response)


async def test_a_screen_and_a_player_hear_of_a_kill_and_of_the_end(daemon: Daemon) -> None:
    await daemon.add(inputs.test_picture("cam"))
    await daemon.until_live("cam")
    async with (
        listening(f"{daemon.url}/api/v3/events", daemon.token) as screen,
        Watcher(daemon.whep_url("cam"), daemon.token) as watcher,
    ):
        watcher.delete_on_exit = False  # nobody will be there
        await watcher.until_playing()
        await screen.until("ready")
        viewers = {"state": "live", "reason": "", "viewers": 1}
        await screen.until("viewers", webrtc=viewers)
        made = await daemon.call("POST", f"{watcher.session.removeprefix(daemon.url)}/sse")
        async with listening(urljoin(daemon.url, made.headers["Location"])) as player:
            await player.until("active")
            assert await player.until("viewercount") == {"viewercount": 1}
            os.kill(daemon.children("cam")[0], signal.SIGKILL)
            await player.until("inactive")
            await player.until("active")
            assert (await screen.until("process"))["state"]["restarts"] >= 0

            daemon.signal(signal.SIGTERM)
            await player.until("reconnect")
            await player.until("end", reason="process-shutdown")
            await screen.until("end", reason="shutdown")
            assert await daemon.wait() == 0


async def test_a_poster_shows_what_the_process_shows(daemon: Daemon) -> None:
    await daemon.add(inputs.test_picture("cam"))
    await daemon.until_live("cam")

    async def poster() -> httpx.Response | None:
        answer = await daemon.call("GET", "/api/v3/process/cam/poster.jpg")
        return answer if answer.status_code != 409 else None

    answer = await until(poster, "there is a key frame")
    assert answer is not None
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert answer.content.startswith(b"\xff\xd8")
    assert answer.content.endswith(b"\xff\xd9")
