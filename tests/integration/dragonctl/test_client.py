"""Who we are, what we say when nobody answers, and what a refusal sounds like."""

import socket
import stat
import threading
from pathlib import Path

import pytest

from dragonctl import login
from dragonctl.login import Login
from tests.integration.dragonctl.api import (
    ACCESS,
    PASSWORD,
    REFRESH,
    Answer,
    Api,
    Asked,
    refusal,
)
from tests.integration.dragonctl.conftest import Run

LIST = ("process", "list")


@pytest.fixture
def silent_port() -> int:
    """Give a port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_login_by_stdin_saves_tokens_for_this_user_only(api: Api, run: Run, home: Path) -> None:
    said = run("login", api.url, "--password-stdin", stdin=f"{PASSWORD}\n")
    assert (said.code, said.out) == (0, f"logged in to {api.url} as admin\n")
    path = home / login.FILE_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert PASSWORD not in path.read_text()
    assert login.load(home) == Login(api.url, "admin", ACCESS, REFRESH)
    assert run(*LIST).code == 0
    assert api.asked[-1].token == ACCESS


def test_login_takes_the_password_of_the_environment(
    api: Api, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAGONCTL_PASSWORD", PASSWORD)
    assert run("login", api.url).code == 0


def test_login_with_a_wrong_password_saves_nothing(api: Api, run: Run, home: Path) -> None:
    said = run("login", api.url, "--password-stdin", stdin="wrong\n")
    assert said.code == 3
    assert "doesn't take this user name and password" in said.err
    assert login.load(home) is None


def test_login_without_a_terminal_says_how(api: Api, run: Run) -> None:
    said = run("login", api.url)
    assert said.code == 2
    assert "--password-stdin" in said.err


def test_there_is_no_password_on_the_command_line(api: Api, run: Run) -> None:
    assert run("login", api.url, "--password", "x").code == 2


def test_login_refuses_plain_http_to_another_machine_before_it_asks(run: Run) -> None:
    said = run("login", "http://192.0.2.1:8080", "--password-stdin", stdin=PASSWORD)
    assert said.code == 2
    assert "--insecure" in said.err


def test_login_where_auth_is_off_is_noted(api: Api, run: Run, home: Path) -> None:
    api.is_open = True
    api.on("POST", "/api/login", refusal(404, "Not Found"))
    said = run("login", api.url, "--password-stdin", stdin="whatever\n")
    assert said.code == 0
    assert "asks for no login" in said.out
    assert run(*LIST).code == 0


def test_login_to_something_else_is_no_login(api: Api, run: Run, home: Path) -> None:
    api.on("POST", "/api/login", Answer(b"<h1>no</h1>", 404, {"Content-Type": "text/html"}))
    api.on("GET", "/api", Answer(b"<h1>hi</h1>", headers={"Content-Type": "text/html"}))
    said = run("login", api.url, "--password-stdin", stdin="whatever\n")
    assert said.code == 3
    assert "not with dragonctl's API" in said.err
    assert login.load(home) is None


def test_logout_forgets(logged_in: Api, run: Run, home: Path) -> None:
    assert run("logout").out == "logged out\n"
    assert login.load(home) is None
    assert run("logout").out == "there was no saved login\n"
    said = run(*LIST)
    assert (said.code, "dragonctl login URL" in said.err) == (3, True)


def test_an_expired_token_is_renewed_once_and_saved(
    logged_in: Api, run: Run, home: Path
) -> None:
    logged_in.tokens = {"access-2"}
    assert run(*LIST).code == 0
    assert login.load(home) == Login(logged_in.url, "admin", "access-2", "refresh-2")
    assert [one.path for one in logged_in.asked].count("/api/login/refresh") == 1


def test_a_server_that_keeps_its_refresh_token_is_fine(
    logged_in: Api, run: Run, home: Path
) -> None:
    logged_in.tokens = {"access-2"}
    logged_in.on("GET", "/api/login/refresh", {"access_token": "access-2"})
    assert run(*LIST).code == 0
    assert login.load(home) == Login(logged_in.url, "admin", "access-2", REFRESH)


def test_a_token_that_another_dragonctl_renewed_is_taken_over(
    logged_in: Api, run: Run, home: Path
) -> None:
    def renew_elsewhere(asked: Asked) -> Answer:
        logged_in.tokens = {"access-3"}
        logged_in.on("GET", "/api/v3/process", [])
        login.save(home, Login(logged_in.url, "admin", "access-3", "refresh-3"))
        return refusal(401, "Unauthorized")

    logged_in.on("GET", "/api/v3/process", renew_elsewhere)
    assert run(*LIST).code == 0
    assert "/api/login/refresh" not in [one.path for one in logged_in.asked]
    assert logged_in.asked[-1].token == "access-3"


def test_a_login_that_has_ended_says_so(logged_in: Api, run: Run, home: Path) -> None:
    logged_in.tokens = set()
    logged_in.on("GET", "/api/login/refresh", refusal(401, "Unauthorized"))
    said = run(*LIST)
    assert said.code == 3
    assert f"`dragonctl login {logged_in.url}`" in said.err
    assert len(logged_in.asked) == 2


def test_an_account_of_the_environment_logs_in_by_itself(
    api: Api, run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAGONCTL_URL", api.url)
    monkeypatch.setenv("DRAGONCTL_PASSWORD", PASSWORD)
    assert run(*LIST).code == 0
    assert login.load(home) is None


def test_a_token_of_the_environment_is_used_and_blamed(
    api: Api, run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAGONCTL_URL", api.url)
    monkeypatch.setenv("DRAGONCTL_TOKEN", ACCESS)
    assert run(*LIST).code == 0
    monkeypatch.setenv("DRAGONCTL_TOKEN", "old")
    said = run(*LIST)
    assert said.code == 3
    assert "DRAGONCTL_TOKEN is wrong or has expired" in said.err
    assert "old" not in said.err


def test_nobody_there(run: Run, silent_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGONCTL_URL", f"http://127.0.0.1:{silent_port}")
    said = run(*LIST)
    assert said.code == 3
    advice = "connection refused; is `dragonctl serve` running there?"
    assert said.err == f"cannot reach http://127.0.0.1:{silent_port}: {advice}\n"
    assert said.out == ""


def test_a_host_that_does_not_exist(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGONCTL_URL", "http://no-such-host.invalid")
    said = run(*LIST)
    assert said.code == 3
    assert "cannot reach http://no-such-host.invalid" in said.err


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH\r\n", b""])
def test_what_speaks_no_http(
    greeting: bytes, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("DRAGONCTL_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")

        def greet() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(greeting)

        thread = threading.Thread(target=greet)
        thread.start()
        said = run(*LIST)
        thread.join(10)
    assert said.code == 3
    assert "doesn't speak HTTP" in said.err


def test_plain_http_where_https_was_meant(
    api: Api, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAGONCTL_URL", api.url.replace("http:", "https:"))
    said = run(*LIST)
    assert said.code == 3
    assert "does this port speak https?" in said.err


def test_a_proxy_of_the_environment_never_sees_plain_http(
    logged_in: Api, run: Run, silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{silent_port}")
    assert run(*LIST).code == 0


def test_a_redirect_is_told_and_not_followed(logged_in: Api, run: Run) -> None:
    place = {"Location": "http://elsewhere.test/"}
    logged_in.on("GET", "/api/v3/process", Answer(None, 302, place))
    said = run(*LIST)
    assert said.code == 3
    assert "http://elsewhere.test/" in said.err


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (refusal(400, "Invalid JSON", "a", "b"), 1, "Invalid JSON: a; b"),
        (refusal(403, "This token lacks process:read."), 3, "not allowed: This token lacks"),
        (Answer({"api.auth": ["too short"]}, 409), 1, "api.auth: too short"),
        (Answer(b"", 502, {"Content-Type": "text/html"}), 1, "answers 502 Bad Gateway"),
        (Answer(b"{", 500), 1, "answers 500"),
        (
            Answer({"message": "Slow down"}, 429, {"Retry-After": "7"}),
            1,
            "Slow down; try again in 7 s",
        ),
        (refusal(400, "\x1b[31mred"), 1, "\ufffd[31mred"),
    ],
)
def test_a_refusal_is_one_sentence(
    answer: Answer, code: int, words: str, logged_in: Api, run: Run
) -> None:
    logged_in.on("GET", "/api/v3/process", answer)
    said = run(*LIST)
    assert (said.code, said.out) == (code, "")
    assert words in said.err
    assert said.err.count("\n") == 1


def test_json_that_is_none_is_a_stranger(logged_in: Api, run: Run) -> None:
    logged_in.on("GET", "/api/v3/process", Answer(b"{"))
    assert run(*LIST).code == 3
