"""Secrets: what the first run makes for itself, in a file that only our user can read.

Separate from the TOML file, so that one can be shown, copied and put under version control.
"""

import base64
import binascii
import json
import os
import secrets
import stat
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from daemon.errors import ConfigError

FILE_NAME = "secrets.json"
KEY_BYTES = 32
_PASSWORD_BYTES = 12  # 96 bits: nobody guesses it, and it can be typed
_MAX_FILE = 64 * 1024
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """``password_hash`` is "" until a password had to be made."""

    jwt_key: bytes
    instance_id: str
    password_hash: str = ""


def load_secrets(
    directory: Path, *, hash_password: Callable[[str], str], is_password_needed: bool
) -> tuple[Secrets, str | None]:
    """Read the secrets, or make what is missing; blocks.

    The second value is a new administrator's password, to be shown once and never logged, if
    one was needed and there was none. Raises ConfigError if others could have read or changed
    the directory or the file.
    """
    try:
        _make_private(directory)
        path = directory / FILE_NAME
        found = _read(path)
        if found is None:
            fresh = Secrets(secrets.token_bytes(KEY_BYTES), str(uuid.uuid4()))
            found = _create(path, fresh)
        if found.password_hash or not is_password_needed:
            return found, None
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        found = replace(found, password_hash=hash_password(password))
        _write_temporary(path, found).replace(path)
        _sync(directory)
    except OSError as error:
        raise ConfigError(f"{error.filename or directory}: {error.strerror}") from error
    return found, password


def _make_private(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = directory.stat()
    if status.st_uid != os.geteuid():
        raise ConfigError(f"{directory}: belongs to another user (db.dir must be ours)")
    if status.st_mode & _OTHERS_WRITE:
        raise ConfigError(f"{directory}: others may write here; run `chmod 700 {directory}`")


def _read(path: Path) -> Secrets | None:
    try:
        with open(path, "rb", opener=_open_private) as file:
            _check_private(path, os.fstat(file.fileno()))
            data = file.read(_MAX_FILE)
    except FileNotFoundError:
        return None
    try:
        return _decode(json.loads(data))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ConfigError(
            f"{path}: damaged; restore it, or delete it to get new secrets (all tokens end)"
        ) from None


def _check_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"{path}: not a regular file")
    if status.st_uid != os.geteuid():
        raise ConfigError(f"{path}: belongs to another user")
    if status.st_mode & _OTHERS:
        raise ConfigError(f"{path}: others may read it; run `chmod 600 {path}`")


def _create(path: Path, fresh: Secrets) -> Secrets:
    """Put the file there unless somebody else just did; never overwrite one."""
    temporary = _write_temporary(path, fresh)
    try:
        os.link(temporary, path)
    except FileExistsError:
        found = _read(path)
        assert found is not None, "nobody but us deletes it"
        return found
    finally:
        temporary.unlink()
    _sync(path.parent)
    return fresh


def _write_temporary(path: Path, value: Secrets) -> Path:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    with open(temporary, "xb", opener=_open_private) as file:
        file.write(json.dumps(_encode(value), indent=2).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return temporary


def _open_private(name: str, flags: int) -> int:
    """Follow no link, hang on no FIFO, and let nobody else read what is new."""
    return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)


def _encode(value: Secrets) -> dict[str, Any]:
    return {
        "version": 1,
        "instance_id": value.instance_id,
        "jwt_key": base64.b64encode(value.jwt_key).decode(),
        "password_hash": value.password_hash,
    }


def _decode(body: Any) -> Secrets:
    """Decode what we wrote; anything else raises ValueError, KeyError or TypeError."""
    try:
        key = base64.b64decode(body["jwt_key"], validate=True)
    except binascii.Error:
        raise ValueError(FILE_NAME) from None
    instance_id, password_hash = body["instance_id"], body["password_hash"]
    if body["version"] != 1 or len(key) != KEY_BYTES or not isinstance(password_hash, str):
        raise ValueError(FILE_NAME)
    return Secrets(key, str(uuid.UUID(instance_id)), password_hash)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
