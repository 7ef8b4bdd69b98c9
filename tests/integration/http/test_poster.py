"""poster.jpg: made on request from the last key frame, once, and never in a crowd."""

import asyncio
import threading
from typing import cast

import pytest

from daemon.errors import NotFoundError, NotReadyError, OverloadError
from daemon.http import poster
from daemon.http.poster import Posters
from daemon.webrtc.keyframe import KeyFrame
from daemon.webrtc.subsystem import WebRTC
from tests.integration.http.scripted import Api, config, token

PATH = "/api/v3/process/cam/poster.jpg"


class Render:
    """Counts how often it is asked; ``gate`` holds it up."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, codec: str, data: bytes) -> bytes:
        assert codec == "h264"
        self.asked.append(data)
        assert self.gate.wait(20)
        return b"jpeg of " + data


def posters(api: Api, render: Render) -> Posters:
    return Posters(cast("WebRTC", api.webrtc), render)


async def test_one_key_frame_is_decoded_once() -> None:
    render, api = Render(), Api(config())
    made = posters(api, render)
    first, second = await made.get("cam"), await made.get("cam")
    assert first is second
    assert first.body == b"jpeg of \0\0\0\1\x65idr"
    assert len(render.asked) == 1


async def test_a_new_key_frame_makes_a_new_picture_but_not_more_than_one_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    render, api = Render(), Api(config())
    made = posters(api, render)
    first = await made.get("cam")
    api.webrtc.frame = KeyFrame("H264", (b"\x65new",))
    assert await made.get("cam") is first
    monkeypatch.setattr(poster, "MIN_AGE", 0.0)
    second = await made.get("cam")
    assert second.body == b"jpeg of \0\0\0\1\x65new"
    assert second.etag != first.etag


async def test_who_asks_at_the_same_time_shares_one_picture() -> None:
    render, api = Render(), Api(config())
    made = posters(api, render)
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(made.get("cam")) for _ in range(10)]
    assert len({task.result().etag for task in asked}) == 1
    assert len(render.asked) == 1


async def test_a_crowd_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poster, "MAX_WAITING", 1)
    render, api = Render(), Api(config())
    made = posters(api, render)
    render.gate.clear()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(made.get("cam"))
        await asyncio.sleep(0)
        with pytest.raises(OverloadError):
            await made.get("cam")
        render.gate.set()
        assert (await first).body


async def test_what_takes_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poster, "WAIT", 0.01)
    render, api = Render(), Api(config())
    render.gate.clear()
    try:
        with pytest.raises(OverloadError):
            await posters(api, render).get("cam")
    finally:
        render.gate.set()


async def test_a_codec_that_we_can_not_unpack_is_named() -> None:
    api = Api(config())
    api.webrtc.frame = KeyFrame("AV2", (b"x",))
    with pytest.raises(NotReadyError, match="AV2"):
        await posters(api, Render()).get("cam")


async def test_only_the_last_pictures_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poster, "MAX_KEPT", 2)
    api = Api(config())
    api.webrtc.live = {"a", "b", "c"}
    made = posters(api, Render())
    for name in ("a", "b", "c"):
        await made.get(name)
    assert list(made._made) == ["b", "c"]


async def test_the_tag_says_whether_it_is_still_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Posters.__init__, "__defaults__", (Render(),))
    api = Api(config())
    first = await api.call("GET", PATH)
    assert (first.status_code, first.content_type) == (200, "image/jpeg")
    assert first.headers["Cache-Control"] == "private, no-cache"
    tag = {"If-None-Match": first.headers["ETag"]}
    again = await api.call("GET", PATH, headers=token() | tag)
    assert (again.status_code, await again.get_data()) == (304, b"")


@pytest.mark.parametrize(
    ("refusal", "status", "reason"),
    [
        (NotFoundError("no live process", reason="not-live"), 404, "not-live"),
        (
            NotReadyError("no key frame yet", retry_after=2, reason="no-picture"),
            409,
            "no-picture",
        ),
    ],
)
async def test_why_there_is_none_is_told(refusal: Exception, status: int, reason: str) -> None:
    api = Api(config())
    api.webrtc.refusal = refusal
    response = await api.call("GET", PATH)
    assert response.status_code == status
    assert (await response.get_json())["reason"] == reason
