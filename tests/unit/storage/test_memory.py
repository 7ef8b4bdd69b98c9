"""The memory file system: whole files, one bound, the oldest first when it purges."""

import pytest

from daemon.errors import InvalidError, NotFoundError, StorageFullError
from daemon.storage.file import MAX_PATH, clean_path
from daemon.storage.memory import MemoryFilesystem


async def put(memory: MemoryFilesystem, path: str, data: bytes) -> bool:
    upload = await memory.upload(path)
    try:
        await upload.write(data)
        return await upload.commit()
    finally:
        await upload.abort()


async def content(memory: MemoryFilesystem, path: str) -> bytes:
    file = await memory.open(path)
    return await file.read(0, file.info.size_bytes)


async def names(memory: MemoryFilesystem) -> list[str]:
    return [file.path for file in await memory.list()]


async def test_a_file_is_new_once_and_its_tag_changes_with_each_content() -> None:
    memory = MemoryFilesystem(100)
    assert await put(memory, "/a", b"one")
    first = (await memory.open("/a")).info.etag
    assert not await put(memory, "/a", b"one")
    assert (await memory.open("/a")).info.etag != first
    assert (await memory.usage()).used_bytes == 3


async def test_a_reader_keeps_what_it_opened() -> None:
    memory = MemoryFilesystem(100)
    await put(memory, "/a", b"old")
    file = await memory.open("/a")
    await put(memory, "/a", b"new and longer")
    assert await file.read(0, 100) == b"old"
    assert await content(memory, "/a") == b"new and longer"


async def test_nobody_sees_an_upload_before_its_end() -> None:
    memory = MemoryFilesystem(100)
    upload = await memory.upload("/a")
    await upload.write(b"half")
    assert await names(memory) == []
    await upload.abort()
    await upload.abort()
    assert (await memory.usage()).used_bytes == 0
    with pytest.raises(NotFoundError):
        await memory.open("/a")


async def test_files_and_uploads_share_one_bound() -> None:
    memory = MemoryFilesystem(10)
    await put(memory, "/a", b"12345")
    coming = await memory.upload("/b")
    await coming.write(b"12345")
    with pytest.raises(StorageFullError):
        await put(memory, "/c", b"1")
    await coming.abort()
    assert await put(memory, "/c", b"1")


async def test_a_purge_takes_the_oldest_and_spares_the_rest() -> None:
    memory = MemoryFilesystem(10, is_purging=True)
    for name in "abc":
        await put(memory, f"/{name}", b"123")
    await put(memory, "/a", b"124")  # the youngest now
    await put(memory, "/d", b"123")
    assert await names(memory) == ["/c", "/a", "/d"]
    with pytest.raises(StorageFullError):
        await put(memory, "/big", b"x" * 11)
    assert await names(memory) == ["/c", "/a", "/d"], "nothing goes for what can't fit"


async def test_a_smaller_limit_purges_only_if_told_to() -> None:
    memory = MemoryFilesystem(10)
    await put(memory, "/a", b"12345")
    await put(memory, "/b", b"12345")
    memory.resize(6, is_purging=False)
    assert await names(memory) == ["/a", "/b"]
    memory.resize(6, is_purging=True)
    assert await names(memory) == ["/b"]


async def test_a_file_can_be_listed_by_a_glob_and_deleted_once() -> None:
    memory = MemoryFilesystem(100)
    await put(memory, "/cam/1.ts", b"")
    await put(memory, "/cam.m3u8", b"")
    assert [file.path for file in await memory.list("/cam*")] == ["/cam.m3u8"]
    await memory.delete("/cam.m3u8")
    with pytest.raises(NotFoundError):
        await memory.delete("/cam.m3u8")


@pytest.mark.parametrize(
    ("text", "path"), [("/a//b", "/a/b"), ("a/b", "/a/b"), ("/\u00fc b", "/\u00fc b")]
)
def test_a_path_is_cleaned(text: str, path: str) -> None:
    assert clean_path(text) == path


@pytest.mark.parametrize(
    "text",
    [
        *("", "/", "/a/", "/../a", "/a/../b", "/./a", "/a\0b", "/a\nb", "/" + "x" * 256),
        "/" + "/".join(["x" * 100] * (MAX_PATH // 100 + 1)),
    ],
)
def test_what_is_no_name_of_a_file_is_refused(text: str) -> None:
    with pytest.raises(InvalidError):
        clean_path(text)
