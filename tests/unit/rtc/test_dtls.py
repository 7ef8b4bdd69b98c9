"""dtls: a real client over memory BIOs, on a bad wire, with bad intentions, or both."""

import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from OpenSSL import SSL

from daemon.rtc import srtp
from daemon.rtc.dtls import MTU, NEXT, Certificate, Closed, Connected, Dtls, State
from tests.unit.rtc.dtls_client import ALL_PROFILES, Client, drain, exchange

CERTIFICATE = Certificate.generate()
PLAIN_ALERT = struct.pack("!BHHIHH", 21, 0xFEFD, 0, 0, 99, 2) + b"\x02\x28"
CLOSE_NOTIFY = struct.pack("!BHHIHH", 21, 0xFEFD, 0, 0, 99, 2) + b"\x01\x00"


def _pair(client: Client | None = None, now: float = 0.0) -> tuple[Client, Dtls]:
    client = client or Client()
    return client, Dtls(CERTIFICATE, [client.fingerprint()], now)


def _connected() -> tuple[Client, Dtls]:
    client, server = _pair()
    exchange(client, server)
    assert isinstance(server.poll_event(), Connected)
    return client, server


def _events(server: Dtls) -> list[Connected | Closed]:
    events = []
    while (event := server.poll_event()) is not None:
        events.append(event)
    return events


def _reason(server: Dtls) -> str:
    [event] = _events(server)
    assert isinstance(event, Closed)
    assert server.state is State.CLOSED
    assert server.next_timeout() is None
    return event.reason


@pytest.mark.parametrize("profile", list(srtp.Profile))
def test_both_sides_end_up_with_the_same_keys(profile: srtp.Profile) -> None:
    client, server = _pair(Client(profiles=profile.encode()))
    exchange(client, server)
    assert client.is_connected
    assert server.state is State.CONNECTED
    assert server.next_timeout() is None
    [event] = _events(server)
    assert isinstance(event, Connected)
    keys = event.keys
    assert keys.profile is profile
    size = 2 * (profile.key_size + profile.salt_size)
    theirs = client.connection.export_keying_material(b"EXTRACTOR-dtls_srtp", size)
    assert theirs == keys.remote_key + keys.local_key + keys.remote_salt + keys.local_salt
    assert len(keys.local_key) == profile.key_size
    assert len(keys.local_salt) == profile.salt_size


def test_we_prefer_gcm_whatever_the_client_lists_first() -> None:
    client, server = _pair(Client(profiles=ALL_PROFILES))
    exchange(client, server)
    [event] = _events(server)
    assert isinstance(event, Connected)
    assert event.keys.profile is srtp.Profile.AEAD_AES_128_GCM


def test_it_is_dtls_1_2_with_ephemeral_keys() -> None:
    client, _ = _connected()
    assert client.connection.get_protocol_version_name() == "DTLSv1.2"
    assert (client.connection.get_cipher_name() or "").startswith("ECDHE-ECDSA-")


def test_our_last_flight_holds_no_session_ticket() -> None:
    client, server = _pair()
    for _ in range(2):
        flight = drain(server)
        for data in flight:
            client.receive(data)
        for data in client.take():
            server.receive_datagram(data, 0.0)
    [last] = drain(server)
    assert server.state is State.CONNECTED
    assert [last[start] for start, _ in _borders(last)] == [
        20,
        22,
    ]  # ChangeCipherSpec, Finished


def test_an_earlier_session_is_not_resumed() -> None:
    earlier, _ = _connected()
    again, server = _pair(Client(resume=earlier))
    [hello] = again.take()
    server.receive_datagram(hello, 0.0)
    [flight] = drain(server)
    assert len(_borders(flight)) == 5  # the full handshake, which asks for the certificate
    assert CERTIFICATE.context.get_session_cache_mode() == SSL.SESS_CACHE_OFF


