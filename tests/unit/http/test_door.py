"""What the server lets through to the application."""

from http import HTTPStatus
from typing import Any

import pytest
from hypercorn.typing import HTTPScope

from daemon.http.door import Door, refuse


def scope(version: str = "1.1", **headers: str) -> HTTPScope:
    fields = [
        (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
    ]
    made: Any = {
        "type": "http",
        "http_version": version,
        "method": "GET",
        "raw_path": b"/x",
        "query_string": b"",
        "headers": fields,
        "client": None,
    }
    return made  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (scope(), None),
        (scope("1.0"), None),
        (scope(content_length="5"), None),
        (scope(transfer_encoding="chunked"), None),
        (scope(content_length="5", transfer_encoding="chunked"), HTTPStatus.BAD_REQUEST),
        (scope(Content_Length="5", TRANSFER_ENCODING="chunked"), HTTPStatus.BAD_REQUEST),
        (scope("2"), HTTPStatus.MISDIRECTED_REQUEST),
        (scope("3"), HTTPStatus.MISDIRECTED_REQUEST),
    ],
)
def test_the_door_knows_what_it_refuses(made: HTTPScope, expected: HTTPStatus | None) -> None:
    assert refuse(made) is expected


async def test_a_refused_request_never_reaches_the_application() -> None:
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError(scope)

    async def send(event: Any) -> None:
        sent.append(event)

    door: Any = Door(app)
    await door(scope("2"), None, send)
    await door({"type": "websocket"}, None, send)
    await door({"type": "lifespan"}, None, send)
    assert [event["type"] for event in sent] == [
        "http.response.start",
        "http.response.body",
        "websocket.close",
    ]
    assert sent[0]["status"] == 421
