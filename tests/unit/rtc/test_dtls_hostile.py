"""dtls: a bad wire, bad intentions, or both; and the end of a connection."""

import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daemon.rtc.dtls import Closed, Connected, Dtls, State
from tests.unit.rtc.dtls_client import (
    CERTIFICATE,
    Client,
    connected,
    drain,
    events,
    exchange,
    pair,
    reason,
)

PLAIN_ALERT = struct.pack("!BHHIHH", 21, 0xFEFD, 0, 0, 99, 2) + b"\x02\x28"
CLOSE_NOTIFY = struct.pack("!BHHIHH", 21, 0xFEFD, 0, 0, 99, 2) + b"\x01\x00"

GARBAGE = [
    b"",
    b"\x16",
    b"\x16\xfe\xfd" + bytes(10)[:-1],
    b"\x16\xfe\xfd\0\0\0\0\0\0\0\0\xff\xff" + bytes(50),
    b"\x18\xfe\xfd" + bytes(8) + b"\0\1\0",
    b"\x16\x03\x03" + bytes(8) + b"\0\1\0",
    bytes(1500),
    b"\xff" * 65_507,
]


@pytest.mark.parametrize("data", GARBAGE)
def test_garbage_is_counted_before_and_after_the_handshake(data: bytes) -> None:
    client, server = pair()
    server.receive_datagram(data, 0.0)
    exchange(client, server)
    assert server.state is State.CONNECTED
    server.receive_datagram(data, 0.0)
    assert server.counters["garbage"] == 2
    assert server.state is State.CONNECTED


@pytest.mark.parametrize("data", [PLAIN_ALERT, CLOSE_NOTIFY])
def test_nobody_ends_a_connected_viewer_with_a_plain_alert(data: bytes) -> None:
    client, server = connected()
    server.receive_datagram(data, 1.0)
    assert events(server) == []
    assert server.counters["garbage"] == 1
    forged = data[:3] + b"\0\1" + data[5:]  # says that it's encrypted
    server.receive_datagram(forged, 1.0)
    assert events(server) == []
    for data_out in client.close():
        server.receive_datagram(data_out, 2.0)
    assert reason(server) == "close-notify"


def test_an_alert_during_the_handshake_says_that_the_viewer_refuses() -> None:
    client, server = pair()
    for data in client.take():
        server.receive_datagram(data, 0.0)
    server.receive_datagram(PLAIN_ALERT, 0.1)
    assert reason(server) == "alert"


def test_the_viewers_close_notify_closes_and_is_answered_once() -> None:
    client, server = connected()
    [goodbye] = client.close()
    server.receive_datagram(goodbye, 1.0)
    assert events(server) == [Closed("close-notify")]
    [answer] = drain(server)
    client.connection.bio_write(answer)
    assert client.hear() == "closed"
    server.receive_datagram(goodbye, 1.0)
    server.close(1.0)
    assert drain(server) == []
    assert events(server) == []


def test_our_close_tells_the_viewer_at_once() -> None:
    client, server = connected()
    server.close(1.0)
    assert server.state is State.CLOSED
    [goodbye] = drain(server)
    client.connection.bio_write(goodbye)
    assert client.hear() == "closed"
    assert events(server) == []
    server.close(2.0)
    assert drain(server) == []


def test_closing_before_the_handshake_says_nothing() -> None:
    client, server = pair()
    for data in client.take():
        server.receive_datagram(data, 0.0)
    drain(server)
    server.close(0.1)
    assert drain(server) == []
    assert server.next_timeout() is None
    server.handle_timeout(20.0)
    assert events(server) == []


def test_application_data_is_counted_and_dropped() -> None:
    client, server = connected()
    for data in client.say(b"sctp") + client.say(b"sctp"):
        server.receive_datagram(data, 1.0)
    assert server.counters["application_data"] == 2
    assert server.state is State.CONNECTED
    assert drain(server) == []


def test_a_replayed_record_does_nothing() -> None:
    client, server = connected()
    [data] = client.say(b"sctp")
    server.receive_datagram(data, 1.0)
    server.receive_datagram(data, 1.0)
    assert server.counters["application_data"] == 1


def test_a_client_hello_after_the_handshake_starts_nothing() -> None:
    server = connected()[1]
    [hello] = Client().take()
    server.receive_datagram(hello, 1.0)
    assert drain(server) == []
    assert server.state is State.CONNECTED


_RECORDS = st.builds(
    lambda kind, epoch, number, body: (
        struct.pack("!BHHIHH", kind, 0xFEFD, epoch, 0, number, len(body)) + body
    ),
    st.integers(20, 26),
    st.integers(0, 2),
    st.integers(0, 100),
    st.binary(max_size=60),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(_RECORDS, st.binary(max_size=80)), max_size=6))
@example([b"\x16\xfe\xfd" + bytes(8) + b"\0\0\0"])
def test_a_handshake_meets_any_bytes_with_silence_an_alert_or_its_end(
    datagrams: list[bytes],
) -> None:
    server = Dtls(CERTIFICATE, [("sha-256", bytes(32))], 0.0)
    for data in datagrams:
        server.receive_datagram(data, 0.0)
    assert all(len(data) <= 15 for data in drain(server))
    assert len(events(server)) == (server.state is State.CLOSED)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(_RECORDS, st.binary(max_size=80)), min_size=1, max_size=6))
def test_no_bytes_from_a_stranger_touch_a_connected_viewer(datagrams: list[bytes]) -> None:
    client, server = connected()
    for data in datagrams:
        server.receive_datagram(data, 1.0)
    assert events(server) == []
    assert drain(server) == []
    for data in client.close():
        server.receive_datagram(data, 2.0)
    assert reason(server) == "close-notify"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1), st.integers(0, 700), st.integers(1, 255), st.booleans())
def test_a_flight_that_was_changed_on_the_way_never_connects_a_wrong_viewer(
    flight: int, position: int, change: int, is_cut: bool
) -> None:
    client, server = pair()
    for number in range(2):
        [data] = client.take() or [b""]
        if number == flight and data:
            place = position % len(data)
            changed = bytes((data[place] ^ change,))
            data = data[:place] + (b"" if is_cut else changed + data[place + 1 :])
        server.receive_datagram(data, 0.0)
        for answer in drain(server):
            client.receive(answer)
    found = events(server)
    if server.state is State.CONNECTED:
        assert client.is_connected
        assert isinstance(found[0], Connected)
    else:
        server.handle_timeout(10.0)
        assert server.state is State.CLOSED