@pytest.mark.parametrize("name", ["sha-256", "sha-384", "sha-512", "SHA-256"])
def test_any_fingerprint_of_a_known_hash_lets_the_viewer_in(name: str) -> None:
    client = Client()
    digest = client.fingerprint(name.lower())[1]
    offered = [("sha-256", bytes(32)), ("md5", b"?"), (name, digest), ("sha-512", b"short")]
    server = Dtls(CERTIFICATE, offered, 0.0)
    exchange(client, server)
    assert server.state is State.CONNECTED


@pytest.mark.parametrize(
    "offered",
    [
        [],
        [("sha-256", bytes(32))],
        [("sha-256", b"")],
        [Client().fingerprint()],
    ],
)
def test_a_wrong_fingerprint_ends_it_and_the_peer_hears_why(
    offered: list[tuple[str, bytes]],
) -> None:
    client = Client()
    server = Dtls(CERTIFICATE, offered, 0.0)
    exchange(client, server)
    assert _reason(server) == "wrong-fingerprint"
    assert not client.is_connected
    assert "alert" in str(client.error)


@pytest.mark.parametrize("name", ["sha-1", "md5"])
def test_weak_hashes_never_match(name: str) -> None:
    client = Client()
    server = Dtls(CERTIFICATE, [client.fingerprint(name)], 0.0)
    exchange(client, server)
    assert _reason(server) == "wrong-fingerprint"


def test_a_viewer_without_a_certificate_is_refused() -> None:
    client, server = _pair(Client(has_certificate=False))
    exchange(client, server)
    assert _reason(server) == "handshake-failed"
    assert not client.is_connected


def test_a_viewer_without_srtp_is_refused() -> None:
    client, server = _pair(Client(profiles=b""))
    exchange(client, server)
    assert _reason(server) == "no-srtp-profile"
    assert not client.is_connected


def test_a_viewer_with_old_ciphers_only_is_refused() -> None:
    client, server = _pair(
        Client(ciphers=b"ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256")
    )
    exchange(client, server)
    [event] = _events(server)
    assert event == Closed("handshake-failed", "no shared cipher")


def test_a_client_hello_in_many_datagrams_is_put_together() -> None:
    protocols = [b"%03d" % number * 60 for number in range(30)]  # 5.5 kB, as post-quantum ones
    client = Client(alpn=protocols, mtu=400)
    [hello] = client.take()
    pieces = [hello[start:end] for start, end in _borders(hello)]
    assert len(pieces) > 12
    _, server = _pair(client)
    for piece in pieces:
        assert drain(server) == []
        server.receive_datagram(piece, 0.0)
    for data in drain(server):
        client.receive(data)
    exchange(client, server)
    assert server.state is State.CONNECTED


def _borders(flight: bytes) -> list[tuple[int, int]]:
    """Find the records of a flight."""
    borders, start = [], 0
    while start < len(flight):
        end = start + 13 + int.from_bytes(flight[start + 11 : start + 13], "big")
        borders.append((start, end))
        start = end
    return borders


def test_our_datagrams_are_whole_records_that_fit_the_path() -> None:
    client, server = _pair()
    for data in client.take():
        server.receive_datagram(data, 0.0)
    flight = drain(server)
    for data in flight:
        assert len(data) <= MTU
        assert _borders(data)[-1][1] == len(data)
    assert sum(len(_borders(data)) for data in flight) == 5  # hello to hello done
    assert len(flight) == 1


@pytest.mark.parametrize(("side", "flight"), [("client", 0), ("server", 0)])
def test_a_lost_flight_leaves_both_waiting_not_broken(side: str, flight: int) -> None:
    client, server = _pair()
    exchange(client, server, lose=lambda *sent: sent == (side, flight))
    assert server.state is State.HANDSHAKING
    assert client.error is None


def test_a_lost_flight_is_sent_again_after_200_ms() -> None:
    client, server = _pair(now=100.0)
    exchange(client, server, 100.0, lose=lambda *sent: sent == ("server", 0))
    assert server.next_timeout() == pytest.approx(100.2)
    server.handle_timeout(100.1)
    assert drain(server) == []
    server.handle_timeout(100.2)
    for data in drain(server):
        client.receive(data)
    exchange(client, server, 100.3)
    assert server.state is State.CONNECTED
    assert client.is_connected


