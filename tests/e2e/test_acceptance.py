"""The specification's acceptance list: who may watch what, and what ends it."""

import socket
from typing import Any

import pytest

from tests.e2e import inputs
from tests.e2e.daemon import Daemon, process_path, whep_path
from tests.e2e.watcher import Watcher
from tests.fakes.viewer import Viewer

pytestmark = [pytest.mark.ffmpeg, pytest.mark.slow]
SDP = {"Content-Type": "application/sdp"}
PROBLEM = "application/problem+json"


async def post(daemon: Daemon, process_id: str, **arguments: Any) -> Any:
    """Send an offer with our token."""
    path = whep_path(process_id)
    content = arguments.pop("content", None) or Viewer().offer()
    return await daemon.call("POST", path, content=content, headers=SDP, **arguments)


async def test_a_token_opens_the_door_and_nothing_else_does(daemon: Daemon) -> None:
    await daemon.add(inputs.test_picture("cam"))
    await daemon.until_live("cam")

    async with Watcher(daemon.whep_url("cam"), daemon.token) as watcher:
        await watcher.until_playing()
        states = [viewer["state"] for viewer in (await daemon.whep("cam"))["viewers"]]
        assert states == ["connected"]
    assert (await daemon.whep("cam"))["viewers"] == []

    bare = await daemon.request("POST", whep_path("cam"), content=Viewer().offer(), headers=SDP)
    assert bare.status_code == 401
    assert bare.headers["WWW-Authenticate"].startswith("Bearer")
    forged = await daemon.request(
        "POST",
        whep_path("cam"),
        content=Viewer().offer(),
        headers=SDP | {"Authorization": f"Bearer {daemon.token[:-8]}AAAAAAAA"},
    )
    assert forged.status_code == 401

    unknown = await post(daemon, "nobody")
    assert unknown.status_code == 404
    assert unknown.headers["Content-Type"] == PROBLEM

    gone = await daemon.call("DELETE", f"{whep_path('cam')}/{'x' * 32}")
    assert (gone.status_code, gone.content) == (204, b"")


async def test_switching_webrtc_off_ends_the_viewers_and_later_offers_are_404(
    daemon: Daemon,
) -> None:
    await daemon.add(inputs.test_picture("cam"))
    await daemon.until_live("cam")
    async with Watcher(daemon.whep_url("cam"), daemon.token) as watcher:
        await watcher.until_playing()
        await daemon.change("cam", webrtc={"enabled": False})
        await watcher.until_told()
    assert (await post(daemon, "cam")).status_code == 404

    await daemon.change("cam", webrtc={"enabled": True})
    await daemon.until_live("cam")
    async with Watcher(daemon.whep_url("cam"), daemon.token) as watcher:
        await watcher.until_playing()


@pytest.mark.parametrize("ending", ["stop", "delete"])
async def test_stopping_and_deleting_end_the_viewers(daemon: Daemon, ending: str) -> None:
    await daemon.add(inputs.test_picture("cam"))
    await daemon.until_live("cam")
    async with Watcher(daemon.whep_url("cam"), daemon.token) as watcher:
        await watcher.until_playing()
        if ending == "stop":
            await daemon.command("cam", "stop")
        else:
            answer = await daemon.call("DELETE", process_path("cam"))
            assert (answer.status_code, answer.json()) == (200, "OK")
        await watcher.until_told()
    assert (await post(daemon, "cam")).status_code == 404
    assert daemon.children("cam") == []


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_the_global_block_can_be_changed_and_survives(
    daemon: Daemon, method: str
) -> None:
    change = {"version": 3, "webrtc": {"public_ip": "127.0.0.2"}}
    answer = await daemon.call(method, "/api/v3/config", json=change)
    assert answer.status_code == 200, answer.text
    shown = (await daemon.get("/api/v3/config"))["config"]["webrtc"]
    assert shown == {
        "enable": True,
        "public_ip": "127.0.0.2",
        "nat_1to1_ips": [],
        "udp_mux_port": 0,
    }
    text = daemon.config.read_text()
    assert "# a comment of the operator's" in text
    assert '"127.0.0.2"' in text

    refused = await daemon.call(
        method, "/api/v3/config", json={"version": 3, "webrtc": {"udp_mux_port": 70_000}}
    )
    assert refused.status_code == 409
    assert list(refused.json()) == ["webrtc.udp_mux_port"]
    assert daemon.config.read_text() == text

    assert await daemon.stop() == 0
    await daemon.start()
    candidates = (await daemon.get("/api/v3/webrtc"))["candidates"]
    assert candidates, daemon.log
    assert all(one.startswith("127.0.0.2:") for one in candidates)


