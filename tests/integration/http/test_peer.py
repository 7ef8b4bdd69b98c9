"""Whose connection it is, asked of the real kernel."""

import os
import socket

import pytest

from daemon.http.peer import is_ours, owner_of


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_connection_of_ours_is_known(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        socket.create_server((host, 0), family=family) as server,
        socket.create_connection(server.getsockname()[:2]) as client,
    ):
        ends = client.getsockname()[:2], client.getpeername()[:2]
        assert owner_of(*ends) == os.geteuid()
        assert is_ours(*ends)


def test_a_connection_that_is_not_there_is_nobody_s() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not is_ours(("127.0.0.1", 1), server.getsockname())


def test_a_connection_of_another_user_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        other = os.geteuid() + 1
        monkeypatch.setattr(os, "geteuid", lambda: other)
        assert not is_ours(client.getsockname(), client.getpeername())
