"""A listener's queue: newer replaces older, and too much ends it."""

import json

from daemon.http import sse
from daemon.http.sse import Listener, encode


async def test_an_event_is_one_line_of_data_whatever_is_in_it() -> None:
    encoded = encode("note", {"text": "a\nb\r\u2028", "event": "x"}).decode()
    name, data, *rest = encoded.split("\n")
    assert (name, rest) == ("event: note", ["", ""])
    assert json.loads(data.removeprefix("data: "))["text"] == "a\nb\r\u2028"


async def test_what_was_not_taken_is_replaced_by_what_is_newer() -> None:
    listener = Listener()
    listener.put("a", b"a1")
    listener.put("b", b"b1")
    listener.put("a", b"a2")
    chunks = listener.chunks()
    assert await anext(chunks) == b"retry: 1000\n\n"
    assert await anext(chunks) == b"b1a2"


async def test_after_the_end_comes_the_reason_and_nothing_more() -> None:
    listener = Listener()
    listener.put("a", b"a1")
    listener.end("shutdown")
    listener.end("again")
    listener.put("a", b"a2")
    told = [chunk async for chunk in listener.chunks()]
    assert told[1:] == [b"a1" + encode("end", {"reason": "shutdown"})]


async def test_who_lets_too_much_pile_up_is_sent_away() -> None:
    listener = Listener()
    listener.put("all", bytes(2 * sse.MAX_PENDING))  # at the beginning as much as there is
    chunks = listener.chunks()
    await anext(chunks)
    assert len(await anext(chunks)) == 2 * sse.MAX_PENDING
    for key in range(3):
        listener.put(str(key), bytes(sse.MAX_PENDING // 2))
    assert listener.end_reason == "slow"
    assert [chunk async for chunk in chunks] == [encode("end", {"reason": "slow"})]


async def test_replacing_does_not_count_twice() -> None:
    listener = Listener()
    chunks = listener.chunks()
    await anext(chunks)
    listener.put("b", b"b1")
    await anext(chunks)
    for _ in range(10):
        listener.put("a", bytes(sse.MAX_PENDING // 2))
    assert not listener.end_reason
