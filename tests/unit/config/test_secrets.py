"""The secrets of the first run: made once, and refused when others could have seen them."""

import stat
from pathlib import Path

import pytest

from daemon.config import Secrets, load_secrets
from daemon.errors import ConfigError


def load(directory: Path, *, needed: bool = True) -> tuple[Secrets, str | None]:
    return load_secrets(
        directory, hash_password=lambda text: f"hash of {text}", is_password_needed=needed
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_run_makes_private_secrets_and_tells_the_password_once(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "data"
    found, password = load(directory)
    assert password is not None
    assert len(password) >= 16
    assert found.password_hash == f"hash of {password}"
    assert len(found.jwt_key) == 32
    assert mode(directory) == 0o700
    assert mode(directory / "secrets.json") == 0o600
    assert [path.name for path in directory.iterdir()] == ["secrets.json"]
    assert load(directory) == (found, None)


def test_two_daemons_have_different_secrets(tmp_path: Path) -> None:
    first, second = load(tmp_path / "a")[0], load(tmp_path / "b")[0]
    assert first.jwt_key != second.jwt_key
    assert first.instance_id != second.instance_id
    assert first.password_hash != second.password_hash


def test_a_configured_password_needs_none_until_it_is_taken_away(tmp_path: Path) -> None:
    found, password = load(tmp_path / "d", needed=False)
    assert (found.password_hash, password) == ("", None)
    later, password = load(tmp_path / "d")
    assert password is not None
    assert (later.jwt_key, later.instance_id) == (found.jwt_key, found.instance_id)
    assert mode(tmp_path / "d" / "secrets.json") == 0o600


def test_secrets_do_not_show_themselves(tmp_path: Path) -> None:
    found, _ = load(tmp_path / "d")
    assert found.jwt_key.hex() not in repr(found)
    assert found.password_hash not in repr(found)


@pytest.mark.parametrize("loose", [0o640, 0o604, 0o660, 0o666])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, loose: int) -> None:
    load(tmp_path / "d")
    (tmp_path / "d" / "secrets.json").chmod(loose)
    with pytest.raises(ConfigError, match="others may read it; run `chmod 600"):
        load(tmp_path / "d")


@pytest.mark.parametrize("loose", [0o770, 0o702, 0o777])
def test_a_directory_where_others_may_write_is_refused(tmp_path: Path, loose: int) -> None:
    load(tmp_path / "d")
    (tmp_path / "d").chmod(loose)
    with pytest.raises(ConfigError, match="others may write here"):
        load(tmp_path / "d")


def test_a_link_is_refused_even_to_a_good_file(tmp_path: Path) -> None:
    load(tmp_path / "good")
    (tmp_path / "d").mkdir(mode=0o700)
    (tmp_path / "d" / "secrets.json").symlink_to(tmp_path / "good" / "secrets.json")
    with pytest.raises(ConfigError, match=r"secrets\.json"):
        load(tmp_path / "d")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "5",
        "{}",
        '{"version": 1, "jwt_key": "QQ==", "instance_id": "x", "password_hash": ""}',
        '{"version": 1, "jwt_key": 5, "instance_id": "x", "password_hash": ""}',
        "[" * 10_000,
    ],
)
def test_a_damaged_file_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    load(tmp_path / "d")
    path = tmp_path / "d" / "secrets.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match="damaged; restore it, or delete it"):
        load(tmp_path / "d")
    assert path.read_text() == text


def test_a_directory_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="file"):
        load(tmp_path / "file" / "d")
