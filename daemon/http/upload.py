"""Request bodies of any size: what nobody has read yet stays in the socket."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from http import HTTPStatus

from hypercorn.typing import ASGIReceiveCallable
from quart import Request as QuartRequest
from quart import Response, request
from quart.asgi import ASGIHTTPConnection
from quart.wrappers.request import Body
from werkzeug.exceptions import RequestTimeout

from daemon.storage.file import Filesystem

WAITING_BYTES = 256 * 1024  # of one body; the next piece is awaited when they are read
CHANGES = frozenset({"PUT", "POST", "PATCH", "DELETE"})
IDLE_SECONDS = 30.0  # without a byte; FFmpeg may think for a while between two packets

# sends "100 Continue" on the connection of the current request, if its client waits for that
go_on: ContextVar[Callable[[], Awaitable[None]] | None] = ContextVar("go_on", default=None)


class WaitingBody(Body):
    """A body that knows whether somebody wants it, and when there is room for more."""

    def __init__(
        self, expected_content_length: int | None, max_content_length: int | None
    ) -> None:
        super().__init__(expected_content_length, max_content_length)
        self._waiting = 0
        self._wanted = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def __anext__(self) -> bytes:
        self._wanted.set()
        data = await super().__anext__()
        self._waiting = 0
        self._room.set()
        return data

    def append(self, data: bytes) -> None:
        super().append(data)
        self._waiting += len(data)
        if self._waiting >= WAITING_BYTES:
            self._room.clear()

    async def wait_for_room(self) -> None:
        await self._room.wait()

    async def wait_for_reader(self) -> None:
        await self._wanted.wait()


class Request(QuartRequest):
    """Quart's request with a body that waits."""

    body_class = WaitingBody
    body: WaitingBody


class Connection(ASGIHTTPConnection):
    """Quart's, but it takes a piece of the body only when there is room for it.

    A change that was sent whole is made, whether its client waits for the answer or not:
    FFmpeg hangs up after the last byte of a file.
    """

    async def handle_messages(  # type: ignore[override]
        self, request: Request, receive: ASGIReceiveCallable
    ) -> None:
        if "Expect" in request.headers:
            # who is refused must not have sent its body, or it believes that it was taken
            await request.body.wait_for_reader()
            if (release := go_on.get()) is not None:
                await release()
        is_whole = False
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                if is_whole and request.method in CHANGES:
                    await asyncio.Event().wait()  # until the route is done, which cancels us
                return
            if message["type"] == "http.request":
                request.body.append(message["body"])
                if not message["more_body"]:
                    is_whole = True
                    request.body.set_complete()
                await request.body.wait_for_room()


async def receive_file(filesystem: Filesystem, path: str) -> tuple[Response, int]:
    """Store the body of this request; 201 if the file is new, else 204, and its size.

    Who goes away in the middle leaves the file as it was. Raises StorageFullError.
    """
    upload = await filesystem.upload(path)
    size = 0
    try:
        pieces = aiter(request.body)
        while True:
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    data = await anext(pieces, None)
            except TimeoutError:
                raise RequestTimeout("The body stopped arriving.") from None
            if data is None:
                break
            size += len(data)
            await upload.write(data)
        is_new = await upload.commit()
    finally:
        await upload.abort()
    response = Response(b"", HTTPStatus.CREATED if is_new else HTTPStatus.NO_CONTENT)
    del response.headers["Content-Type"]
    return response, size
