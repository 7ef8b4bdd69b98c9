"""The configuration while the daemon runs: show, change, reload."""

import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.config import Config, ConfigService, load
from daemon.config.migrate import to_current
from daemon.errors import ConfigError, InvalidError, StorageFullError

START = datetime(2026, 1, 1, tzinfo=UTC)
TEXT = """\
# mine
name = "one"  # what clients show

[api.auth]
password = "s3cret-pass"  # psst

[webrtc]  # live
enable = false
"""


class Clock:
    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time


def write_plain(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def text_of(path: Path) -> str:
    return path.read_text()


def set_text(path: Path, text: str) -> None:
    path.write_text(text)


def remove(path: Path) -> None:
    path.unlink()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(TEXT)
    return path


def make(
    path: Path, write: Callable[[Path, bytes], None] = write_plain, **environ: str
) -> ConfigService:
    return ConfigService(
        load(path, environ), environ=environ, write=write, instance_id="abc", now=Clock()
    )


async def problems(service: ConfigService, body: dict[str, Any]) -> dict[str, list[str]]:
    before = text_of(service.path), service.get()
    with pytest.raises(ConfigError) as caught:
        await service.put(body)
    assert (text_of(service.path), service.get()) == before
    return caught.value.problems


def test_get_has_the_shape_of_datarhei_and_no_secret(path: Path) -> None:
    shown = make(path, CORE_NAME="env", CORE_RTMP_TOKEN="t0ken").get()
    assert set(shown) == {"config", "created_at", "loaded_at", "updated_at", "overrides"}
    assert shown["created_at"] == "2026-01-01T00:00:01Z"
    assert shown["overrides"] == ["name", "rtmp.token"]
    assert shown["config"]["api"]["auth"]["password"] == "***"
    assert shown["config"]["rtmp"]["token"] == "***"
    assert shown["config"]["srt"]["token"] == ""
    assert shown["config"]["id"] == "abc"
    assert "s3cret" not in str(shown)
    assert "t0ken" not in str(shown)


async def test_a_change_is_stored_beside_the_comments_and_active_at_once(path: Path) -> None:
    service = make(path)
    await service.put({"version": 3, "webrtc": {"enable": True, "udp_mux_port": 5}})
    assert text_of(path) == TEXT.replace(
        "enable = false\n", "enable = true\nudp_mux_port = 5\n"
    )
    assert service.config.webrtc.enable
    assert not service.running.webrtc.enable
    shown = service.get()
    assert shown["updated_at"] > shown["loaded_at"]


async def test_sending_everything_back_changes_nothing(path: Path) -> None:
    service = make(path, CORE_NAME="env")
    await service.put(service.get()["config"])
    await service.put(service.get())
    assert text_of(path) == TEXT
    assert service.config.api.auth.password == "s3cret-pass"


async def test_a_whole_number_may_be_written_with_a_point(path: Path) -> None:
    service = make(path)
    await service.put({"version": 3, "sessions": {"max_bitrate_mbit": 0.0}})
    assert text_of(path) == TEXT
    await service.put({"version": 3, "sessions": {"max_bitrate_mbit": 50.0}})
    assert service.config.sessions.max_bitrate_mbit == 50
    with pytest.raises(ConfigError) as caught:
        await service.put({"version": 3, "sessions": {"max_bitrate_mbit": 0.5}})
    assert list(caught.value.problems) == ["sessions.max_bitrate_mbit"]


async def test_null_absent_and_unknown_mean_unchanged(path: Path) -> None:
    service = make(path)
    await service.put({"version": None, "name": None, "cluster": None, "tls": {"x": 1}})
    await service.put({"webrtc": None, "created_at": 5, "xyzzy": True})
    assert text_of(path) == TEXT


async def test_a_new_secret_replaces_the_old_one_and_the_mask_keeps_it(path: Path) -> None:
    service = make(path)
    await service.put({"api": {"auth": {"password": "***", "username": "root"}}})
    assert service.config.api.auth.password == "s3cret-pass"
    await service.put({"api": {"auth": {"password": "other"}}})
    assert tomllib.loads(text_of(path))["api"]["auth"] == {
        "password": "other",
        "username": "root",
    }


async def test_masks_in_a_list_keep_their_secrets(path: Path) -> None:
    service = make(path)
    await service.put({"storage": {"s3": [{"name": "a", "secret_access_key": "k1"}]}})
    buckets = service.get()["config"]["storage"]["s3"]
    assert buckets[0]["secret_access_key"] == "***"
    await service.put({"storage": {"s3": [buckets[0] | {"region": "r"}, {"name": "b"}]}})
    first, second = service.config.storage.s3
    assert (first.secret_access_key, first.region, second.name) == ("k1", "r", "b")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"webrtc": {"udp_mux_port": 70000, "public_ip": "x y"}},
            {
                "webrtc.udp_mux_port": ["must be 0 to 65535, not 70000"],
                "webrtc.public_ip": [
                    "must be an IP address or a host name, such as 203.0.113.7, not 'x y'"
                ],
            },
        ),
        ({"webrtc": 5}, {"webrtc": ["must be an object"]}),
        (
            {"webrtc": {"enable": 1}},
            {"webrtc.enable": ["must be true or false, not the number 1"]},
        ),
        (
            {"webrtc": {"enable": 0}},
            {"webrtc.enable": ["must be true or false, not the number 0"]},
        ),
        ({"host": {"name": "a"}}, {"host.name": ["must be a list, not the text 'a'"]}),
        ({"host": {"name": [None]}}, {"host.name": ["must be text, not nothing"]}),
        (
            {"ffmpeg": {"binary": "/tmp/evil"}},
            {"ffmpeg.binary": ["can't be changed through the API; edit the file and restart"]},
        ),
        (
            {"db": {"dir": "/"}, "storage": {"disk": {"dir": "/etc"}}},
            {
                key: ["can't be changed through the API; edit the file and restart"]
                for key in ("db.dir", "storage.disk.dir")
            },
        ),
    ],
)
async def test_a_wrong_value_is_refused_by_key_and_nothing_changes(
    path: Path, body: dict[str, Any], expected: dict[str, list[str]]
) -> None:
    assert await problems(make(path), body) == expected


