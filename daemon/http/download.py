"""A file as an answer: type, validators, conditions, ranges (RFC 9110 sections 8.8, 13, 14)."""

import mimetypes
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

from quart import Response, request
from werkzeug.datastructures import Range
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.http import http_date, parse_range_header
from werkzeug.sansio.http import is_resource_modified

from daemon.http import encoding
from daemon.storage.file import FileInfo, OpenFile

CHUNK_BYTES = 256 * 1024
MIN_SECONDS = 30.0  # that a client may take for any file
MIN_RATE = 32 * 1024  # bytes a second that it must be able to take
Count = Callable[[int], None]

# what the standard library lacks, or has by another name than players know
_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".ts": "video/mp2t",
    ".m4s": "video/iso.segment",
    ".m4a": "audio/mp4",
    ".vtt": "text/vtt",
    ".webm": "video/webm",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
}


class ContentTypes:
    """File name -> Content-Type. ``file``: a ``mime.types`` whose lines win, if it exists."""

    def __init__(self, file: Path | None = None) -> None:
        self._types = mimetypes.MimeTypes()
        for suffix, kind in _TYPES.items():
            self._types.add_type(kind, suffix)
        if file is not None and file.is_file():
            self._types.read(str(file))

    def of(self, path: str) -> str:
        kind, encoding = self._types.guess_type(f"file://{path}")
        if kind is None or encoding is not None:
            return "application/octet-stream"
        is_text = kind.startswith("text/") or kind == "application/json"
        return f"{kind}; charset=utf-8" if is_text else kind


def send_bytes(data: bytes, content_type: str, headers: dict[str, str]) -> Response:
    """Answer with a text that was made for this request."""
    return Response(data, HTTPStatus.OK, headers, content_type=content_type)


async def send_file(
    file: OpenFile, content_type: str, *, cache: str, count: Count = lambda _: None
) -> Response:
    """Answer 200, 206, 304; ``count`` hears of the bytes that go out.

    Raises RequestedRangeNotSatisfiable. The file is closed when the answer is.
    """
    info = file.info
    is_packable = _is_packable(info, content_type)
    is_packed = is_packable and _wants_packed()
    headers = {
        "ETag": f'{info.etag[:-1]}-gzip"' if is_packed else info.etag,
        "Last-Modified": http_date(info.modified_at),
        "Accept-Ranges": "bytes",
        "Cache-Control": cache,
        "X-Content-Type-Options": "nosniff",
    }
    if is_packable:
        headers["Vary"] = "Accept-Encoding"
    if not _is_modified(info, headers["ETag"]):
        await file.close()
        response = Response(b"", HTTPStatus.NOT_MODIFIED, headers)
        del response.headers["Content-Type"]
        return response
    if is_packed:
        return await _send_packed(file, content_type, headers, count)
    try:
        begin, end, is_part = _wanted(info)
    except RequestedRangeNotSatisfiable:
        await file.close()
        raise
    status = HTTPStatus.PARTIAL_CONTENT if is_part else HTTPStatus.OK
    if is_part:
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{info.size_bytes}"
    if request.method == "HEAD":
        await file.close()
        response = Response(b"", status, headers, content_type=content_type)
    else:
        pieces = _pieces(file, begin, end, count)
        response = Response(pieces, status, headers, content_type=content_type)
        response.timeout = MIN_SECONDS + (end - begin) / MIN_RATE
    response.content_length = end - begin
    return response


def _is_packable(info: FileInfo, content_type: str) -> bool:
    is_small = info.size_bytes <= encoding.MAX_FILE_BYTES
    return is_small and encoding.is_worth_it(content_type, info.size_bytes)


def _wants_packed() -> bool:
    """Whether the whole file is wanted; HEAD names the length of the file itself."""
    is_whole = "Range" not in request.headers and request.method != "HEAD"
    return is_whole and encoding.takes_gzip()


async def _send_packed(
    file: OpenFile, content_type: str, headers: dict[str, str], count: Count
) -> Response:
    try:
        data = await encoding.pack(await file.read(0, file.info.size_bytes))
    finally:
        await file.close()
    count(len(data))
    response = Response(data, HTTPStatus.OK, headers, content_type=content_type)
    response.content_encoding = "gzip"
    response.timeout = MIN_SECONDS + len(data) / MIN_RATE
    return response


async def _pieces(file: OpenFile, begin: int, end: int, count: Count) -> AsyncIterator[bytes]:
    try:
        while begin < end:
            data = await file.read(begin, min(CHUNK_BYTES, end - begin))
            if not data:  # somebody cut it; the length that we promised is missing now
                raise ConnectionAbortedError(f"{file.info.path} got shorter")
            begin += len(data)
            yield data
            count(len(data))
    finally:
        await file.close()


def _is_modified(info: FileInfo, etag: str) -> bool:
    fields = request.headers
    return is_resource_modified(
        http_if_none_match=fields.get("If-None-Match"),
        http_if_modified_since=(
            None if "If-None-Match" in fields else fields.get("If-Modified-Since")
        ),
        etag=etag,
        last_modified=_second(info),
    )


def _wanted(info: FileInfo) -> tuple[int, int, bool]:
    """Give begin, end, and whether that is a part. Several ranges at once get the whole."""
    size = info.size_bytes
    wanted = parse_range_header(request.headers.get("Range"))
    if (
        wanted is None
        or wanted.units != "bytes"
        or len(wanted.ranges) != 1
        or not _is_same(info)
    ):
        return 0, size, False
    span = _span(wanted, size)
    if span is None:
        raise RequestedRangeNotSatisfiable(size, "bytes")
    return (*span, True)


def _span(wanted: Range, size: int) -> tuple[int, int] | None:
    begin, end = wanted.ranges[0]
    if begin < 0:  # the last so many bytes, which may be more than there are
        return (max(0, size + begin), size) if size else None
    return (begin, min(end or size, size)) if begin < size else None


def _is_same(info: FileInfo) -> bool:
    """If-Range: a part only of the file that the client has the rest of."""
    condition = request.if_range
    if condition.etag is not None:
        return f'"{condition.etag}"' == info.etag
    return condition.date is None or condition.date == _second(info)


def _second(info: FileInfo) -> datetime:
    return datetime.fromtimestamp(int(info.modified_at), UTC)
