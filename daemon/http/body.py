"""Request bodies and headers, bounded in bytes, time and depth; what breaks a bound is said."""

import asyncio
import json
import math
from typing import Any, NoReturn

from quart import current_app, request
from werkzeug.exceptions import (
    RequestEntityTooLarge,
    RequestHeaderFieldsTooLarge,
    RequestTimeout,
)

from daemon.errors import InvalidError

MAX_CONFIG = 256 * 1024
MAX_DEPTH = 16  # objects and arrays inside each other
MAX_HEADERS = 100
MAX_HEADER_BYTES = 16 * 1024


def check_headers() -> None:
    """At most 100 header fields and 16 KiB. The server's own limit is one read, not exact."""
    fields = list(request.scope["headers"])
    size = sum(len(name) + len(value) + 4 for name, value in fields)  # ": " and CRLF
    if len(fields) > MAX_HEADERS or size > MAX_HEADER_BYTES:
        raise RequestHeaderFieldsTooLarge("The header is larger than 100 fields or 16 KiB.")


def media_type() -> str:
    """Give the Content-Type in lower case, without parameters."""
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


async def read(limit: int) -> bytes:
    """Read the whole body, at most ``limit`` bytes, within the body timeout."""
    if (request.content_length or 0) > limit:
        _too_large(limit)
    received = bytearray()
    try:
        async with asyncio.timeout(current_app.config["BODY_TIMEOUT"]):
            async for chunk in request.body:
                received += chunk
                if len(received) > limit:
                    _too_large(limit)
    except TimeoutError:
        raise RequestTimeout("The body did not arrive in time.") from None
    return bytes(received)


async def read_json(limit: int = MAX_CONFIG) -> Any:
    """Read the body as JSON. Raises InvalidError with datarhei's words."""
    if not media_type().startswith("application/json"):
        _invalid("request doesn't contain JSON content")
    data = await read(limit)
    if not data:
        _invalid("request doesn't contain any content")
    return parse_json(data)


def parse_json(data: bytes) -> Any:
    """JSON text (RFC 8259): UTF-8, no NaN, at most 16 deep, no lone surrogate."""
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_refuse, parse_float=_float)
    except json.JSONDecodeError as error:
        _invalid(f"line {error.lineno}, character {error.colno}: {error.msg}")
    except (ValueError, RecursionError):  # not UTF-8, NaN, a number of 5000 digits, too deep
        _invalid("not UTF-8, nested too deeply, or a number out of range")
    _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    """Also refuses text that could never be written back as UTF-8."""
    rest = [(value, 1)]
    while rest:
        item, depth = rest.pop()
        if isinstance(item, str) and not item.isascii():
            _check_text(item)
        if isinstance(item, dict | list) and depth > MAX_DEPTH:
            _invalid(f"objects and arrays are nested deeper than {MAX_DEPTH}")
        if isinstance(item, dict):
            rest += [(part, depth + 1) for pair in item.items() for part in pair]
        elif isinstance(item, list):
            rest += [(part, depth + 1) for part in item]


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        _invalid("a string has half of a surrogate pair")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)


def _invalid(why: str) -> NoReturn:
    raise InvalidError("Invalid JSON", details=[why], reason="invalid-json")


def _too_large(limit: int) -> NoReturn:
    raise RequestEntityTooLarge(f"The body is larger than {limit} bytes.")