async def test_a_change_must_fit_the_environment(path: Path) -> None:
    service = make(path, CORE_ADDRESS="0.0.0.0:1")
    assert set(await problems(service, {"api": {"auth": {"enable": False}}})) == {"address"}


async def test_the_environment_stays_in_charge_of_its_keys(path: Path) -> None:
    service = make(path, CORE_NAME="env")
    await service.put({"name": "two"})
    assert service.config.name == "env"
    assert tomllib.loads(text_of(path))["name"] == "two"


async def test_another_version_is_refused(path: Path) -> None:
    for version in (0, 4, "3", True):
        with pytest.raises(InvalidError, match="Invalid config version"):
            await make(path).put({"version": version, "name": "x"})


async def test_a_body_of_an_older_version_is_taken_as_it_was_meant(path: Path) -> None:
    service = make(path)
    await service.put(
        {"version": 2, "storage": {"disk": {"cache": {"types": [".mp4"], "ttl_seconds": 7}}}}
    )
    cache = service.config.storage.disk.cache
    assert (cache.types.allow, cache.ttl_seconds) == ((".mp4",), 7)
    await service.put({"version": 1, "name": "old", "rtmp": {"app": "live"}})
    assert (service.config.name, service.config.rtmp.app) == ("old", "/live")
    assert service.config.version == 3


@pytest.mark.parametrize(
    ("rtmp", "wanted"),
    [
        (
            {"enable_tls": True, "address": "[::]:1936"},
            {
                "enable_tls": True,
                "enable": True,
                "address": "[::]:1935",
                "address_tls": "[::]:1936",
            },
        ),
        (
            {"enable_tls": True, "address": "x"},
            {"enable_tls": True, "enable": True, "address": "x", "address_tls": "x"},
        ),
        ({"address": ":1935"}, {"address": ":1935"}),
        ({"app": None}, {"app": None}),
    ],
)
def test_rtmp_of_version_1_had_one_address(
    rtmp: dict[str, Any], wanted: dict[str, Any]
) -> None:
    assert to_current({"version": 1, "rtmp": rtmp})["rtmp"] == wanted
    assert to_current({"version": 2, "rtmp": rtmp})["rtmp"] == rtmp


async def test_edits_by_hand_survive_a_change_through_the_api(path: Path) -> None:
    service = make(path)
    set_text(path, TEXT.replace('"one"', '"by hand"'))
    await service.put(service.get()["config"] | {"log": {"level": "debug"}})
    assert (service.config.name, service.config.log.level) == ("by hand", "debug")


async def test_a_file_broken_by_hand_is_not_overwritten(path: Path) -> None:
    service = make(path)
    set_text(path, "[broken")
    with pytest.raises(ConfigError, match=r"config\.toml:1"):
        await service.put({"name": "x"})
    assert text_of(path) == "[broken"
    assert service.config.name == "one"


async def test_what_could_not_be_written_is_not_active(path: Path) -> None:
    def full(path: Path, data: bytes) -> None:
        raise StorageFullError("the disk is full")

    service = make(path, full)
    with pytest.raises(StorageFullError):
        await service.put({"name": "x"})
    assert service.config.name == "one"
    assert service.updated_at == service.loaded_at


async def test_the_first_change_makes_the_file(tmp_path: Path) -> None:
    environ = {"CORE_DB_DIR": str(tmp_path / "new")}
    service = ConfigService(load(None, environ), environ=environ, write=write_plain)
    await service.put({"name": "first"})
    assert load(None, environ).config.name == "first"


async def test_reload_applies_the_file_to_what_runs(path: Path) -> None:
    seen: list[tuple[str, str]] = []

    async def apply(old: Config, new: Config) -> None:
        seen.append((old.name, new.name))

    service = make(path)
    service.on_reload = apply
    await service.put({"name": "two"})
    loaded_at = service.loaded_at
    await service.reload()
    assert seen == [("one", "two")]
    assert service.running == service.config
    assert service.loaded_at > max(loaded_at, service.updated_at)


@pytest.mark.parametrize("text", ["[broken", "[webrtc]\nudp_mux_port = -1\n"])
async def test_a_bad_file_keeps_what_runs_and_says_why(path: Path, text: str) -> None:
    service = make(path)
    before = service.get()
    set_text(path, text)
    with pytest.raises(ConfigError, match=r"config\.toml:\d"):
        await service.reload()
    assert service.get() == before


async def test_a_file_that_vanished_keeps_what_runs(path: Path) -> None:
    service = make(path)
    remove(path)
    with pytest.raises(ConfigError, match="no such file"):
        await service.reload()
    assert service.config.name == "one"


async def test_what_can_not_be_applied_keeps_what_runs(path: Path) -> None:
    async def apply(old: Config, new: Config) -> None:
        raise ConfigError(f"{new.address} is in use by another program")

    service = make(path)
    service.on_reload = apply
    set_text(path, 'address = "127.0.0.1:1"')
    with pytest.raises(ConfigError, match="in use"):
        await service.reload()
    assert service.running.name == service.config.name == "one"
