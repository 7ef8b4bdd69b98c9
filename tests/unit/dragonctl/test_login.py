"""The saved login: its file, and where credentials may go."""

import json
import os
import stat
from pathlib import Path

import pytest

from dragonctl import login
from dragonctl.errors import ClientError, ExitCode
from dragonctl.login import Login

SAVED = Login("http://127.0.0.1:8080", "admin", "access", "refresh")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    place = tmp_path / "new"
    login.save(place, SAVED)
    assert login.load(place) == SAVED
    assert mode(place / login.FILE_NAME) == 0o600
    assert mode(place) == 0o700
    assert [path.name for path in place.iterdir()] == [login.FILE_NAME]


def test_nobody_is_logged_in_at_first(tmp_path: Path) -> None:
    assert login.load(tmp_path) is None
    assert not login.delete(tmp_path)


def test_logging_out_forgets(tmp_path: Path) -> None:
    login.save(tmp_path, SAVED)
    assert login.delete(tmp_path)
    assert login.load(tmp_path) is None


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    login.save(tmp_path, SAVED)
    (tmp_path / login.FILE_NAME).chmod(0o640)
    with pytest.raises(ClientError, match="chmod 600") as told:
        login.load(tmp_path)
    assert told.value.code is ExitCode.UNREACHABLE


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    login.save(tmp_path / "elsewhere", SAVED)
    (tmp_path / login.FILE_NAME).symlink_to(tmp_path / "elsewhere" / login.FILE_NAME)
    with pytest.raises(ClientError, match="delete it"):
        login.load(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"url": 3}', "\xff", "[" * 100_000])
def test_a_damaged_file_says_what_to_do(text: str, tmp_path: Path) -> None:
    login.save(tmp_path, SAVED)
    (tmp_path / login.FILE_NAME).write_bytes(text.encode("latin-1"))
    with pytest.raises(ClientError, match="dragonctl login URL"):
        login.load(tmp_path)


def test_tokens_of_the_wrong_kind_are_damage(tmp_path: Path) -> None:
    login.save(tmp_path, SAVED)
    path = tmp_path / login.FILE_NAME
    path.write_text(json.dumps(json.loads(path.read_text()) | {"access_token": 3}))
    with pytest.raises(ClientError, match="damaged"):
        login.load(tmp_path)


def test_tokens_are_in_no_repr() -> None:
    assert "access'" not in repr(SAVED)
    assert "refresh'" not in repr(SAVED)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://host", "http://host"),
        ("http://host:8080/", "http://host:8080"),
        (" HTTPS://Host/core/ ", "https://host/core"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_addresses_have_one_form(text: str, url: str) -> None:
    assert login.check_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host:8080",
        "ftp://host",
        "http://",
        "http://host:port",
        "http://host:99999",
        "http://[::1",
        "http://user:hunter2@host",
        "http://host/?token=hunter2",
    ],
)
def test_what_is_no_address_of_a_server_is_a_usage_error(text: str) -> None:
    with pytest.raises(ClientError) as told:
        login.check_url(text)
    assert told.value.code is ExitCode.USAGE


def test_an_address_with_a_password_is_not_repeated() -> None:
    with pytest.raises(ClientError) as told:
        login.check_url("http://user:hunter2@host")
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1",
        "http://127.9.9.9",
        "http://[::1]:1",
        "http://localhost",
        "https://far",
    ],
)
def test_loopback_and_https_are_fit_for_credentials(url: str) -> None:
    login.check_transport(url, is_insecure=False)


@pytest.mark.parametrize(
    "url", ["http://far", "http://192.0.2.1", "http://localhost.evil.test"]
)
def test_plain_http_to_another_machine_needs_a_word(url: str) -> None:
    with pytest.raises(ClientError, match="--insecure") as told:
        login.check_transport(url, is_insecure=False)
    assert told.value.code is ExitCode.USAGE
    login.check_transport(url, is_insecure=True)


def test_the_directory_is_the_user_s_own(tmp_path: Path) -> None:
    assert login.directory({"XDG_CONFIG_HOME": str(tmp_path)}) == tmp_path / "dragonctl"
    assert login.directory({"XDG_CONFIG_HOME": "relative"}) == Path.home() / ".config/dragonctl"


def test_a_user_whom_the_machine_does_not_know_needs_no_home(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 7)  # as in a container with --user
    place = login.directory({})
    assert login.load(place) is None
