"""Sessions of requests as datarhei's clients make them: order, headers, nulls; their rules.

The browser UI: first log-in, wizard, dashboard until "connected", settings. The Python client:
its headers, nulls and strict models. The Go client: versions, and types with zero values.
"""

import asyncio
import re
import uuid
from typing import Any

import httpx
import pytest

from tests.e2e import inputs
from tests.e2e.daemon import PASSWORD, USERNAME, Daemon
from tests.e2e.waiting import DEADLINE, until

pytestmark = [pytest.mark.ffmpeg, pytest.mark.slow]
Json = Any
CHANNEL = str(uuid.UUID(int=0x1234567890ABCDEF1234567890ABCDEF))
INGEST = f"restreamer-ui:ingest:{CHANNEL}"
SNAPSHOT = f"{INGEST}_snapshot"
CONNECTED_SECONDS = 10  # that the UI wants of runtime_seconds


class Browser:
    """The UI's fetch: a bearer token, JSON, and one refresh at 401."""

    def __init__(self, daemon: Daemon) -> None:
        self._http = httpx.AsyncClient(base_url=daemon.url, trust_env=False, timeout=DEADLINE)
        self.token = ""

    async def __aenter__(self) -> "Browser":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def ask(
        self, method: str, path: str, body: Json = None, *, status: int = 200
    ) -> Json:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        arguments: dict[str, Any] = {"headers": headers}
        if isinstance(body, bytes):
            arguments["content"] = body
        elif body is not None:
            arguments["json"] = body
        answer = await self._http.request(method, path, **arguments)
        assert answer.status_code == status, (method, path, answer.status_code, answer.text)
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return answer.json() if is_json else answer.text

    async def v3(self, method: str, path: str, body: Json = None, *, status: int = 200) -> Json:
        return await self.ask(method, f"/api/v3{path}", body, status=status)


def at(process_id: str, rest: str = "") -> str:
    """Write a process's path as the UI does, with ``:`` encoded."""
    return f"/process/{process_id.replace(':', '%3A')}{rest}"


def hls_output() -> dict[str, Any]:
    """Write the output with the playlists and segments of the channel."""
    video = "-codec:v libx264 -preset:v ultrafast -b:v 1024k -r 25 -g 50 -pix_fmt:v yuv420p"
    hls = "-f hls -start_number 0 -hls_time 2 -hls_list_size 6 -hls_delete_threshold 4"
    names = (
        *("-hls_flags", "append_list+delete_segments+program_date_time+temp_file"),
        *("-hls_segment_filename", f"{{memfs}}/{CHANNEL}_{{outputid}}_%04d.ts"),
        *("-master_pl_name", f"{CHANNEL}.m3u8", "-master_pl_publish_rate", "2"),
        *("-method", "PUT"),
    )
    title = ("-metadata", f"title=http://host/{CHANNEL}/oembed.json")
    return {
        "id": "output_0",
        "address": f"{{memfs}}/{CHANNEL}_{{outputid}}.m3u8",
        "options": [
            *f"-dn -sn -map 0:0 {video} -map 1:0 -codec:a aac -b:a 64k".split(),
            "-shortest",
            *title,
            *hls.split(),
            *names,
        ],
        "cleanup": [
            {
                "pattern": f"memfs:/{CHANNEL}**",
                "max_files": 24,
                "max_file_age_seconds": 24,
                "purge_on_delete": True,
            }
        ],
    }


def ingest() -> dict[str, Any]:
    """Write the process that the wizard saves for a test picture with silence."""
    return {
        "type": "ffmpeg",
        "id": INGEST,
        "reference": CHANNEL,
        "input": [
            {"id": "input_0", "address": inputs.PICTURE, "options": ["-re", "-f", "lavfi"]},
            {
                "id": "input_1",
                "address": "anullsrc=r=44100:cl=stereo",
                "options": ["-f", "lavfi", "-thread_queue_size", "512"],
            },
        ],
        "output": [hls_output()],
        "options": ["-err_detect", "ignore_err", "-loglevel", "level+info", "-y"],
        "autostart": True,
        "reconnect": True,
        "reconnect_delay_seconds": 15,
        "stale_timeout_seconds": 30,
        "limits": {"cpu_usage": 0, "memory_mbytes": 0, "waitfor_seconds": 5},
    }


