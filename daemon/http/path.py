"""Request targets: routed as they were sent, each segment decoded once (RFC 3986, 2.4).

A server decodes ``%2F`` in ``scope["path"]`` before anyone can match it, so an id with a slash
would look like two segments. Routing goes by ``raw_path`` here, and ``Segment`` decodes.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from werkzeug.exceptions import BadRequest
from werkzeug.routing import BaseConverter

MAX_SEGMENT = 2048  # bytes as sent; an id of 128 characters of four bytes takes 1536
MAX_FILE_PATH = 4096
BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
ABSOLUTE_FORM = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")


class Segment(BaseConverter):
    """One path segment, decoded once: ``a%2Fb`` is ``a/b``, ``a%252Fb`` is ``a%2Fb``."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        return decode_segment(value)


class FilePath(BaseConverter):
    """The rest of a path, decoded once: ``a%2Fb/c`` is ``/a/b/c``."""

    regex = ".+"
    part_isolating = False

    def to_python(self, value: str) -> str:
        return "/" + decode_segment(value, MAX_FILE_PATH)


class PublicPath(FilePath):
    """The same, but not what belongs to the API or to memory."""

    regex = "(?!(?:api|memfs)(?:/|$)).+"


def decode_segment(value: str, limit: int = MAX_SEGMENT) -> str:
    """Percent-decode a segment. Raises BadRequest for what is no UTF-8 text."""
    if len(value) > limit or BROKEN_ESCAPE.search(value):
        raise BadRequest("A part of the path is too long or has a broken escape.")
    try:
        return unquote_to_bytes(value).decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("A part of the path is not UTF-8.") from None


def raw_path(scope: Mapping[str, Any]) -> str:
    """Give the path as sent: ASCII, without scheme and host, never empty."""
    sent: bytes | None = scope.get("raw_path")
    if sent is None:  # an ASGI server may leave it out; then nothing better is known
        return str(scope["path"])
    text = sent.partition(b"?")[0].decode("ascii", "backslashreplace")
    path = ABSOLUTE_FORM.sub("", text)
    return path if path.startswith("/") else f"/{path}"
