"""Who we are to viewers, and how a viewer's certificate is recognised (RFC 8122, 8827).

Not sans-IO in one respect: a certificate's key and dates come from dice and the wall clock.
"""

import datetime
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from OpenSSL import SSL, crypto

from daemon.rtc import srtp

CERTIFICATE_LIFETIME: Final = datetime.timedelta(days=30)

_DTLS_1_2: Final = 0xFEFD  # 1.3 comes to OpenSSL in steps; until tested it is not spoken
_CIPHERS: Final = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305"
)
_HASHES: Final[dict[str, Callable[[bytes], Any]]] = {
    "sha-256": hashlib.sha256,
    "sha-384": hashlib.sha384,
    "sha-512": hashlib.sha512,
}


Fingerprints = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Certificate:
    """Who we are to all viewers for a while, never on disk; ``fingerprint`` is SDP's text.

    The context is shared by all its handshakes: one each would double their cost.
    """

    fingerprint: str
    not_after: datetime.datetime
    context: SSL.Context = field(repr=False, compare=False)

    @classmethod
    def generate(cls) -> "Certificate":
        """Make an ECDSA P-256 key and a self-signed certificate for 30 days."""
        now = datetime.datetime.now(datetime.UTC)
        not_after = now + CERTIFICATE_LIFETIME
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dragonctl")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))  # a viewer's clock may lag
            .not_valid_after(not_after)
            .sign(key, hashes.SHA256())
        )
        digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
        return cls(
            fingerprint=f"sha-256 {digest.hex(':').upper()}",
            not_after=not_after,
            context=_build_context(key, certificate),
        )


def _build_context(
    key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate
) -> SSL.Context:
    """Settle everything before the first connection: afterwards the context is read-only."""
    context = SSL.Context(SSL.DTLS_SERVER_METHOD)
    context.set_min_proto_version(_DTLS_1_2)
    context.set_max_proto_version(_DTLS_1_2)
    context.set_options(
        SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION | SSL.OP_NO_QUERY_MTU
    )
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)  # a connected viewer rarely speaks DTLS again
    context.set_cipher_list(_CIPHERS)
    context.set_tlsext_use_srtp(":".join(srtp.Profile).encode())
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _verify)
    context.use_certificate(certificate)
    context.use_privatekey(key)
    return context


def _verify(
    connection: SSL.Connection, certificate: crypto.X509, _error: int, depth: int, _ok: int
) -> bool:
    """Judge a certificate by its fingerprint alone (RFC 8122); False sends the peer an alert.

    Here so that the peer hears why at once; the gate is where ``Dtls`` takes the keys.
    """
    return depth > 0 or matches(connection.get_app_data(), certificate)


def usable(fingerprints: Sequence[tuple[str, bytes]]) -> Fingerprints:
    """Keep what can match: SHA-256 and longer; SHA-1 and MD5 can be forged."""
    return tuple(
        (name.lower(), digest) for name, digest in fingerprints if name.lower() in _HASHES
    )


def matches(fingerprints: Fingerprints, certificate: crypto.X509) -> bool:
    """Whether any fingerprint is the certificate's; all are compared, each in constant time."""
    der = crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
    found = False
    for name, digest in fingerprints:
        found |= hmac.compare_digest(_HASHES[name](der).digest(), digest)
    return found