def snapshot() -> dict[str, Any]:
    """Write the process that makes a still picture of the channel every minute."""
    options = ["-vframes", "1", "-f", "image2", "-update", "1", "-method", "PUT"]
    return ingest() | {
        "id": SNAPSHOT,
        "input": [{"id": "input_0", "address": f"#{INGEST}:output=output_0", "options": []}],
        "output": [
            {"id": "output_0", "address": f"{{memfs}}/{CHANNEL}.jpg", "options": options}
        ],
        "options": ["-err_detect", "ignore_err"],
        "reconnect_delay_seconds": 60,
    }


async def log_in(page: Browser) -> None:
    """Load the page, log in, and ask for what the UI asks for first."""
    about = await page.ask("GET", "/api")
    assert about["auths"] == ["localjwt"]
    assert "id" not in about
    account = {"username": USERNAME, "password": PASSWORD}
    tokens = await page.ask("POST", "/api/login", account)
    assert {"access_token", "refresh_token"} <= tokens.keys()
    page.token = tokens["access_token"]
    about = await page.ask("GET", "/api")
    assert about["app"] == "datarhei-core"
    assert re.fullmatch(r"16\.(1[1-9]|[2-9]\d)\.\d+", about["version"]["number"])
    skills = await page.v3("GET", "/skills")
    assert re.fullmatch(r"\d+\.\d+\.\d+", skills["ffmpeg"]["version"])
    for server in ("/rtmp", "/srt"):
        await page.v3("GET", server, status=404)
    config = await page.v3("GET", "/config")
    for block in ("host", "tls", "rtmp", "srt", "storage", "api", "log", "sessions", "service"):
        assert block in config["config"]
    assert await page.v3("GET", "/process?filter=metadata") == []
    await page.v3("GET", "/metadata/restreamer-ui", status=404)
    await page.v3("GET", at(INGEST, "/state"), status=404)
    await page.v3("PUT", "/metadata/restreamer-ui", {"version": "1.14.0", "data": None})


async def wizard(page: Browser) -> None:
    """Probe the source, then save the channel and its page."""
    probe_id = f"{INGEST}_probe"
    await page.v3("DELETE", at(probe_id), status=404)
    output = {"id": "output_0", "address": "-", "options": ["-codec", "copy", "-f", "null"]}
    probed = ingest() | {"id": probe_id, "autostart": False, "output": [output]}
    await page.v3("POST", "/process", probed)
    streams = (await page.v3("GET", at(probe_id, "/probe")))["streams"]
    assert {stream["type"] for stream in streams} == {"video", "audio"}
    assert await page.v3("DELETE", at(probe_id)) == "OK"
    for config in (ingest(), snapshot()):
        await page.v3("PUT", at(config["id"]), config, status=404)
        await page.v3("POST", "/process", config)
        await page.v3("PUT", at(config["id"], "/metadata/restreamer-ui"), {"a": None})
    script = b"/* player */" * 50_000
    await page.v3("PUT", "/fs/disk/player/videojs/dist/video.js", script, status=201)
    await page.v3("PUT", f"/fs/disk/{CHANNEL}.html", b"<html>", status=201)
    await page.v3("DELETE", "/fs/disk/index.html", status=404)
    assert await page.ask("GET", f"/{CHANNEL}.html") == "<html>"