async def test_a_restarted_daemon_brings_the_stream_back_with_no_hand_on_it(
    daemon: Daemon,
) -> None:
    await daemon.add(inputs.test_picture("cam"))
    await daemon.add(inputs.test_picture("idle", autostart=False))
    await daemon.until_live("cam")
    assert await daemon.stop() == 0
    assert daemon.children() == []

    await daemon.start()
    await daemon.until_live("cam")  # with the token of before
    async with Watcher(daemon.whep_url("cam"), daemon.token) as watcher:
        await watcher.until_playing()
    state = await daemon.state("idle")
    assert (state["order"], state["exec"]) == ("stop", "finished")
    assert len(daemon.children()) == 1


async def test_an_address_with_a_token_opens_one_process_until_it_is_revoked(
    daemon: Daemon,
) -> None:
    await daemon.add(inputs.test_picture("cam"))
    await daemon.until_live("cam")
    answer = await daemon.call("POST", f"{process_path('cam')}/token", json={"max_viewers": 1})
    given = answer.json()
    async with Watcher(given["url"]) as watcher:
        await watcher.until_playing()
        offer = {"content": Viewer().offer(), "headers": SDP}
        url = whep_path("cam") + f"?token={given['token']}"
        second = await daemon.request("POST", url, **offer)
        assert (second.status_code, second.json()["reason"]) == (429, "user-limit")
        place = f"{process_path('cam')}/token/{given['id']}"
        assert (await daemon.call("DELETE", place)).status_code == 200
        assert (await daemon.request("POST", url, **offer)).status_code == 401
        await watcher.until_told()
    assert given["token"] not in daemon.log


async def test_a_reload_touches_only_what_changed_and_is_refused_as_a_whole(
    daemon: Daemon,
) -> None:
    await daemon.add(inputs.test_picture("cam"))
    await daemon.until_live("cam")
    pids = daemon.children("cam")

    async def reload(**changes: Any) -> Any:
        body = {"version": 3, **changes}
        assert (await daemon.call("PUT", "/api/v3/config", json=body)).status_code == 200
        return await daemon.call("GET", "/api/v3/config/reload")

    async with Watcher(daemon.whep_url("cam"), daemon.token) as watcher:
        await watcher.until_playing()
        ffmpeg = {"max_processes": 1, "max_file_mbytes": 100}
        limits = {"viewers_per_subject": 3}
        done = await reload(name="hall", ffmpeg=ffmpeg, limits=limits, log={"level": "debug"})
        assert done.status_code == 200
        more = inputs.test_picture("more")
        refused = await daemon.call("POST", "/api/v3/process", json=more)
        assert "(1) reached" in refused.text
        assert (await daemon.get("/api"))["name"] == "hall"
        with socket.create_server(("127.0.0.1", 0)) as other:
            taken = f"127.0.0.1:{other.getsockname()[1]}"
            assert (await reload(address=taken)).status_code == 409
        assert (await reload(address=f"127.0.0.1:{daemon.port}")).status_code == 200
        assert (await reload(api={"read_only": True})).status_code == 200
        gone = await daemon.call("DELETE", process_path("cam"))
        assert gone.status_code == 404
        await watcher.until_more(25)
        assert "closed" not in watcher.dtls_states
    assert daemon.children("cam") == pids
