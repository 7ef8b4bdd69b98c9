"""The disk file system: whole files, and no way out of its directory."""

import os
from pathlib import Path

import pytest

from daemon.errors import InvalidError, NotFoundError, StorageError, StorageFullError
from daemon.storage.disk import DiskFilesystem


@pytest.fixture
def disk(tmp_path: Path) -> DiskFilesystem:
    root = tmp_path / "data"
    root.mkdir()
    return DiskFilesystem(root)


async def put(disk: DiskFilesystem, path: str, data: bytes) -> bool:
    upload = await disk.upload(path)
    try:
        await upload.write(data)
        return await upload.commit()
    finally:
        await upload.abort()


async def names(disk: DiskFilesystem, pattern: str = "") -> list[str]:
    return sorted(file.path for file in await disk.list(pattern))


async def test_a_file_is_there_with_its_directories(disk: DiskFilesystem) -> None:
    assert await put(disk, "/a/b/c.txt", b"one")
    assert not await put(disk, "/a/b/c.txt", b"two")
    assert (disk.root / "a/b/c.txt").read_bytes() == b"two"
    file = await disk.open("/a/b/c.txt")
    assert await file.read(1, 10) == b"wo"
    await file.close()
    assert file.info.size_bytes == 3


async def test_a_reader_keeps_what_it_opened(disk: DiskFilesystem) -> None:
    await put(disk, "/a", b"old")
    file = await disk.open("/a")
    await put(disk, "/a", b"new")
    assert await file.read(0, 10) == b"old"
    await file.close()
    again = await disk.open("/a")
    assert again.info.etag != file.info.etag
    await again.close()


async def test_an_upload_that_breaks_off_leaves_nothing(disk: DiskFilesystem) -> None:
    upload = await disk.upload("/dir/a")
    await upload.write(b"half")
    assert await names(disk) == []
    await upload.abort()
    assert [path.name for path in (disk.root / "dir").iterdir()] == []


async def test_lists_stay_within_and_skip_what_is_no_file(disk: DiskFilesystem) -> None:
    (disk.root / "sub").mkdir()
    (disk.root / "sub/a.ts").write_bytes(b"1")
    (disk.root / "b.ts").write_bytes(b"22")
    (disk.root / "link").symlink_to("/etc/hostname")
    (disk.root / "loop").symlink_to(disk.root)
    os.mkfifo(disk.root / "fifo")
    assert await names(disk) == ["/b.ts", "/sub/a.ts"]
    assert await names(disk, "/*.ts") == ["/b.ts"]
    assert await names(disk, "/sub/**") == ["/sub/a.ts"]
    assert await names(disk, "/nowhere/*") == []
    assert (await disk.usage()).used_bytes == 3


@pytest.mark.parametrize("path", ["/link", "/dir/file", "/fifo", "/nothing", "/real"])
async def test_no_link_directory_or_pipe_is_read(disk: DiskFilesystem, path: str) -> None:
    outside = disk.root.parent / "outside"
    outside.mkdir()
    (outside / "file").write_text("secret")
    (disk.root / "link").symlink_to(outside / "file")
    (disk.root / "dir").symlink_to(outside)
    (disk.root / "real").mkdir()
    os.mkfifo(disk.root / "fifo")
    with pytest.raises(NotFoundError):
        await disk.open(path)


async def test_nothing_is_written_through_a_link(disk: DiskFilesystem) -> None:
    outside = disk.root.parent / "outside"
    outside.mkdir()
    (disk.root / "dir").symlink_to(outside)
    (disk.root / "file").symlink_to(outside / "file")
    with pytest.raises(InvalidError):
        await put(disk, "/dir/new", b"x")
    await put(disk, "/file", b"x")  # takes the link's place
    assert list(outside.iterdir()) == []
    assert not (disk.root / "file").is_symlink()
    with pytest.raises(NotFoundError):
        await disk.delete("/dir/new")


async def test_a_file_where_a_directory_is_needed_is_said(disk: DiskFilesystem) -> None:
    await put(disk, "/a", b"")
    with pytest.raises(InvalidError):
        await put(disk, "/a/b", b"")
    await put(disk, "/d/x", b"")
    with pytest.raises((InvalidError, StorageError)):
        await put(disk, "/d", b"")


async def test_a_full_disk_refuses_more(disk: DiskFilesystem) -> None:
    disk.limit_bytes = 5
    with pytest.raises(StorageFullError):
        await put(disk, "/a", b"123456")
    assert await put(disk, "/a", b"12345")
    assert await names(disk) == ["/a"]
