"""dtls on OpenSSL's own clock, the one that no test can set: a second passes here for real."""

import threading
import time

import pytest

from daemon.rtc.certificate import Certificate
from daemon.rtc.dtls import Dtls, State
from tests.unit.rtc.dtls_client import Client, drain, exchange

pytestmark = pytest.mark.slow
CERTIFICATE = Certificate.generate()


def _wait_for_the_timer_of(client: Client) -> None:
    deadline = time.monotonic() + 60.0
    while (remaining := client.connection.DTLSv1_get_timeout()) != 0:
        assert remaining is not None
        assert time.monotonic() < deadline
        threading.Event().wait(remaining)


def test_a_viewer_that_missed_our_last_flight_gets_it_again() -> None:
    client = Client()
    server = Dtls(CERTIFICATE, [client.fingerprint()], 0.0)
    exchange(client, server, lose=lambda *sent: sent == ("server", 1))
    assert server.state is State.CONNECTED
    assert not client.is_connected
    _wait_for_the_timer_of(client)
    client.handle_timeout()
    exchange(client, server, 1.0)
    assert client.is_connected


def test_after_our_own_repeats_openssl_sends_the_flight_with_fresh_record_numbers() -> None:
    client = Client()
    server = Dtls(CERTIFICATE, [client.fingerprint()], 0.0)
    for data in client.take():
        server.receive_datagram(data, 0.0)
    first = drain(server)
    for _ in range(3):
        server.handle_timeout(server.next_timeout() or 0.0)
        assert drain(server) == first
    _wait_for_the_timer_of(client)  # it started first, so the server's is due within a moment
    repeat: list[bytes] = []
    deadline = time.monotonic() + 60.0
    while not repeat:
        assert time.monotonic() < deadline
        due = server.next_timeout()
        assert due is not None
        server.handle_timeout(min(due, 9.9))
        repeat = drain(server)
    assert repeat != first
    for data in repeat:
        client.receive(data)
    exchange(client, server, 9.9)
    assert client.is_connected
