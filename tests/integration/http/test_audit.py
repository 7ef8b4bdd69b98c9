"""Each change is a line in the log: who, what, from where, how it went."""

import logging

import pytest

from tests.integration.http.scripted import Api, config, token

READER = frozenset({"process:read"})


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line for line in caplog.messages if line.startswith("audit: ")]


async def test_changes_are_noted_and_reads_are_not(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    api = Api(config())
    await api.call("GET", "/api/v3/process")
    await api.call("GET", "/api/v3/process/cam")
    assert lines(caplog) == []
    stop = {"command": "stop"}
    new = {"id": "new", "input": [{"address": "a"}], "output": [{"address": "-"}]}
    await api.call("POST", "/api/v3/process", body=new, headers=token(subject="olga"))
    await api.call(
        "PUT", "/api/v3/process/cam/command", body=stop, headers=token(subject="olga")
    )
    await api.call("DELETE", "/api/v3/process/nobody", headers=token(subject="olga"))
    await api.call("DELETE", "/api/v3/process/cam", headers=token(READER, subject="vera"))
    assert [line.removeprefix("audit: ") for line in lines(caplog)] == [
        "POST /api/v3/process (new) by olga from 203.0.113.7: 200",
        "PUT /api/v3/process/cam/command by olga from 203.0.113.7: 200",
        "DELETE /api/v3/process/nobody by olga from 203.0.113.7: 404",
        "DELETE /api/v3/process/cam by vera from 203.0.113.7: 403",
    ]


async def test_strangers_fill_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    api = Api(config())
    for path in ("/api/v3/process/cam", "/api/v3/nowhere", "/x"):
        await api.call("DELETE", path, headers={})
    assert lines(caplog) == []


async def test_a_reload_is_a_change(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    await Api().call("GET", "/api/v3/config/reload")
    [line] = lines(caplog)
    assert "GET /api/v3/config/reload" in line
