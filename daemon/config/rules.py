"""What one value of the configuration must be: types that refuse in the operator's words."""

import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, StrictBool, StrictInt, StrictStr
from pydantic_core import PydanticCustomError

MAX_PORT = 65535
MAX_INT = 2**31 - 1
MIN_KEY = 16  # characters; a shorter HMAC key can be guessed from one token (RFC 8725 3.5)
_IP = "an IP address such as 203.0.113.7"


def refuse(why: str) -> PydanticCustomError:
    """Build an error whose text reaches the user as it is, braces too."""
    return PydanticCustomError("refused", "{why}", {"why": why})


def split_address(text: str) -> tuple[str, int]:
    """Host and port of ``host:port``, ``[v6]:port`` or ``:port``. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if ip_address(host).version != 6:
            raise ValueError(text)
    elif ":" in host:
        raise ValueError(text)
    is_number = port.isascii() and port.isdigit() and len(port) <= 5
    if not colon or not is_number or int(port) > MAX_PORT or re.search(r"[\s/@\[\]]", host):
        raise ValueError(text)
    return host, int(port)


def is_loopback(address: str) -> bool:
    """Whether ``host:port`` listens to this machine only. An empty host is every address."""
    host, _ = split_address(address)
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def between(low: int, high: int = MAX_INT) -> AfterValidator:
    """Allow whole numbers from ``low`` to ``high``, both included."""

    def check(value: int) -> int:
        if not low <= value <= high:
            span = f"{low} to {high}" if high != MAX_INT else f"{low} or more"
            raise refuse(f"must be {span}, not {value}")
        return value

    return AfterValidator(check)


def one_of(*words: str) -> AfterValidator:
    """Allow a few words."""

    def check(value: str) -> str:
        if value not in words:
            raise refuse(f"must be one of {', '.join(words)}; not {shorten(value)}")
        return value

    return AfterValidator(check)


def _text(check: Callable[[str], Any], what: str) -> AfterValidator:
    """Turn any ValueError of ``check`` into "must be <what>"."""

    def validate(value: str) -> str:
        try:
            check(value)
        except (ValueError, re.error):
            raise refuse(f"must be {what}, not {shorten(value)}") from None
        return value

    return AfterValidator(validate)


def _optional(check: Callable[[str], Any]) -> Callable[[str], None]:
    def validate(value: str) -> None:
        if value:
            check(value)

    return validate


def _check_host(value: str) -> None:
    """Accept an address or a name; whether the name resolves is seen when it's needed."""
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", value):
        ip_address(value)


def _check_origin(value: str) -> None:
    if value != "*" and not re.fullmatch(r"https?://[^\s/?#@]+", value):
        raise ValueError(value)


def _check_exact_origin(value: str) -> None:
    """Accept nothing with a meaning of its own in a Content-Security-Policy."""
    if not re.fullmatch(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?", value):
        raise ValueError(value)


def _check_network(value: str) -> None:
    ip_network(value, strict=False)


def _check_printable(value: str) -> None:
    if not value.isprintable():
        raise ValueError(value)


def _check_secret(value: str) -> str:
    """Like Text, but the message never shows the value."""
    if not value.isprintable():
        raise refuse("must be printable text")
    return value


def _check_key(value: str) -> str:
    _check_secret(value)
    if 0 < len(value) < MIN_KEY:
        raise refuse(f"must have at least {MIN_KEY} characters (leave it empty to use our own)")
    return value


def _as_items(value: Any) -> Any:
    """Allow arrays, and nothing else that can merely be walked through."""
    if not isinstance(value, list | tuple):
        raise refuse(f"must be a list, not {kind_of(value)}")
    return value


def shorten(value: str) -> str:
    """Show a value in an error message: quoted, escaped, not longer than a line."""
    return repr(value if len(value) <= 60 else value[:57] + "...")


def kind_of(value: Any) -> str:
    """Name a value in the words of someone who writes TOML; a long one is cut."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the text {shorten(value)}"
    if isinstance(value, int | float):
        return f"the number {value}"
    names = {list: "a list", tuple: "a list", dict: "a table", type(None): "nothing"}
    return names.get(type(value), f"a {type(value).__name__}")


Flag = StrictBool
Int = StrictInt
Str = StrictStr
Secret = Annotated[StrictStr, AfterValidator(_check_secret)]
SigningKey = Annotated[StrictStr, AfterValidator(_check_key)]
Text = Annotated[StrictStr, _text(_check_printable, "printable text")]
Port = Annotated[StrictInt, between(0, MAX_PORT)]
Count = Annotated[StrictInt, between(0)]
Address = Annotated[StrictStr, _text(split_address, "host:port, [IPv6]:port or :port")]
Ip = Annotated[StrictStr, _text(ip_address, _IP)]
HostOrEmpty = Annotated[
    StrictStr,
    _text(_optional(_check_host), "an IP address or a host name, such as 203.0.113.7"),
]
Network = Annotated[StrictStr, _text(_check_network, "a network such as 10.0.0.0/8")]
Pattern = Annotated[StrictStr, _text(re.compile, "a regular expression")]
Origin = Annotated[StrictStr, _text(_check_origin, "* or an origin like https://example.org")]
ExactOrigin = Annotated[
    StrictStr, _text(_check_exact_origin, "an origin like https://example.org")
]
Items = BeforeValidator(_as_items)
Texts = Annotated[tuple[Text, ...], Items]
Networks = Annotated[tuple[Network, ...], Items]
Patterns = Annotated[tuple[Pattern, ...], Items]
Origins = Annotated[tuple[Origin, ...], Items]
ExactOrigins = Annotated[tuple[ExactOrigin, ...], Items]
Ips = Annotated[tuple[Ip, ...], Items]
