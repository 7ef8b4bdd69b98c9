"""dragonctl users: passwords by a pipe or a variable, never in the command line."""

import pytest

from tests.integration.dragonctl.api import Api
from tests.integration.dragonctl.conftest import Run

USERS = "/api/v3/users"
ANN = {"name": "ann", "role": "viewer", "created_at": 1_800_000_000, "configured": False}


def test_add_takes_the_password_from_a_pipe(logged_in: Api, run: Run) -> None:
    logged_in.on("POST", USERS, ANN)
    arguments = ("users", "add", "ann", "--role", "viewer", "--password-stdin")
    said = run(*arguments, stdin="correct horse\n")
    assert (said.code, said.out) == (0, "ann: added as viewer\n")
    wanted = {"name": "ann", "password": "correct horse", "role": "viewer"}
    assert logged_in.bodies("POST", USERS) == [wanted]


def test_without_a_way_to_ask_it_says_how(logged_in: Api, run: Run) -> None:
    said = run("users", "add", "ann")
    assert said.code == 2
    assert "DRAGONCTL_NEW_PASSWORD" in said.err


def test_passwd_role_and_rm(logged_in: Api, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGONCTL_NEW_PASSWORD", "battery staple")
    logged_in.on("PUT", f"{USERS}/ann%2F1", ANN)
    logged_in.on("DELETE", f"{USERS}/ann%2F1", "OK")
    assert run("users", "passwd", "ann/1").out == "ann/1: password changed\n"
    assert run("users", "role", "ann/1", "admin").out == "ann/1: admin now\n"
    sent = logged_in.bodies("PUT", f"{USERS}/ann%2F1")
    assert sent == [{"password": "battery staple"}, {"role": "admin"}]
    assert run("users", "rm", "ann/1").out == "ann/1: removed\n"


def test_list_shows_who_stands_in_the_configuration(logged_in: Api, run: Run) -> None:
    logged_in.on("GET", USERS, [ANN, ANN | {"name": "root", "configured": True}])
    lines = [line.split() for line in run("users", "list").out.splitlines()]
    assert lines[1:] == [
        ["ann", "viewer", "2027-01-15"],
        ["root", "viewer", "in", "the", "configuration"],
    ]


def test_rotate_key(logged_in: Api, run: Run) -> None:
    logged_in.on("POST", "/api/v3/keys", {"kid": "k2", "created_at": 1})
    said = run("users", "rotate-key", "--now")
    assert said.out == "new key k2; all tokens have ended\n"
    assert logged_in.bodies("POST", "/api/v3/keys") == [{"now": True}]


def test_logout_tells_the_server_and_forgets_in_any_case(logged_in: Api, run: Run) -> None:
    logged_in.on("DELETE", "/api/login", "OK")
    assert run("logout").out == "logged out\n"
    assert [one.method for one in logged_in.asked if one.path == "/api/login"] == ["DELETE"]
