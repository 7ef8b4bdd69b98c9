"""Files are the old ones or the new ones."""

import errno
import os
import stat
from pathlib import Path

import pytest

from daemon.errors import StorageError, StorageFullError
from daemon.storage.atomic import create_private, write_atomic


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_a_new_file_is_private_and_alone(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(tmp_path) == {"config.toml"}


def test_the_content_before_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    for content in (b"one", b"two", b"three"):
        write_atomic(path, content)
    assert path.read_bytes() == b"three"
    assert (tmp_path / "config.toml.bak").read_bytes() == b"two"
    assert names(tmp_path) == {"config.toml", "config.toml.bak"}


def test_the_mode_is_what_was_asked_for_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_atomic(tmp_path / "page.html", b"", mode=0o644)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "page.html").stat().st_mode) == 0o644


def test_a_symbolic_link_is_refused_and_its_target_untouched(tmp_path: Path) -> None:
    target = tmp_path / "passwd"
    target.write_bytes(b"root")
    link = tmp_path / "config.toml"
    link.symlink_to(target)
    with pytest.raises(StorageError, match="symbolic link"):
        write_atomic(link, b"evil")
    assert target.read_bytes() == b"root"


def test_a_missing_directory_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="can't be written: no such file"):
        write_atomic(tmp_path / "gone" / "config.toml", b"")


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("code", "kind"), [(errno.ENOSPC, StorageFullError), (errno.EIO, StorageError)]
)
def test_a_failing_disk_leaves_the_file_as_it_was(
    step: str,
    code: int,
    kind: type[StorageError],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "config.toml"
    write_atomic(path, b"good")

    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    place = os if step == "fsync" else Path
    with monkeypatch.context() as patch:
        patch.setattr(place, step, fail)
        with pytest.raises(StorageError) as caught:
            write_atomic(path, b"better")
    assert type(caught.value) is kind
    assert path.read_bytes() == b"good"
    assert names(tmp_path) == {"config.toml"}
    write_atomic(path, b"better")
    assert path.read_bytes() == b"better"


def test_nothing_is_created_over_what_is_there(tmp_path: Path) -> None:
    create_private(tmp_path / "x")
    with pytest.raises(FileExistsError):
        create_private(tmp_path / "x")
