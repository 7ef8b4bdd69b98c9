"""Which server, and as whom."""

from pathlib import Path

import pytest

from dragonctl import login, server
from dragonctl.errors import ClientError, ExitCode
from dragonctl.login import Login

HERE = "http://127.0.0.1:8080"
FAR = "http://far:8080"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path)}


def save(environ: dict[str, str], saved: Login) -> None:
    login.save(login.directory(environ), saved)


def test_without_any_hint_it_says_what_to_do(environ: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="dragonctl login URL") as told:
        server.find(environ, is_insecure=False)
    assert told.value.code is ExitCode.UNREACHABLE


def test_the_saved_login_is_used(environ: dict[str, str]) -> None:
    saved = Login(HERE, "admin", "a", "r")
    save(environ, saved)
    found = server.find(environ, is_insecure=False)
    assert (found.url, found.login, found.place) == (HERE, saved, login.directory(environ))


def test_the_environment_wins(environ: dict[str, str]) -> None:
    save(environ, Login(HERE, "admin", "a", "r"))
    environ |= {"DRAGONCTL_URL": "https://far/", "DRAGONCTL_TOKEN": "t"}
    found = server.find(environ, is_insecure=False)
    assert (found.url, found.token, found.login) == ("https://far", "t", None)


def test_an_account_without_an_address_goes_to_the_saved_server(
    environ: dict[str, str],
) -> None:
    save(environ, Login(HERE, "admin", "a", "r"))
    environ |= {"DRAGONCTL_USERNAME": "ann", "DRAGONCTL_PASSWORD": "p"}
    found = server.find(environ, is_insecure=False)
    assert (found.url, found.username, found.password, found.login) == (HERE, "ann", "p", None)


def test_saved_tokens_never_go_to_another_server(environ: dict[str, str]) -> None:
    save(environ, Login(HERE, "admin", "a", "r"))
    found = server.find(environ | {"DRAGONCTL_URL": "https://far"}, is_insecure=False)
    assert found.login is None
    assert not found.has_credentials


def test_a_damaged_login_does_not_matter_if_the_environment_says_all(
    environ: dict[str, str],
) -> None:
    save(environ, Login(HERE, "admin", "a", "r"))
    (login.directory(environ) / login.FILE_NAME).write_text("{")
    environ |= {"DRAGONCTL_URL": HERE, "DRAGONCTL_TOKEN": "t"}
    assert server.find(environ, is_insecure=False).token == "t"


@pytest.mark.parametrize("name", ["DRAGONCTL_TOKEN", "DRAGONCTL_PASSWORD"])
def test_credentials_of_the_environment_stay_off_plain_http(
    environ: dict[str, str], name: str
) -> None:
    environ |= {"DRAGONCTL_URL": FAR, name: "secret"}
    with pytest.raises(ClientError, match="--insecure"):
        server.find(environ, is_insecure=False)
    assert server.find(environ, is_insecure=True).url == FAR


def test_a_login_remembers_that_plain_http_was_allowed(environ: dict[str, str]) -> None:
    save(environ, Login(FAR, "admin", "a", "r", is_insecure=True))
    assert server.find(environ, is_insecure=False).url == FAR


def test_a_login_that_somebody_edited_to_plain_http_is_refused(environ: dict[str, str]) -> None:
    save(environ, Login(FAR, "admin", "a", "r"))
    with pytest.raises(ClientError, match="--insecure"):
        server.find(environ, is_insecure=False)


def test_without_credentials_plain_http_harms_nobody(environ: dict[str, str]) -> None:
    found = server.find(environ | {"DRAGONCTL_URL": FAR}, is_insecure=False)
    assert not found.has_credentials


def test_secrets_are_in_no_repr(environ: dict[str, str]) -> None:
    environ |= {"DRAGONCTL_URL": HERE, "DRAGONCTL_PASSWORD": "hunter2"}
    assert "hunter2" not in repr(server.find(environ, is_insecure=False))