async def until_connected(page: Browser) -> Json:
    """Watch the dashboard's own requests until the UI would say so."""

    async def is_connected() -> Json:
        state = await page.v3("GET", at(INGEST, "/state"))
        assert isinstance(state["command"], list)
        await page.v3("GET", f"/process?reference={CHANNEL}&filter=state")
        active = await page.v3("GET", "/session/active?collectors=ffmpeg,hls,rtmp,srt")
        assert set(active) == {"ffmpeg", "hls", "rtmp", "srt"}
        is_long = state["runtime_seconds"] >= CONNECTED_SECONDS
        is_moving = state["progress"]["fps"] != 0
        return state if state["exec"] == "running" and is_long and is_moving else None

    return await until(is_connected, "the UI says connected")


async def footer(page: Browser) -> None:
    """Ask for the metrics of the footer."""
    names = ("uptime_uptime", "cpu_ncpu", "cpu_idle", "mem_total", "mem_free", "session_active")
    query = {"timerange_sec": 0, "interval_sec": 0, "metrics": [{"name": n} for n in names]}
    series = (await page.v3("POST", "/metrics", query))["metrics"]
    assert all(one["values"][0][1] >= 0 for one in series)
    assert {one["name"] for one in series} == set(names)


async def settings(page: Browser) -> None:
    """Save the settings and wait for the reload, as the UI does."""
    config = (await page.v3("GET", "/config"))["config"]
    before = (await page.ask("GET", "/api"))["created_at"]
    pid = (await page.v3("GET", at(INGEST, "/state")))["pid"]
    changed = config | {"name": "a new name", "version": 3}
    await asyncio.sleep(1.0)  # created_at counts seconds
    assert await page.v3("PUT", "/config", changed) == "OK"
    assert await page.v3("GET", "/config/reload") == "OK"

    async def is_reloaded() -> bool:
        return bool((await page.ask("GET", "/api"))["created_at"] != before)

    await until(is_reloaded, "created_at changes")
    assert (await page.v3("GET", at(INGEST, "/state")))["pid"] == pid, "FFmpeg goes on"


async def test_the_browser_ui_from_log_in_to_connected(daemon: Daemon) -> None:
    async with Browser(daemon) as page:
        await log_in(page)
        await wizard(page)
        state = await until_connected(page)
        assert {one["type"] for one in state["progress"]["outputs"]} == {"video", "audio"}
        await footer(page)
        for word in ("stop", "start"):
            await page.v3("PUT", at(SNAPSHOT, "/command"), {"command": word})
        master = await page.ask("GET", f"/memfs/{CHANNEL}.m3u8")
        assert "#EXT-X-STREAM-INF" in master

        async def has_picture() -> bool:
            files = await page.v3("GET", f"/fs/mem?glob=/{CHANNEL}.jpg")
            assert files, (await page.v3("GET", at(SNAPSHOT, "/report")))["log"][-5:]
            return True

        # where the first try finds no segment in time, the next one is a minute later
        await until(has_picture, "there is a still picture", seconds=60 + DEADLINE)
        report = await page.v3("GET", at(INGEST, "/report"))
        assert not [line for _, line in report["log"] if "frame=" in line]
        await settings(page)
        for process_id in (SNAPSHOT, INGEST):
            assert await page.v3("DELETE", at(process_id)) == "OK"


PYTHON_NEW: dict[str, Any] = {
    "autostart": True,
    "id": "py",
    "input": [
        {
            "address": inputs.PICTURE,
            "cleanup": None,
            "id": "i",
            "options": ["-re", "-f", "lavfi"],
        }
    ],
    "limits": None,
    "options": [],
    "output": [{"address": "-", "cleanup": None, "id": "o", "options": ["-f", "null"]}],
    "reconnect": True,
    "reconnect_delay_seconds": 60,
    "reference": "r",
    "stale_timeout_seconds": 10,
    "scheduler": None,
    "runtime_duration_seconds": None,
    "log_patterns": None,
    "type": "ffmpeg",
    "binary": None,
    "domain": None,
    "owner": None,
    "metadata": None,
}
PYTHON_NULLS = (
    "created_at id address log db host api tls storage rtmp srt ffmpeg playout debug metrics "
    "sessions service router cluster update_check"
)
PYTHON_CONFIG: dict[str, Any] = {"version": 3, "name": "n"} | dict.fromkeys(
    PYTHON_NULLS.split()
)