def test_the_same_flight_goes_out_after_200_400_and_800_ms_then_openssl_decides() -> None:
    client, server = _pair(now=100.0)
    for data in client.take():
        server.receive_datagram(data, 100.0)
    flight = drain(server)
    times: list[float] = []
    while (due := server.next_timeout()) is not None and len(times) < 3:
        server.handle_timeout(due)
        assert drain(server) == flight
        times.append(due)
    assert times == pytest.approx([100.2, 100.6, 101.4])
    assert server.next_timeout() == pytest.approx(103.0)
    server.handle_timeout(103.0)  # on OpenSSL's clock no second has passed
    due = server.next_timeout()
    assert due is not None
    assert 103.2 <= due <= 104.0


def test_a_handshake_has_ten_seconds() -> None:
    client, server = _pair(now=100.0)
    for data in client.take():
        server.receive_datagram(data, 100.0)
    steps = 0
    while (due := server.next_timeout()) is not None:
        server.handle_timeout(due)
        steps += 1
        assert due <= 110.0
    assert _reason(server) == "handshake-timeout"
    assert steps < 60


def test_a_silent_viewer_ends_after_ten_seconds_too() -> None:
    server = _pair(now=5.0)[1]
    assert server.next_timeout() == 15.0
    server.handle_timeout(14.9)
    assert server.state is State.HANDSHAKING
    server.handle_timeout(15.0)
    assert _reason(server) == "handshake-timeout"
    assert drain(server) == []


def test_a_handshake_takes_sixty_four_datagrams_at_most() -> None:
    client, server = _pair()
    [hello] = client.take()
    for _ in range(64):
        server.receive_datagram(hello, 0.0)
    assert server.state is State.HANDSHAKING
    assert len(drain(server)) == 1  # repeats of the same bytes buy nothing
    server.receive_datagram(hello, 0.0)
    assert _reason(server) == "handshake-limit"
    server.receive_datagram(hello, 0.0)
    assert server.counters["late"] == 1


def test_a_handshake_takes_sixty_four_kibibytes_at_most() -> None:
    server = _pair()[1]
    record = struct.pack("!BHHIHH", 22, 0xFEFD, 1, 0, 1, 2000) + bytes(2000)
    for _ in range(32):
        server.receive_datagram(record, 0.0)
    assert server.state is State.HANDSHAKING
    server.receive_datagram(record, 0.0)
    assert _reason(server) == "handshake-limit"


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
    client, server = _pair()
    server.receive_datagram(data, 0.0)
    exchange(client, server)
    assert server.state is State.CONNECTED
    server.receive_datagram(data, 0.0)
    assert server.counters["garbage"] == 2
    assert server.state is State.CONNECTED


@pytest.mark.parametrize("data", [PLAIN_ALERT, CLOSE_NOTIFY])
def test_nobody_ends_a_connected_viewer_with_a_plain_alert(data: bytes) -> None:
    client, server = _connected()
    server.receive_datagram(data, 1.0)
    assert _events(server) == []
    assert server.counters["garbage"] == 1
    forged = data[:3] + b"\0\1" + data[5:]  # says that it's encrypted
    server.receive_datagram(forged, 1.0)
    assert _events(server) == []
    for data_out in client.close():
        server.receive_datagram(data_out, 2.0)
    assert _reason(server) == "close-notify"


def test_an_alert_during_the_handshake_says_that_the_viewer_refuses() -> None:
    client, server = _pair()
    for data in client.take():
        server.receive_datagram(data, 0.0)
    server.receive_datagram(PLAIN_ALERT, 0.1)
    assert _reason(server) == "alert"


