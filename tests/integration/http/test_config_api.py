"""/api/v3/config as datarhei's clients use it; beside it /api and /api/v3/log."""

import logging
from pathlib import Path
from typing import Any

import pytest
from quart import Quart, g
from quart import typing as quart_typing

from daemon.auth import ALL_SCOPES, Claims
from daemon.config import Config, ConfigService, load
from daemon.errors import ConfigError
from daemon.http import about, config, errors, log
from daemon.http.about import About
from daemon.http.guard import Caller, check_scopes
from daemon.log import LogBuffer
from daemon.storage.atomic import write_atomic

TEXT = '# mine\nname = "one"  # shown\n\n[api.auth]\npassword = "hunter2"\n'
STRANGER = Caller("192.0.2.1", None, is_auth_off=False)
ADMIN = Caller("192.0.2.1", Claims("admin", ALL_SCOPES, None, "id", 0), is_auth_off=False)
ANYBODY = Caller("127.0.0.1", None, is_auth_off=True)


class World:
    """The routes in an application, with a caller that the test chooses."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "config.toml"
        self.set_text(TEXT)
        self.caller = ADMIN
        self.monotonic = 100.0
        self.buffer = LogBuffer()
        self.service = ConfigService(
            load(self.path, {}),
            environ={},
            write=write_atomic,
            instance_id="00000000-0000-4000-8000-000000000000",
        )
        app = Quart(__name__, static_folder=None)
        shown = About(self.service, now=lambda: self.monotonic, started_at=55.5)
        for blueprint in (
            config.routes(self.service),
            about.routes(shown),
            log.routes(self.buffer),
        ):
            app.register_blueprint(blueprint)
        check_scopes(app)
        errors.register(app)
        app.config["BODY_TIMEOUT"] = 10

        @app.before_request
        async def be_somebody() -> None:
            g.caller = self.caller

        self.client: quart_typing.TestClientProtocol = app.test_client()

    def text(self) -> str:
        return self.path.read_text()

    def set_text(self, text: str) -> None:
        self.path.write_text(text)

    def backup(self) -> str:
        return self.path.with_name("config.toml.bak").read_text()

    async def send(self, method: str, path: str, **request: Any) -> tuple[int, Any]:
        answer = await self.client.open(path, method=method, **request)
        assert answer.content_type == "application/json"
        assert (await answer.get_data(as_text=True)).endswith("\n")
        return answer.status_code, await answer.get_json()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_get_shows_everything_but_secrets(world: World) -> None:
    status, body = await world.send("GET", "/api/v3/config")
    assert status == 200
    assert body["config"]["webrtc"] == {
        "enable": False,
        "public_ip": "",
        "nat_1to1_ips": [],
        "udp_mux_port": 0,
    }
    assert body["config"]["api"]["auth"]["password"] == "***"
    assert "hunter2" not in str(body)


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_put_and_post_store_a_part_and_keep_comments_and_a_backup(
    world: World, method: str
) -> None:
    body = {"version": 3, "webrtc": {"enable": True, "public_ip": None}, "cluster": None}
    assert await world.send(method, "/api/v3/config", json=body) == (200, "OK")
    assert world.text() == TEXT + "\n[webrtc]\nenable = true\n"
    assert world.backup() == TEXT
    _, shown = await world.send("GET", "/api/v3/config")
    assert shown["config"]["webrtc"]["enable"] is True


async def test_what_get_shows_can_be_sent_back(world: World) -> None:
    _, shown = await world.send("GET", "/api/v3/config")
    assert await world.send("PUT", "/api/v3/config", json=shown["config"]) == (200, "OK")
    assert world.text() == TEXT


async def test_no_content_type_is_asked_for(world: World) -> None:
    answer = await world.send("PUT", "/api/v3/config", data=b'{"version":3,"name":"two"}')
    assert answer == (200, "OK")
    assert world.service.config.name == "two"


async def test_wrong_values_are_409_with_reasons_by_key(world: World) -> None:
    body = {"version": 3, "webrtc": {"udp_mux_port": 70000}, "ffmpeg": {"binary": "/bin/sh"}}
    status, problems = await world.send("PUT", "/api/v3/config", json=body)
    assert status == 409
    assert problems == {
        "ffmpeg.binary": ["can't be changed through the API; edit the file and restart"]
    }
    del body["ffmpeg"]
    assert await world.send("PUT", "/api/v3/config", json=body) == (
        409,
        {"webrtc.udp_mux_port": ["must be 0 to 65535, not 70000"]},
    )
    assert world.text() == TEXT


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "Invalid JSON"),
        (b"{", "Invalid JSON"),
        (b"[]", "Invalid JSON"),
        (b'"x"', "Invalid JSON"),
        (b'{"version": 4}', "Invalid config version"),
        (b'{"version": "3"}', "Invalid config version"),
    ],
)
async def test_what_is_no_configuration_is_400(world: World, data: bytes, message: str) -> None:
    status, body = await world.send("PUT", "/api/v3/config", data=data)
    assert (status, body["code"], body["message"]) == (400, 400, message)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_reload_applies_the_file(world: World, method: str) -> None:
    seen: list[str] = []

    async def apply(old: Config, new: Config) -> None:
        seen.append(f"{old.name} {new.name}")

    world.service.on_reload = apply
    world.set_text('name = "two"')
    assert await world.send(method, "/api/v3/config/reload") == (200, "OK")
    assert seen == ["one two"]


async def test_a_reload_of_a_bad_file_says_why_and_changes_nothing(world: World) -> None:
    world.set_text("[broken")
    status, body = await world.send("GET", "/api/v3/config/reload")
    assert status == 409
    assert "config.toml:1:" in body["message"]
    world.set_text("[webrtc]\nudp_mux_port = -1\n")
    answer = await world.send("GET", "/api/v3/config/reload")
    assert answer == (409, {"webrtc.udp_mux_port": ["must be 0 to 65535, not -1"]})
    assert world.service.config.name == "one"


async def test_a_reload_that_can_not_be_applied_says_why(world: World) -> None:
    async def apply(old: Config, new: Config) -> None:
        raise ConfigError("127.0.0.1:1 is in use by another program")

    world.service.on_reload = apply
    status, body = await world.send("GET", "/api/v3/config/reload")
    assert (status, body["message"]) == (409, "127.0.0.1:1 is in use by another program")


async def test_a_link_in_the_place_of_the_file_is_not_written_through(world: World) -> None:
    target = world.path.with_name("other.toml")
    world.path.rename(target)
    world.path.symlink_to(target)
    status, _ = await world.send("PUT", "/api/v3/config", json={"name": "two"})
    assert status == 503
    assert world.text() == TEXT
    assert world.service.config.name == "one"


async def test_a_stranger_hears_how_to_log_in_and_no_more(world: World) -> None:
    world.caller = STRANGER
    assert await world.send("GET", "/api") == (
        200,
        {"app": "datarhei-core", "auths": ["localjwt"], "version": {"number": "16.0.0"}},
    )


async def test_somebody_known_hears_all(world: World) -> None:
    _, body = await world.send("GET", "/api")
    assert body["app"] == "datarhei-core"
    assert body["version"]["number"].startswith("16.")
    assert body["name"] == "one"
    assert body["id"] == "00000000-0000-4000-8000-000000000000"
    assert body["uptime_seconds"] == 44
    assert body["product"]["name"] == "dragonctl"
    assert body["created_at"] == world.service.get()["loaded_at"]


async def test_without_auth_there_is_no_way_to_log_in(world: World) -> None:
    world.caller = ANYBODY
    _, body = await world.send("GET", "/api")
    assert body["auths"] == []
    assert "id" in body


async def test_the_log_comes_as_lines_or_as_objects(world: World) -> None:
    world.buffer.handle(logging.makeLogRecord({"name": "daemon.rtc", "msg": "hello"}))
    for query in ("", "?format=console", "?format=xyzzy"):
        _, lines = await world.send("GET", f"/api/v3/log{query}")
        assert len(lines) == 1
        assert lines[0].endswith('component="rtc" msg="hello"')
    _, objects = await world.send("GET", "/api/v3/log?format=raw")
    assert objects[0].items() >= {"component": "rtc", "message": "hello"}.items()
    assert {"ts", "caller"} <= objects[0].keys()