async def test_the_python_client_with_its_nulls_and_empty_values(daemon: Daemon) -> None:
    json = {"accept": "application/json", "content-type": "application/json"}
    async with httpx.AsyncClient(
        base_url=daemon.url, headers=json, trust_env=False, timeout=DEADLINE
    ) as client:
        assert "localjwt" in (await client.get("/api")).json()["auths"]
        account = {"username": USERNAME, "password": PASSWORD}
        tokens = (await client.post("/api/login?domain=", json=account)).json()
        client.headers["authorization"] = f"Bearer {tokens['access_token']}"
        made = (await client.post("/api/v3/process?domain=", json=PYTHON_NEW)).json()
        assert made["webrtc"]["enabled"] is False

        # another client switches WebRTC on; this one never sends the block, and it stays
        await daemon.change("py", webrtc={"enabled": True})
        again = (await client.put("/api/v3/process/py?domain=", json=PYTHON_NEW)).json()
        assert again["webrtc"]["enabled"] is True
        process = (await client.get("/api/v3/process/py?domain=&filter=")).json()
        assert isinstance(process["created_at"], int)
        assert process["metadata"] is None
        progress = process["state"]["progress"]
        for name in ("bitrate_kbit", "fps", "q", "speed", "time"):
            assert isinstance(progress[name], int | float)
        for name in ("drop", "dup", "frame", "packet", "size_kb"):  # Go's are unsigned, too
            assert isinstance(progress[name], int)
        listed = (await client.get("/api/v3/process?id=&filter=all&reference=")).json()
        assert [one["id"] for one in listed] == ["py"]
        uploaded = await client.put("/api/v3/fs/disk/f.txt", content=b"not JSON at all")
        assert uploaded.status_code == 201
        assert (await client.put("/api/v3/config", json=PYTHON_CONFIG)).json() == "OK"
        assert (await client.get("/api/v3/config/reload")).json() == "OK"
        error = (await client.get("/api/v3/process/nobody")).json()
        assert {"code", "message", "details"} <= error.keys()
        for path in ("/iam/user", "/cluster", "/report/process"):
            missing = await client.get(f"/api/v3{path}")
            assert missing.status_code == 404, path
        assert (await client.delete("/api/v3/process/py?domain=")).json() == "OK"


async def test_the_go_client_with_its_zero_values(daemon: Daemon) -> None:
    headers = {"Authorization": f"Bearer {daemon.token}", "Content-Type": "application/json"}
    async with httpx.AsyncClient(
        base_url=daemon.url, headers=headers, trust_env=False, timeout=DEADLINE
    ) as client:
        number = (await client.get("/api")).json()["version"]["number"]
        assert tuple(map(int, number.split("."))) >= (16, 7, 2)
        zero = {"id": "go", "type": "", "reference": "", "options": None}
        one = {"id": "", "address": "-", "options": ["-f", "null"], "cleanup": None}
        body = zero | {
            "input": [one | {"address": "x.mp4"}],
            "output": [one],
            "autostart": False,
        }
        assert (await client.post("/api/v3/process", json=body)).status_code == 400
        made = await client.post("/api/v3/process", json=body | {"type": "ffmpeg"})
        assert made.status_code == 200
        assert (await client.put("/api/v3/process/go", json=body)).status_code == 200
        ordered = await client.put("/api/v3/process/go/command", json={"command": "stop"})
        assert ordered.json() == "OK"
        assert (await client.get("/api/v3/log?format=raw")).json()
        assert (await client.delete("/api/v3/process/go")).json() == "OK"
