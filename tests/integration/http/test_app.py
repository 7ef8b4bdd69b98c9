"""The application as a whole: errors, limits, headers."""

import asyncio
import json
import logging

import pytest

from daemon.errors import ConfigError
from daemon.ffmpeg.skills import Skills
from daemon.http.skills import SkillsCache
from tests.integration.http.scripted import PEER, Api, config, token

JSON = {"Content-Type": "application/json"}
PROCESS = "/api/v3/process"


async def test_ping() -> None:
    response = await Api().call("GET", "/ping", headers={})
    assert (response.status_code, await response.get_data()) == (200, b"pong")


async def test_an_unforeseen_error_is_a_number_for_the_client_and_one_record_for_us(
    caplog: pytest.LogCaptureFixture,
) -> None:
    api = Api(config())
    api.restreamer.refusal = RuntimeError("/etc/secret is broken")
    response = await api.call("DELETE", f"{PROCESS}/cam")
    text = await response.get_data(as_text=True)
    said = json.loads(text)
    assert (response.status_code, said["code"], said["reason"]) == (500, 500, "internal-error")
    assert "secret" not in text
    assert "Traceback" not in text
    records = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(records) == 1
    assert said["details"][0].split()[2].rstrip(":") in records[0].getMessage()
    assert records[0].exc_info


async def test_config_problems_are_datarheis_map_without_a_code() -> None:
    api = Api(config())
    api.restreamer.refusal = ConfigError("bad", problems={"webrtc.public_ip": ["no address"]})
    response = await api.call("DELETE", f"{PROCESS}/cam")
    assert response.status_code == 409
    assert await response.get_json() == {"webrtc.public_ip": ["no address"]}


@pytest.mark.parametrize(
    ("data", "headers", "detail"),
    [
        ("{}", {}, "request doesn't contain JSON content"),
        ("{}", {"Content-Type": "text/plain"}, "request doesn't contain JSON content"),
        ("", JSON, "request doesn't contain any content"),
        ('{"a":\n x}', JSON, "line 2, character 2: Expecting value"),
    ],
)
async def test_broken_json_is_400_and_says_where(
    data: str, headers: dict[str, str], detail: str
) -> None:
    response = await Api().call("POST", PROCESS, data=data, headers=token() | headers)
    said = await response.get_json()
    assert (said["code"], said["message"], said["details"]) == (400, "Invalid JSON", [detail])


async def test_a_content_type_with_a_charset_is_json_too() -> None:
    headers = token() | {"Content-Type": "application/json; charset=utf-8"}
    body = json.dumps({"input": [{"address": "a"}], "output": [{"address": "-"}]})
    response = await Api().call("POST", PROCESS, data=body, headers=headers)
    assert len((await response.get_json())["id"]) == 22


@pytest.mark.parametrize("size", [256 * 1024 + 1, 1024 * 1024 + 1])
async def test_a_config_over_256_kib_is_413(size: int) -> None:
    response = await Api().call("POST", PROCESS, data=b" " * size, headers=token() | JSON)
    said = await response.get_json()
    assert said["code"] == 413
    assert said["reason"] == "request-entity-too-large"


async def test_a_body_without_a_length_is_counted_too() -> None:
    api = Api()
    scope = {"path": PROCESS, "raw_path": PROCESS.encode(), "client": PEER}
    async with api.app.test_client(use_cookies=False).request(
        PROCESS, method="POST", headers=token() | JSON, scope_base=scope
    ) as connection:
        for _ in range(5):
            await connection.send(b" " * 65536)
    response = await connection.as_response()
    assert response.status_code == 413


async def test_a_body_that_stalls_is_408() -> None:
    api = Api()
    api.app.config["BODY_TIMEOUT"] = 0.01
    scope = {"path": PROCESS, "raw_path": PROCESS.encode(), "client": PEER}
    async with (
        asyncio.timeout(60),
        api.app.test_client(use_cookies=False).request(
            PROCESS, method="POST", headers=token() | JSON, scope_base=scope
        ) as connection,
    ):
        await connection.send(b"{")
    assert (await connection.as_response()).status_code == 408


def test_the_limits_of_the_application() -> None:
    settings = Api().app.config
    assert settings["MAX_CONTENT_LENGTH"] is None  # each route has its own; ``upload`` waits
    assert settings["BODY_TIMEOUT"] == 10
    assert settings["RESPONSE_TIMEOUT"] == 30


@pytest.mark.parametrize(
    "fields",
    [{f"X-{n}": "a" for n in range(100)}, {"X-Long": "a" * 16384}],
    ids=["101 fields", "17 KiB"],
)
async def test_a_large_header_is_431(fields: dict[str, str]) -> None:
    response = await Api().call("GET", "/ping", headers=fields)
    assert (await response.get_json())["code"] == 431


@pytest.mark.parametrize("path", ["/api/v3/process", "/api/v3/process/x", "/api/nothing"])
async def test_api_answers_are_careful(path: str) -> None:
    headers = (await Api().call("GET", path)).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PATCH", "/api/v3/process/cam", 404),
        ("PUT", "/api/v3/fs", 404),
        ("DELETE", "/api/v3/fs/disk", 404),
        ("PUT", "/api/v3/process", 404),
        ("PATCH", "/api/v3/fs/disk/a", 405),
        ("PATCH", "/api/v3/process/cam/whep", 405),
        ("PATCH", "/memfs/a", 405),
    ],
)
async def test_a_wrong_method_is_404_as_in_core_but_for_files_and_whep(
    method: str, path: str, status: int
) -> None:
    response = await Api(config()).call(method, path)
    assert response.status_code == status
    assert (await response.get_json())["code"] == status
    assert "GET" in response.headers["Allow"]


@pytest.mark.parametrize(
    ("origin", "allowed"), [("https://a.example", True), ("https://b.example", False)]
)
async def test_only_configured_origins_are_allowed(origin: str, allowed: bool) -> None:
    api = Api(cors_origins=("https://a.example",))
    response = await api.call("GET", PROCESS, headers=token() | {"Origin": origin})
    assert response.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
    assert response.headers["Vary"] == "Origin"
    asked = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
    preflight = await api.call("OPTIONS", "/api/v3/config", headers=asked)
    assert preflight.status_code == 204
    assert ("Access-Control-Allow-Headers" in preflight.headers) is allowed


async def test_credentials_are_never_allowed_across_origins() -> None:
    response = await Api().call("GET", PROCESS, headers={"Origin": "https://a.example"})
    assert "Access-Control-Allow-Credentials" not in response.headers


async def test_skills_are_read_once_until_reloaded() -> None:
    reads: list[int] = []

    async def read() -> Skills:
        reads.append(1)
        await asyncio.sleep(0)
        return Skills(version=f"{len(reads)}")

    cache = SkillsCache(read)
    async with asyncio.TaskGroup() as group:
        both = [group.create_task(cache.get()) for _ in range(2)]
    assert [task.result().version for task in both] == ["1", "1"]
    assert (await cache.reload()).version == "2"
    assert (await cache.get()).version == "2"


async def test_skills_of_an_ffmpeg_that_cant_be_run_are_503() -> None:
    async def read() -> Skills:
        raise FileNotFoundError("/secret/ffmpeg")

    response = await Api(skills=SkillsCache(read)).call("GET", "/api/v3/skills")
    said = await response.get_json()
    assert (said["code"], said["reason"], said["details"]) == (503, "ffmpeg-unusable", [])
    assert response.headers["Retry-After"] == "30"


async def test_webrtc_state() -> None:
    response = await Api().call("GET", "/api/v3/webrtc")
    assert (await response.get_json())["enabled"] is True
