"""WHEP's server-sent events: made in a session, read by a secret address, gone with it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from quart import Response

from daemon.http.sse import Listener
from daemon.webrtc.registry import Viewer
from tests.conformance.openapi import check
from tests.integration.http.scripted import Api, config, token

WHEP = "/api/v3/process/cam/whep"
STREAMS = "/api/v3/process/{process_id}/whep/{peer_id}/sse"
OFFER = {"Content-Type": "application/sdp"}
ALL = ["active", "inactive", "viewercount", "reconnect"]


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """Run what tells players, quickly."""
    made = Api(config())
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        task = group.create_task(made.live.whep_events.run())
        yield made
        task.cancel()


async def watch(api: Api) -> tuple[str, str]:
    """Join; gives the session's path and what its Link says."""
    joined = await api.call("POST", WHEP, data="v=0", headers=token() | OFFER)
    return joined.headers["Location"], joined.headers["Link"]


async def make(api: Api, names: Any = None) -> Response:
    session, _ = await watch(api)
    return await api.call("POST", f"{session}/sse", body=names, headers={})


def reader(api: Api, path: str) -> Listener:
    *_, process_id, _, peer_id, _, name = path.split("/")
    return api.live.whep_events.read(process_id, peer_id, name)


class Events:
    """Reads what a listener tells, event by event."""

    def __init__(self, listener: Listener) -> None:
        self._chunks = listener.chunks()
        self._waiting: list[tuple[str, Any]] = []

    async def next(self) -> tuple[str, Any]:
        while not self._waiting:
            text = (await anext(self._chunks)).decode()
            for block in text.split("\n\n"):
                fields = dict(line.split(": ", 1) for line in block.splitlines())
                if "event" in fields:
                    self._waiting.append((fields["event"], json.loads(fields["data"])))
        return self._waiting.pop(0)


async def test_the_link_is_on_the_201_and_nowhere_else(api: Api) -> None:
    session, link = await watch(api)
    rel = "urn:ietf:params:whep:ext:core:server-sent-events"
    assert link == f'<{session}/sse>; rel="{rel}"; events="{",".join(ALL)}"'
    for method, path in (("OPTIONS", WHEP), ("OPTIONS", session), ("GET", session)):
        assert "Link" not in (await api.call(method, path)).headers


@pytest.mark.parametrize("names", [None, ALL, ["active"], []])
async def test_a_stream_is_made_for_known_names(api: Api, names: Any) -> None:
    made = await make(api, names)
    assert made.status_code == 201
    assert len(made.headers["Location"].rpartition("/")[2]) >= 22
    await check("POST", STREAMS, made)


@pytest.mark.parametrize("names", [["layers"], ["active", "scte35"], "active", {"a": 1}, [1]])
async def test_an_unknown_name_is_400_and_makes_nothing(api: Api, names: Any) -> None:
    refused = await make(api, names)
    assert refused.status_code == 400
    assert refused.content_type == "application/problem+json"
    assert not api.live.whep_events._streams


async def test_without_a_session_there_is_no_stream(api: Api) -> None:
    assert (await api.call("POST", f"{WHEP}/none/sse", headers={})).status_code == 404


async def test_at_the_beginning_it_is_active_and_says_how_many_watch(api: Api) -> None:
    path = (await make(api)).headers["Location"]
    events = Events(reader(api, path))
    assert await events.next() == ("active", {})
    assert await events.next() == ("viewercount", {"viewercount": 1})


async def test_inactive_is_never_the_first_thing_that_is_told(api: Api) -> None:
    session, _ = await watch(api)
    api.webrtc.live.clear()
    made = await api.call("POST", f"{session}/sse", headers={})
    events = Events(reader(api, made.headers["Location"]))
    assert await events.next() == ("viewercount", {"viewercount": 1})
    api.webrtc.live.add("cam")
    assert await events.next() == ("active", {})
    api.webrtc.live.clear()
    assert await events.next() == ("inactive", {})


async def test_only_what_was_asked_for_is_told(api: Api) -> None:
    path = (await make(api, ["viewercount"])).headers["Location"]
    events = Events(reader(api, path))
    assert await events.next() == ("viewercount", {"viewercount": 1})
    await watch(api)
    assert await events.next() == ("viewercount", {"viewercount": 2})


async def test_what_happens_without_a_reader_waits_the_newest_of_each_kind(api: Api) -> None:
    path = (await make(api)).headers["Location"]
    events = api.live.whep_events
    stream = next(iter(events._streams.values()))
    for viewers in (2, 3, 4):
        stream.tell({"state": "waiting", "viewers": viewers})
    told = Events(reader(api, path))
    assert await told.next() == ("inactive", {})
    assert await told.next() == ("viewercount", {"viewercount": 4})


async def test_a_second_reader_takes_over(api: Api) -> None:
    path = (await make(api)).headers["Location"]
    first = Events(reader(api, path))
    second = Events(reader(api, path))
    assert await first.next() == ("end", {"reason": "replaced"})
    assert await second.next() == ("active", {})


async def test_delete_ends_it_and_later_reads_find_nothing(api: Api) -> None:
    path = (await make(api)).headers["Location"]
    listener = reader(api, path)
    assert (await api.call("DELETE", path, headers={})).status_code == 200
    assert listener.end_reason == "closed"
    for method in ("GET", "DELETE"):
        gone = await api.call(method, path, headers={})
        assert (gone.status_code, (await gone.get_json())["reason"]) == (404, "no-stream")


async def test_another_session_or_process_does_not_find_it(api: Api) -> None:
    path = (await make(api)).headers["Location"]
    name = path.rpartition("/")[2]
    for other in (f"{WHEP}/peer9/sse/{name}", f"/api/v3/process/x/whep/peer1/sse/{name}"):
        assert (await api.call("GET", other, headers={})).status_code == 404


async def test_only_so_many_in_one_session(api: Api) -> None:
    session, _ = await watch(api)
    asked = [await api.call("POST", f"{session}/sse", headers={}) for _ in range(5)]
    assert [one.status_code for one in asked] == [201] * 4 + [429]


@pytest.mark.parametrize(("reason", "is_back"), [("shutdown", True), ("viewer-left", False)])
async def test_streams_die_with_their_session_and_say_whether_to_come_back(
    api: Api, reason: str, is_back: bool
) -> None:
    path = (await make(api, ["reconnect"])).headers["Location"]
    events = Events(reader(api, path))
    for hear in api.webrtc.audience.on_end[:1]:  # the streams; there is no real viewer to count
        hear(cast("Viewer", Gone("peer1")), reason)
    if is_back:
        assert await events.next() == ("reconnect", {})
    assert await events.next() == ("end", {"reason": reason})
    assert (await api.call("GET", path, headers={})).status_code == 404


class Gone:
    """As much of a viewer as its end needs."""

    def __init__(self, peer_id: str) -> None:
        self.id = peer_id


async def test_strict_sessions_want_the_token_to_make_one_and_none_to_read_it() -> None:
    api = Api(config(), is_session_strict=True)
    session, _ = await watch(api)
    assert (await api.call("POST", f"{session}/sse", headers={})).status_code == 401
    made = await api.call("POST", f"{session}/sse", headers=token())
    assert made.status_code == 201
    assert reader(api, made.headers["Location"])