def test_the_viewers_close_notify_closes_and_is_answered_once() -> None:
    client, server = _connected()
    [goodbye] = client.close()
    server.receive_datagram(goodbye, 1.0)
    assert _events(server) == [Closed("close-notify")]
    [answer] = drain(server)
    client.connection.bio_write(answer)
    assert client.hear() == "closed"
    server.receive_datagram(goodbye, 1.0)
    server.close(1.0)
    assert drain(server) == []
    assert _events(server) == []


def test_our_close_tells_the_viewer_at_once() -> None:
    client, server = _connected()
    server.close(1.0)
    assert server.state is State.CLOSED
    [goodbye] = drain(server)
    client.connection.bio_write(goodbye)
    assert client.hear() == "closed"
    assert _events(server) == []
    server.close(2.0)
    assert drain(server) == []


def test_closing_before_the_handshake_says_nothing() -> None:
    client, server = _pair()
    for data in client.take():
        server.receive_datagram(data, 0.0)
    drain(server)
    server.close(0.1)
    assert drain(server) == []
    assert server.next_timeout() is None
    server.handle_timeout(20.0)
    assert _events(server) == []


def test_application_data_is_counted_and_dropped() -> None:
    client, server = _connected()
    for data in client.say(b"sctp") + client.say(b"sctp"):
        server.receive_datagram(data, 1.0)
    assert server.counters["application_data"] == 2
    assert server.state is State.CONNECTED
    assert drain(server) == []


def test_a_replayed_record_does_nothing() -> None:
    client, server = _connected()
    [data] = client.say(b"sctp")
    server.receive_datagram(data, 1.0)
    server.receive_datagram(data, 1.0)
    assert server.counters["application_data"] == 1


def test_a_client_hello_after_the_handshake_starts_nothing() -> None:
    server = _connected()[1]
    [hello] = Client().take()
    server.receive_datagram(hello, 1.0)
    assert drain(server) == []
    assert server.state is State.CONNECTED


def test_two_viewers_of_one_certificate_do_not_mix() -> None:
    first, second = _pair(), _pair()
    for client, server in (first, second):
        exchange(client, server)
    keys = {event.keys for _, server in (first, second) for event in _connections(server)}
    assert len(keys) == 2


def _connections(server: Dtls) -> list[Connected]:
    return [event for event in _events(server) if isinstance(event, Connected)]


def test_the_fingerprint_is_that_of_the_certificate_shown() -> None:
    client, _ = _connected()
    shown = client.connection.get_peer_certificate()
    assert shown is not None
    digest = shown.digest("sha256").decode()
    assert CERTIFICATE.fingerprint == f"sha-256 {digest}"


def test_every_state_has_its_row_in_the_table() -> None:
    assert set(NEXT) == set(State)
    assert not NEXT[State.CLOSED]


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
    assert len(_events(server)) == (server.state is State.CLOSED)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(_RECORDS, st.binary(max_size=80)), min_size=1, max_size=6))
def test_no_bytes_from_a_stranger_touch_a_connected_viewer(datagrams: list[bytes]) -> None:
    client, server = _connected()
    for data in datagrams:
        server.receive_datagram(data, 1.0)
    assert _events(server) == []
    assert drain(server) == []
    for data in client.close():
        server.receive_datagram(data, 2.0)
    assert _reason(server) == "close-notify"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1), st.integers(0, 700), st.integers(1, 255), st.booleans())
def test_a_flight_that_was_changed_on_the_way_never_connects_a_wrong_viewer(
    flight: int, position: int, change: int, is_cut: bool
) -> None:
    client, server = _pair()
    for number in range(2):
        [data] = client.take() or [b""]
        if number == flight and data:
            place = position % len(data)
            changed = bytes((data[place] ^ change,))
            data = data[:place] + (b"" if is_cut else changed + data[place + 1 :])
        server.receive_datagram(data, 0.0)
        for answer in drain(server):
            client.receive(answer)
    events = _events(server)
    if server.state is State.CONNECTED:
        assert client.is_connected
        assert isinstance(events[0], Connected)
    else:
        server.handle_timeout(10.0)
        assert server.state is State.CLOSED
