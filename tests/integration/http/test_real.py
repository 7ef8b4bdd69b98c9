"""The application over the real services: store, restreamer, WebRTC, auth, configuration."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from daemon.auth import ALL_SCOPES as AUTH_SCOPES
from daemon.auth import hash_password
from daemon.config import ConfigService, load
from daemon.ffmpeg.device import Device
from daemon.ffmpeg.probe import Probe
from daemon.ffmpeg.skills import Codec, Library, Skill, Skills
from daemon.http.about import About
from daemon.http.measure import Measure
from daemon.http.metrics import Metrics
from daemon.http.mounts import Storage
from daemon.http.server import serve
from daemon.http.skills import SkillsCache
from daemon.log import LogBuffer
from daemon.restream.restreamer import Restreamer
from daemon.restream.store import Store
from daemon.session import Sessions
from daemon.storage.atomic import write_atomic
from daemon.storage.database import Database
from daemon.storage.disk import DiskFilesystem
from daemon.storage.memory import MemoryFilesystem
from daemon.webrtc.registry import Limits
from daemon.webrtc.subsystem import Settings, WebRTC
from tests.conformance.openapi import check
from tests.fakes.accounts import make_auth
from tests.integration.http.scripted import ALL_SCOPES, Api

SKILLS = Skills(
    version="5.1.9",
    libraries=(Library("libavutil", "57. 28.100", "57. 28.100"),),
    filters=(Skill("scale", "Scale the input video"),),
    audio_codecs=(Codec("opus", "Opus", ("libopus",), ()),),
    device_demuxers=(Skill("lavfi", "Libavfilter"), Skill("alsa", "ALSA audio input")),
    plugged={"alsa": (Device("hw:1,0", "USB-Audio", "", "audio"),)},
)
CONFIG = {
    "id": "a/b",
    "autostart": False,
    "input": [{"id": "in", "address": "rtsp://user:hunter2@127.0.0.1:1/x"}],
    "output": [{"id": "out", "address": "-", "options": ["-f", "null"]}],
    "webrtc": {"enabled": True},
}
ONE = "/api/v3/process/a%2Fb"
PATH = "/api/v3/process/{process_id}"
DEADLINE = 60.0  # seconds
SHOWN = ("config", "log", "skills", "metadata")


class Revocations:
    def __init__(self) -> None:
        self.kept: set[tuple[str, str]] = set()

    async def add(self, kind: str, token_id: str, expires_at: float) -> None:
        self.kept.add((kind, token_id))

    def contains(self, kind: str, token_id: str) -> bool:
        return (kind, token_id) in self.kept


async def no_probe(arguments: object, seconds: float) -> Probe:
    return Probe(streams=(), error="not asked for here")


async def read_skills() -> Skills:
    return SKILLS


def make_storage(disk: Path) -> Storage:
    disk.mkdir()
    return Storage(DiskFilesystem(disk), MemoryFilesystem(1024 * 1024))


@asynccontextmanager
async def real(tmp_path: Path) -> AsyncIterator[Api]:
    """Make everything real but FFmpeg, which no test here starts."""
    database = Database.open(tmp_path / "db.sqlite")
    webrtc = WebRTC(Settings(), prober=no_probe, limits=Limits())
    await webrtc.open()
    restreamer = Restreamer(
        store=Store(database),
        binary=tmp_path / "ffmpeg",
        hooks=webrtc.hooks,
        work_dir=tmp_path,
        instance_id=secrets.token_hex(8),  # the boot sweep must find this run's only
    )
    service = ConfigService(
        load(None, {"CORE_DB_DIR": str(tmp_path)}), environ={}, write=write_atomic
    )
    hashed = await asyncio.to_thread(hash_password, "secret")
    auth = make_auth(hashed, Revocations())
    storage, sessions = make_storage(tmp_path / "disk"), Sessions()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(restreamer.run())
        async with asyncio.timeout(DEADLINE):
            await restreamer.ready.wait()
        yield Api(
            restreamer=restreamer,
            webrtc=webrtc,
            auth=auth,
            config_service=service,
            about=About(service),
            log_buffer=LogBuffer(),
            skills=SkillsCache(read_skills),
            storage=storage,
            sessions=sessions,
            metrics=Metrics(Measure(restreamer, sessions, storage)),
        )
        running.cancel()
    webrtc.close()
    database.close()


async def log_in(api: Api) -> dict[str, str]:
    body = {"username": "admin", "password": "secret"}
    tokens = await (await api.call("POST", "/api/login", body=body, headers={})).get_json()
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def test_both_rooms_mean_the_same_scopes() -> None:
    assert AUTH_SCOPES == ALL_SCOPES


async def test_a_process_from_its_creation_to_its_end(tmp_path: Path) -> None:
    async with real(tmp_path) as api:
        headers = await log_in(api)

        async def call(method: str, path: str, body: Any = None) -> Any:
            return await api.call(method, path, body=body, headers=headers)

        created = await call("POST", "/api/v3/process", CONFIG)
        await check("POST", "/api/v3/process", created)
        assert created.status_code == 200
        again = await call("POST", "/api/v3/process", CONFIG)
        assert (await again.get_json())["message"] == "Invalid process config"
        for part in ("", "/config", "/state", "/report", "/metadata"):
            await check("GET", f"{PATH}{part}", await call("GET", f"{ONE}{part}"))
        shown = await (await call("GET", ONE)).get_json()
        assert shown["config"]["input"] == [CONFIG["input"][0] | {"options": []}]  # type: ignore[index]
        assert "hunter2" not in str(shown["state"])
        renamed = await call("PUT", ONE, {"id": "door", "reconnect": True})
        assert (await renamed.get_json())["webrtc"]["enabled"] is True
        assert (await call("GET", ONE)).status_code == 404
        bad = await call("PUT", "/api/v3/process/door", {"options": ["-i", "/etc/passwd"]})
        assert bad.status_code == 400
        await check("PUT", PATH, bad)
        assert (await call("DELETE", "/api/v3/process/door")).status_code == 200
        assert await (await call("GET", "/api/v3/process")).get_json() == []


async def test_whep_is_404_while_webrtc_is_off(tmp_path: Path) -> None:
    async with real(tmp_path) as api:
        headers = await log_in(api)
        await api.call("POST", "/api/v3/process", body=CONFIG, headers=headers)
        sdp = headers | {"Content-Type": "application/sdp"}
        response = await api.call("POST", f"{ONE}/whep", data="v=0", headers=sdp)
        await check("POST", f"{PATH}/whep", response)
        assert (await response.get_json())["reason"] == "webrtc-off"
        await check(
            "GET", "/api/v3/webrtc", await api.call("GET", "/api/v3/webrtc", headers=headers)
        )
        gone = await api.call("DELETE", f"{ONE}/whep/nobody", headers={})
        assert gone.status_code == 204


async def test_what_the_system_says_fits_its_description(tmp_path: Path) -> None:
    async with real(tmp_path) as api:
        headers = await log_in(api)
        await check("GET", "/api", await api.call("GET", "/api", headers={}))
        for path in (
            "/api",
            "/api/v3/config",
            "/api/v3/log",
            "/api/v3/skills",
            "/api/v3/metadata",
        ):
            response = await api.call("GET", path, headers=headers)
            assert response.status_code == 200
            await check("GET", path, response)
        skills = await (await api.call("GET", "/api/v3/skills", headers=headers)).get_json()
        assert skills["codecs"]["audio"] == [
            {"id": "opus", "name": "Opus", "encoders": ["libopus"], "decoders": None}
        ]


async def test_wrong_passwords_and_tokens_of_the_wrong_use_are_401(tmp_path: Path) -> None:
    async with real(tmp_path) as api:
        body = {"username": "admin", "password": "wrong"}
        wrong = await api.call("POST", "/api/login", body=body, headers={})
        await check("POST", "/api/login", wrong)
        assert wrong.status_code == 401
        access = await log_in(api)
        refused = await api.call("GET", "/api/login/refresh", headers=access)
        assert refused.status_code == 401


async def test_over_a_socket_an_encoded_slash_stays_in_its_segment(tmp_path: Path) -> None:
    stop = asyncio.Event()
    listening: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
    async with real(tmp_path) as api, asyncio.TaskGroup() as group:
        group.create_task(serve(api.app, "127.0.0.1:0", stop=stop, ready=listening.set_result))
        headers = await log_in(api)
        async with asyncio.timeout(DEADLINE):
            (address,) = await listening
            async with httpx.AsyncClient(
                base_url=f"http://{address}", timeout=DEADLINE
            ) as client:
                await client.post("/api/v3/process", json=CONFIG, headers=headers)
                state = await client.get(f"{ONE}/state", headers=headers)
                gone = await client.delete(f"{ONE}/whep/nobody")
                missing = await client.head(f"{ONE}/whep", headers=headers)
        stop.set()
    assert (state.status_code, state.json()["order"]) == (200, "stop")
    assert (gone.status_code, gone.content) == (204, b"")
    assert "content-type" not in gone.headers
    assert (missing.status_code, missing.content) == (404, b"")
