"""What is written down comes back."""

import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from daemon.errors import ConflictError, InvalidError, NotFoundError
from daemon.restream.config import (
    ConfigCleanup,
    ConfigIO,
    ConfigLimits,
    ConfigWebRTC,
    ProcessConfig,
    ProcessId,
)
from daemon.restream.store import Store, decode, encode
from daemon.storage import schema

CONFIG = ProcessConfig(
    id=ProcessId("cam/ü:1"),
    reference="r",
    input=(ConfigIO("i", "rtsp://x/y", ("-re",)),),
    output=(ConfigIO("o", "-", ("-f", "null"), (ConfigCleanup("memfs:/x*", 1, 2, True),)),),
    options=("-y",),
    reconnect=True,
    reconnect_delay_seconds=5,
    autostart=False,
    stale_timeout_seconds=30,
    limits=ConfigLimits(12.5, 2**40, 3),
    webrtc=ConfigWebRTC(True, 96, 97, True),
)


class MemoryDatabase:
    """The schema in memory."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        for sql in schema.MIGRATIONS[0]:
            self.connection.execute(sql)

    async def transaction(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> int:
        return sum(self.connection.execute(*statement).rowcount for statement in statements)

    async def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        return self.connection.execute(sql, parameters).fetchall()


@pytest.fixture
def database() -> MemoryDatabase:
    return MemoryDatabase()


@pytest.fixture
def store(database: MemoryDatabase) -> Store:
    return Store(database)


async def save(store: Store, config: ProcessConfig = CONFIG) -> None:
    await store.save(config, order="start", created_at=100, updated_at=200)


def test_every_field_survives_the_stored_form() -> None:
    assert decode(encode(CONFIG)) == CONFIG


def test_what_an_older_version_did_not_write_gets_its_default() -> None:
    text = '{"id": "a", "input": [{"id": "i", "address": "x"}], "output": []}'
    assert decode(text) == ProcessConfig(ProcessId("a"), (ConfigIO("i", "x"),), ())


async def test_processes_come_back_sorted_with_their_metadata(store: Store) -> None:
    await save(store)
    await save(store, replace(CONFIG, id=ProcessId("a")))
    await store.set_metadata(CONFIG.id, "key", {"deep": [1, None, "ü"]})
    first, second = await store.load_all()
    assert (first.config.id, first.metadata) == ("a", {})
    assert (second.config, second.order) == (CONFIG, "start")
    assert (second.created_at, second.updated_at) == (100, 200)
    assert second.metadata == {"key": {"deep": [1, None, "ü"]}}


async def test_saving_again_replaces_and_keeps_the_metadata(store: Store) -> None:
    await save(store)
    await store.set_metadata(CONFIG.id, "key", 1)
    await store.save(replace(CONFIG, reference="new"), order="stop", created_at=1, updated_at=2)
    [stored] = await store.load_all()
    assert (stored.config.reference, stored.order) == ("new", "stop")
    assert (stored.created_at, stored.updated_at, stored.metadata) == (1, 2, {"key": 1})


async def test_renaming_moves_the_metadata_along(store: Store) -> None:
    await save(store)
    await store.set_metadata(CONFIG.id, "key", 1)
    renamed = replace(CONFIG, id=ProcessId("new"))
    await store.rename(CONFIG.id, renamed, order="start", created_at=100, updated_at=300)
    [stored] = await store.load_all()
    assert (stored.config, stored.metadata, stored.updated_at) == (renamed, {"key": 1}, 300)


async def test_renaming_over_another_process_is_a_conflict(store: Store) -> None:
    other = replace(CONFIG, id=ProcessId("other"))
    await save(store)
    await save(store, other)
    with pytest.raises(ConflictError, match="process already exists"):
        await store.rename(CONFIG.id, other, order="stop", created_at=1, updated_at=1)
    assert {stored.order for stored in await store.load_all()} == {"start"}


async def test_the_order_alone_can_be_written(store: Store) -> None:
    await save(store)
    await store.set_order(CONFIG.id, "stop")
    assert [stored.order for stored in await store.load_all()] == ["stop"]
    with pytest.raises(NotFoundError):
        await store.set_order(ProcessId("gone"), "stop")


async def test_deleting_takes_the_metadata_too(store: Store) -> None:
    await save(store)
    await store.set_metadata(CONFIG.id, "key", 1)
    await store.set_metadata(None, "key", 2)
    await store.delete(CONFIG.id)
    await store.delete(CONFIG.id)
    assert await store.load_all() == []
    assert await store.metadata(CONFIG.id) == {}
    assert await store.metadata() == {"key": 2}


async def test_a_value_of_null_deletes_the_key(store: Store) -> None:
    await store.set_metadata(None, "key", False)
    assert await store.metadata(None) == {"key": False}
    await store.set_metadata(None, "key", None)
    assert await store.metadata(None) == {}


async def test_metadata_is_bounded_and_what_is_there_stays(store: Store) -> None:
    await store.set_metadata(None, "a", "small")
    with pytest.raises(InvalidError, match="larger than 65536"):
        await store.set_metadata(None, "a", "x" * 65536)
    for number in range(16):
        await store.set_metadata(None, f"{number:02}", "x" * 65000)
    with pytest.raises(InvalidError, match="all metadata"):
        await store.set_metadata(None, "b", "x" * 30000)
    await store.set_metadata(None, "00", "y" * 65000)
    assert (await store.metadata(None))["a"] == "small"


@pytest.mark.parametrize("key", ["a\nb", "\ud800", "\0"])
async def test_a_metadata_key_that_cannot_be_printed_is_refused(store: Store, key: str) -> None:
    with pytest.raises(InvalidError):
        await store.set_metadata(None, key, 1)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"id": 1', '{"input": 1, "output": 2}'])
async def test_an_unreadable_process_is_said_and_the_others_come(
    store: Store, database: MemoryDatabase, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    await save(store)
    row = ("INSERT INTO process VALUES ('bad', ?, 'start', 1, 1)", (text,))
    await database.transaction([row])
    with caplog.at_level(logging.ERROR):
        assert [stored.config for stored in await store.load_all()] == [CONFIG]
    assert "process bad: the stored config is unreadable" in caplog.text
