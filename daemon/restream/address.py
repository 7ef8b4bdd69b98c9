"""Addresses as FFmpeg understands them: schemes, files, the parts of a tee; pure text.

Compare ``file_path`` results by their components, never as strings (F5).
"""

import os.path
import re
import socket
from collections.abc import Iterable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from pathlib import Path
from urllib.parse import urlsplit

from daemon.errors import InvalidError

Network = IPv4Network | IPv6Network

_SCHEME = re.compile(r"([A-Za-z0-9+.\-]+):")
_TEE_PART = re.compile(r"\s*(?:\[[^\]]*\])?(.*)", re.DOTALL)
_UNESCAPED_BAR = re.compile(r"(?<!\\)\|")


def check_text(text: str, *, is_address: bool = True) -> None:
    """Raise InvalidError for what can't be an argument, or shouldn't be an address."""
    if "\0" in text:
        raise InvalidError("it contains a NUL")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidError("it is not valid Unicode")
    if is_address and not text.strip():
        raise InvalidError("it is empty")
    if is_address and ("\n" in text or "\r" in text):
        raise InvalidError("it contains a line break")


def scheme(address: str) -> str:
    """Give the scheme in lower case, without what is nested in it; "" for a plain path.

    FFmpeg takes ``hls+http://`` for hls, and ``udp:host`` for a URL too.
    """
    match = _SCHEME.match(address)
    return match[1].lower().partition("+")[0] if match else ""


def is_url(address: str) -> bool:
    """Whether it has a scheme with slashes, as what has a host does."""
    return "://" in address and bool(scheme(address))


def normalise(address: str) -> str:
    """Give the form that allow and block lists are compared with."""
    if address == "-":
        return "pipe:"
    match = _SCHEME.match(address)
    return match[0].lower() + address[match.end() :] if match else f"file:{address}"


def check_url(address: str) -> None:
    """Raise InvalidError if host and port can't be told apart."""
    try:
        urlsplit(address)
    except ValueError as problem:
        raise InvalidError(f"it is no URL ({problem})") from None


def host(address: str) -> str:
    """Give the host's name of a URL, in lower case; "" without one."""
    try:
        return (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        return ""


def literal_host(address: str) -> IPv4Address | IPv6Address | None:
    """Give the host if it is a number in any form that a resolver takes, such as ``127.1``."""
    return _number(host(address))


def _number(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        try:
            return IPv4Address(socket.inet_aton(text)) if text else None
        except OSError:
            return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def check_networks(address: str, refused: Iterable[Network]) -> None:
    """Raise InvalidError if the host is a number within one of these networks."""
    number = literal_host(address)
    if number is not None and _is_refused(number, refused):
        raise InvalidError(f"{number} is in a network that is refused by the configuration")


def check_found(name: str, found: Iterable[str], refused: Iterable[Network]) -> None:
    """Raise InvalidError if one of the addresses ``found`` for a name is within them."""
    refused = tuple(refused)
    for number in map(_number, found):
        if number is not None and _is_refused(number, refused):
            raise InvalidError(
                f"{name} is {number}, in a network that is refused by the configuration"
            )


def _is_refused(number: IPv4Address | IPv6Address, refused: Iterable[Network]) -> bool:
    """Look; to connect to 0.0.0.0 or [::] is to connect to this machine."""
    forms = {number}
    if number.is_unspecified:
        forms |= {IPv4Address("127.0.0.1"), IPv6Address("::1")}
    return any(form in network for network in refused for form in forms)


def check_private(address: str, directories: Iterable[Path]) -> None:
    """Raise InvalidError for a file below one of these directories, links followed."""
    path = Path(_strip_file(address)).resolve()
    if any(path.is_relative_to(directory) for directory in directories):
        raise InvalidError(f"{path} is private")


def find_file(address: str, roots: Sequence[Path]) -> str:
    """Give the full path of a file to read, symbolic links followed.

    A relative path is taken from the first of ``roots``. Raises InvalidError outside of all.
    """
    path = (roots[0] / _strip_file(address)).resolve()
    if not any(path.is_relative_to(root) for root in roots):
        raise InvalidError(f"{path} is in none of the directories of ffmpeg.access.input.dirs")
    return str(path)


def is_tee(address: str) -> bool:
    """Whether the tee muxer would see more than one output, or options."""
    return "|" in address or address.startswith("[")


def tee_parts(address: str) -> list[str]:
    """Give the addresses in a tee output, without their ``[options]`` and one escaping."""
    parts = []
    for part in _UNESCAPED_BAR.split(address):
        match = _TEE_PART.fullmatch(part)
        assert match is not None, "the pattern ends with .*"
        parts.append(re.sub(r"\\(.)", r"\1", match[1]).strip())
    return parts


def place_file(address: str, directory: Path) -> str:
    """Give the full path of a file to write, symbolic links followed; devices as they are.

    A relative path is taken from ``directory``. Raises InvalidError outside of it.
    """
    path = os.path.normpath(directory / _strip_file(address))
    if path.startswith("/dev/"):
        return path
    # Resolved again at each start; what FFmpeg gets has no link left that could move meanwhile
    resolved, root = Path(path).resolve(), directory.resolve()
    if not resolved.is_relative_to(root):
        raise InvalidError(f"{path} is not inside of {directory}")
    return str(resolved)


def is_absolute_file(address: str) -> bool:
    """Whether the path doesn't depend on the working directory."""
    return _strip_file(address).startswith("/")


def _strip_file(address: str) -> str:
    stripped = address[5:] if scheme(address) == "file" else address
    return f"/{stripped.lstrip('/')}" if stripped.startswith("/") else stripped
