"""The saved login: one file of mode 0600, and where credentials may be sent at all (K5)."""

import fcntl
import ipaddress
import json
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from dragonctl.errors import ClientError, ExitCode

FILE_NAME = "login.json"
MAX_FILE = 64 * 1024  # bytes; two tokens are two thousand


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are at one server. ``is_insecure``: the user allowed plain http to it."""

    url: str
    username: str = ""
    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    is_insecure: bool = False


def directory(environ: Mapping[str, str]) -> Path:
    """Give the user's directory for our settings (XDG Base Directory Specification)."""
    base = environ.get("XDG_CONFIG_HOME", "")
    return (Path(base) if base.startswith("/") else _home() / ".config") / "dragonctl"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a container's user has neither HOME nor a line in /etc/passwd
        return Path("/nonexistent")


def load(place: Path) -> Login | None:
    """Read the saved login; None if there is none. Raises ClientError if others may read it."""
    path = place / FILE_NAME
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error.strerror or "can't be opened") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            raise _unusable(path, "is not a file of yours")
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            text = f"others may read {path}: run `chmod 600 {path}`, then log in anew"
            raise ClientError(text, ExitCode.UNREACHABLE)
        data = file.read(MAX_FILE)
    return _parse(data, path)


def save(place: Path, login: Login) -> None:
    """Write the login for this user only; readers see the old file or the new one."""
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = place / f".{FILE_NAME}.{secrets.token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(temporary, flags, 0o600), "w", encoding="utf-8") as file:
                json.dump({"version": 1} | asdict(login), file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(place / FILE_NAME)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        text = f"the login can't be saved in {place}: {error.strerror}"
        raise ClientError(text) from None


def delete(place: Path) -> bool:
    """Forget the login; False if there was none."""
    path = place / FILE_NAME
    existed = path.is_symlink() or path.exists()
    path.unlink(missing_ok=True)
    return existed


@contextmanager
def locked(place: Path) -> Iterator[None]:
    """Hold the right to renew tokens: two refreshes with one token would end the login."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (place / "login.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def check_url(text: str) -> str:
    """Give a server's address in its normal form. Raises ClientError."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as error:
        raise ClientError(f"{text!r} is no address: {error}", ExitCode.USAGE) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        why = "an address looks like http://127.0.0.1:8080 or https://host"
        raise ClientError(f"{text!r} is no address of a server: {why}", ExitCode.USAGE)
    if parts.username is not None or parts.query or parts.fragment:
        why = "give the address without user, password and query"
        raise ClientError(f"{why}; `dragonctl login` asks for them", ExitCode.USAGE)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    place = host if port is None else f"{host}:{port}"
    return urlunsplit((parts.scheme, place, parts.path.rstrip("/"), "", ""))


def check_transport(url: str, *, is_insecure: bool) -> None:
    """Refuse to send credentials where everybody on the way can read them."""
    parts = urlsplit(url)
    if parts.scheme == "https" or is_insecure or is_loopback(parts.hostname or ""):
        return
    text = f"{url} is plain http to another machine, so everybody on the way could read"
    advice = "use https, or say `dragonctl --insecure …` if you trust the network"
    raise ClientError(f"{text} the password: {advice}", ExitCode.USAGE)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, without asking a name server."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _parse(data: bytes, path: Path) -> Login:
    try:
        body = json.loads(data)
        texts = [body[name] for name in ("url", "username", "access_token", "refresh_token")]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _unusable(path, "is damaged") from None
    if not all(isinstance(text, str) for text in texts):
        raise _unusable(path, "is damaged")
    return Login(
        url=check_url(texts[0]),
        username=texts[1],
        access_token=texts[2],
        refresh_token=texts[3],
        is_insecure=body.get("is_insecure") is True,
    )


def _unusable(path: Path, why: str) -> ClientError:
    text = f"the saved login {path} {why}: delete it and run `dragonctl login URL`"
    return ClientError(text, ExitCode.UNREACHABLE)
