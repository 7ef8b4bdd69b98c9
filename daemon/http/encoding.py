"""Encoding: which answers travel by gzip, as datarhei Core's do (a.1; RFC 9110 section 8.4).

Never by it: what is packed already, parts of files, event streams and WHEP. Level 1, for
packing takes place while somebody waits, and better levels save a tenth at twice the price.
"""

import asyncio
import gzip

from quart import Response, request
from quart.wrappers.response import DataBody

MIN_BYTES = 1000  # datarhei Core's; below that a packet is a packet
MAX_FILE_BYTES = 1024 * 1024  # of a file, which is packed as a whole, in memory
LEVEL = 1
THREAD_BYTES = 64 * 1024  # what takes a millisecond or more is packed beside the loop

_TYPES = frozenset(
    {
        "application/dash+xml",
        "application/javascript",
        "application/json",
        "application/problem+json",
        "application/vnd.apple.mpegurl",
        "application/xml",
        "image/svg+xml",
    }
)


def takes_gzip() -> bool:
    """Whether the client can read it."""
    return request.accept_encodings.quality("gzip") > 0


def is_worth_it(content_type: str, size: int) -> bool:
    """Whether a body of this type and size gets smaller by much."""
    kind = content_type.partition(";")[0]
    is_text = kind.startswith("text/") and kind != "text/event-stream"
    return size >= MIN_BYTES and (is_text or kind in _TYPES)


async def pack(data: bytes) -> bytes:
    """Pack a body."""
    if len(data) < THREAD_BYTES:
        return gzip.compress(data, LEVEL, mtime=0)
    return await asyncio.to_thread(gzip.compress, data, LEVEL, mtime=0)


async def finish(response: Response) -> Response:
    """Pack an answer that was made for this request; what has an ETag saw to it itself."""
    fields = response.headers
    body = response.response
    if (
        not isinstance(body, DataBody)
        or not is_worth_it(fields.get("Content-Type", ""), len(body.data))
        or request.path.startswith("/api/login")  # tokens: their size should tell nothing
        or "ETag" in fields
        or "Content-Encoding" in fields
    ):
        return response
    response.vary.add("Accept-Encoding")
    if takes_gzip() and request.method != "HEAD":
        response.set_data(await pack(body.data))
        response.content_encoding = "gzip"
    return response
