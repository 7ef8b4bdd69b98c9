"""dtls: a real client over memory BIOs, and the handshakes that it may have."""

import struct

import pytest
from OpenSSL import SSL

from daemon.rtc import srtp
from daemon.rtc.dtls import MTU, NEXT, Closed, Connected, Dtls, State
from tests.unit.rtc.dtls_client import (
    ALL_PROFILES,
    CERTIFICATE,
    Client,
    connected,
    drain,
    events,
    exchange,
    pair,
    reason,
)


@pytest.mark.parametrize("profile", list(srtp.Profile))
def test_both_sides_end_up_with_the_same_keys(profile: srtp.Profile) -> None:
    client, server = pair(Client(profiles=profile.encode()))
    exchange(client, server)
    assert client.is_connected
    assert server.state is State.CONNECTED
    assert server.next_timeout() is None
    [event] = events(server)
    assert isinstance(event, Connected)
    keys = event.keys
    assert keys.profile is profile
    size = 2 * (profile.key_size + profile.salt_size)
    theirs = client.connection.export_keying_material(b"EXTRACTOR-dtls_srtp", size)
    assert theirs == keys.remote_key + keys.local_key + keys.remote_salt + keys.local_salt
    assert len(keys.local_key) == profile.key_size
    assert len(keys.local_salt) == profile.salt_size


def test_we_prefer_gcm_whatever_the_client_lists_first() -> None:
    client, server = pair(Client(profiles=ALL_PROFILES))
    exchange(client, server)
    [event] = events(server)
    assert isinstance(event, Connected)
    assert event.keys.profile is srtp.Profile.AEAD_AES_128_GCM


def test_it_is_dtls_1_2_with_ephemeral_keys() -> None:
    client, _ = connected()
    assert client.connection.get_protocol_version_name() == "DTLSv1.2"
    assert (client.connection.get_cipher_name() or "").startswith("ECDHE-ECDSA-")


def test_our_last_flight_holds_no_session_ticket() -> None:
    client, server = pair()
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
    earlier, _ = connected()
    again, server = pair(Client(resume=earlier))
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
    assert reason(server) == "wrong-fingerprint"
    assert not client.is_connected
    assert "alert" in str(client.error)


@pytest.mark.parametrize("name", ["sha-1", "md5"])
def test_weak_hashes_never_match(name: str) -> None:
    client = Client()
    server = Dtls(CERTIFICATE, [client.fingerprint(name)], 0.0)
    exchange(client, server)
    assert reason(server) == "wrong-fingerprint"


def test_a_viewer_without_a_certificate_is_refused() -> None:
    client, server = pair(Client(has_certificate=False))
    exchange(client, server)
    assert reason(server) == "handshake-failed"
    assert not client.is_connected


def test_a_viewer_without_srtp_is_refused() -> None:
    client, server = pair(Client(profiles=b""))
    exchange(client, server)
    assert reason(server) == "no-srtp-profile"
    assert not client.is_connected


def test_a_viewer_with_old_ciphers_only_is_refused() -> None:
    client, server = pair(Client(ciphers=b"ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256"))
    exchange(client, server)
    [event] = events(server)
    assert event == Closed("handshake-failed", "no shared cipher")


def test_a_client_hello_in_many_datagrams_is_put_together() -> None:
    protocols = [b"%03d" % number * 60 for number in range(30)]  # 5.5 kB, as post-quantum ones
    client = Client(alpn=protocols, mtu=400)
    [hello] = client.take()
    pieces = [hello[start:end] for start, end in _borders(hello)]
    assert len(pieces) > 12
    _, server = pair(client)
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
    client, server = pair()
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
    client, server = pair()
    exchange(client, server, lose=lambda *sent: sent == (side, flight))
    assert server.state is State.HANDSHAKING
    assert client.error is None


def test_a_lost_flight_is_sent_again_after_200_ms() -> None:
    client, server = pair(now=100.0)
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
    client, server = pair(now=100.0)
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
    server.handle_timeout(103.0)  # on OpenSSL's clock no second has passed, or one or two
    due = server.next_timeout()
    assert due is not None
    assert 103.0 < due <= 107.0


def test_a_handshake_has_ten_seconds() -> None:
    client, server = pair(now=100.0)
    for data in client.take():
        server.receive_datagram(data, 100.0)
    steps = 0
    while (due := server.next_timeout()) is not None:
        server.handle_timeout(due)
        steps += 1
        assert due <= 110.0
    assert reason(server) == "handshake-timeout"
    assert steps < 60


def test_a_silent_viewer_ends_after_ten_seconds_too() -> None:
    server = pair(now=5.0)[1]
    assert server.next_timeout() == 15.0
    server.handle_timeout(14.9)
    assert server.state is State.HANDSHAKING
    server.handle_timeout(15.0)
    assert reason(server) == "handshake-timeout"
    assert drain(server) == []


def test_a_handshake_takes_sixty_four_datagrams_at_most() -> None:
    client, server = pair()
    [hello] = client.take()
    for _ in range(64):
        server.receive_datagram(hello, 0.0)
    assert server.state is State.HANDSHAKING
    assert len(drain(server)) == 1  # repeats of the same bytes buy nothing
    server.receive_datagram(hello, 0.0)
    assert reason(server) == "handshake-limit"
    server.receive_datagram(hello, 0.0)
    assert server.counters["late"] == 1


def test_a_handshake_takes_sixty_four_kibibytes_at_most() -> None:
    server = pair()[1]
    record = struct.pack("!BHHIHH", 22, 0xFEFD, 1, 0, 1, 2000) + bytes(2000)
    for _ in range(32):
        server.receive_datagram(record, 0.0)
    assert server.state is State.HANDSHAKING
    server.receive_datagram(record, 0.0)
    assert reason(server) == "handshake-limit"


def test_two_viewers_of_one_certificate_do_not_mix() -> None:
    first, second = pair(), pair()
    for client, server in (first, second):
        exchange(client, server)
    keys = {event.keys for _, server in (first, second) for event in _connections(server)}
    assert len(keys) == 2


def _connections(server: Dtls) -> list[Connected]:
    return [event for event in events(server) if isinstance(event, Connected)]


def test_the_fingerprint_is_that_of_the_certificate_shown() -> None:
    client, _ = connected()
    shown = client.connection.get_peer_certificate()
    assert shown is not None
    digest = shown.digest("sha256").decode()
    assert CERTIFICATE.fingerprint == f"sha-256 {digest}"


def test_every_state_has_its_row_in_the_table() -> None:
    assert set(NEXT) == set(State)
    assert not NEXT[State.CLOSED]
