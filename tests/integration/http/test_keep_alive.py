"""Connections between their requests: how long they may pause, and how many there may be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from daemon.http import server as front
from tests.integration.http.test_server import Running, running, talk

Talk = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def conversation(port: int) -> AsyncIterator[Talk]:
    """Give a connection whose first request has been answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        await ask(reader, writer)
        yield reader, writer
    finally:
        writer.close()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    assert await reader.readexactly(len(b"1.1 0")) == b"1.1 0"


async def is_ended(reader: asyncio.StreamReader) -> bool:
    """Wait for the other end to hang up, politely or not; False: it said something."""
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True


async def test_a_client_may_pause_for_longer_than_a_header_may_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(front._Server, "_patience", 0.05)
    async with running() as server, conversation(server.port) as (reader, writer):
        assert await talk(server.port, b"GET") == b""  # so that time is over
        await ask(reader, writer)


async def test_a_header_that_begins_after_a_pause_must_be_quick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(front, "HEADER_SECONDS", 0.05)
    async with running() as server, conversation(server.port) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n")
        assert await is_ended(reader)


async def test_a_pause_has_an_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "KEEP_ALIVE", 0.05)
    async with running() as server, conversation(server.port) as (reader, _):
        assert await is_ended(reader)


@asynccontextmanager
async def busy(server: Running) -> AsyncIterator[None]:
    """Have a request under way, which is answered in the end."""
    request = b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    async with asyncio.TaskGroup() as tasks:
        answer = tasks.create_task(talk(server.port, request))
        await server.entered.wait()
        yield
        server.release.set()
        assert (await answer).endswith(b"done")


async def test_whoever_idles_longest_makes_room_and_requests_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(front, "MAX_CONNECTIONS", 3)
    async with running() as server, busy(server), AsyncExitStack() as stack:
        first, *others = [
            await stack.enter_async_context(conversation(server.port)) for _ in range(3)
        ]
        assert await is_ended(first[0])
        for reader, writer in others:
            await ask(reader, writer)


async def test_when_all_are_busy_the_newest_is_sent_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(front, "MAX_CONNECTIONS", 1)
    async with running() as server, busy(server):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await is_ended(reader)
        writer.close()
