"""A DTLS client over memory BIOs: what a browser is to ``rtc.dtls``."""

import datetime
import hashlib
from collections.abc import Callable, Iterable

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from daemon.rtc.dtls import Certificate, Closed, Connected, Dtls, State

CERTIFICATE = Certificate.generate()
ALL_PROFILES = b"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM"


class Client:
    """The active side; ``outbox`` are its datagrams that nobody took yet."""

    def __init__(
        self,
        *,
        profiles: bytes = ALL_PROFILES,
        has_certificate: bool = True,
        ciphers: bytes = b"",
        alpn: Iterable[bytes] = (),
        mtu: int = 1200,
        resume: "Client | None" = None,
    ) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _sign(key)
        self.der = certificate.public_bytes(Encoding.DER)
        context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        if profiles:
            context.set_tlsext_use_srtp(profiles)
        if has_certificate:
            context.use_certificate(certificate)
            context.use_privatekey(key)
        if ciphers:
            context.set_cipher_list(ciphers)
        if protocols := list(alpn):
            context.set_alpn_protos(protocols)
        self.connection = SSL.Connection(context)
        if resume is not None:
            self.connection = SSL.Connection(resume.connection.get_context())
            session = resume.connection.get_session()
            assert session is not None
            self.connection.set_session(session)
        self.connection.set_connect_state()
        self.connection.set_ciphertext_mtu(mtu)
        self.is_connected = False
        self.error: SSL.Error | None = None
        self.outbox: list[bytes] = []
        self._step()

    def fingerprint(self, name: str = "sha-256") -> tuple[str, bytes]:
        """Return what the offer says about the certificate."""
        return name, hashlib.new(name.replace("-", ""), self.der).digest()

    def receive(self, data: bytes) -> None:
        self.connection.bio_write(data)
        self._step()

    def take(self) -> list[bytes]:
        """Take what it sent."""
        sent, self.outbox = self.outbox, []
        return sent

    def close(self) -> list[bytes]:
        """Say close_notify, which comes back as datagrams."""
        self.connection.shutdown()
        self._flush()
        return self.take()

    def say(self, data: bytes) -> list[bytes]:
        """Send application data, which comes back as datagrams."""
        self.connection.send(data)
        self._flush()
        return self.take()

    def hear(self) -> str:
        """Return "closed" once close_notify has come, "alert" after a fatal alert, or ""."""
        try:
            self.connection.recv(2048)
        except SSL.ZeroReturnError:
            return "closed"
        except SSL.WantReadError:
            return ""
        except SSL.Error:
            return "alert"
        return "data"

    def handle_timeout(self) -> None:
        """Let OpenSSL's timer act."""
        self.connection.DTLSv1_handle_timeout()
        self._flush()

    def _step(self) -> None:
        if not self.is_connected and self.error is None:
            try:
                self.connection.do_handshake()
                self.is_connected = True
            except SSL.WantReadError:
                pass
            except SSL.Error as error:
                self.error = error
        self._flush()

    def _flush(self) -> None:
        written = b""
        try:
            while True:
                written += self.connection.bio_read(1 << 16)
        except SSL.WantReadError:
            self.outbox += [written] if written else []


def drain(server: Dtls) -> list[bytes]:
    """Take all datagrams of the server."""
    sent = []
    while (data := server.poll_transmit()) is not None:
        sent.append(data)
    return sent


def exchange(
    client: Client,
    server: Dtls,
    now: float = 0.0,
    lose: Callable[[str, int], bool] = lambda _side, _flight: False,
) -> None:
    """Pass flights to and fro until both are silent; ``lose`` one by its sender and number."""
    for flight in range(20):
        sent = client.take()
        for data in sent if not lose("client", flight) else []:
            server.receive_datagram(data, now)
        answers = drain(server)
        for data in answers if not lose("server", flight) else []:
            client.receive(data)
        if not sent and not answers:
            return
    raise AssertionError("the two never fall silent")


def _sign(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "viewer")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=1))  # long ago: WebRTC doesn't ask
        .sign(key, hashes.SHA256())
    )


def pair(client: Client | None = None, now: float = 0.0) -> tuple[Client, Dtls]:
    """Make a client and a server that trusts its certificate."""
    client = client or Client()
    return client, Dtls(CERTIFICATE, [client.fingerprint()], now)


def connected() -> tuple[Client, Dtls]:
    """Make a pair that has shaken hands."""
    client, server = pair()
    exchange(client, server)
    assert isinstance(server.poll_event(), Connected)
    return client, server


def events(server: Dtls) -> list[Connected | Closed]:
    """Take all that has happened."""
    found = []
    while (event := server.poll_event()) is not None:
        found.append(event)
    return found


def reason(server: Dtls) -> str:
    """Take the one thing that happened: why it ended."""
    [event] = events(server)
    assert isinstance(event, Closed)
    assert server.state is State.CLOSED
    assert server.next_timeout() is None
    return event.reason
