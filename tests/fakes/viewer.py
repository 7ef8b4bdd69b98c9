"""Viewer: a WHEP player in little code, sans-IO: real ICE, DTLS and SRTP, no decoder.

The SRTP side is libsrtp, so that what we encrypt is read by somebody else's code.
"""

import datetime
import hashlib
import hmac
import struct
import zlib
from collections import deque
from dataclasses import dataclass, field

import pylibsrtp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from daemon.rtc import demux, rtcp, rtp, stun
from daemon.rtc.demux import Kind

PROFILES = {
    b"SRTP_AEAD_AES_128_GCM": (pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    b"SRTP_AEAD_AES_256_GCM": (pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12),
    b"SRTP_AES128_CM_SHA1_80": (pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
}
H264_FMTP = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"


@dataclass(frozen=True)
class Identity:
    """A key and certificate; making one takes a while, so tests share it."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    fingerprint: str

    @classmethod
    def generate(cls) -> "Identity":
        """Make a self-signed one."""
        private = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "viewer")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(private.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .sign(private, hashes.SHA256())
        )
        digest = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
        return cls(private, certificate, f"sha-256 {digest}")


IDENTITY = Identity.generate()


@dataclass
class Answer:
    """What a viewer needs of an answer."""

    ufrag: str
    pwd: str
    addresses: list[tuple[str, int]]
    is_dtls_client: bool = False  # a=setup:active: the first flight is the server's


def read_answer(text: str) -> Answer:
    """Read an answer, line by line."""
    lines = text.split("\r\n")
    values = {line.split(":")[0]: line.partition(":")[2] for line in lines if line[:2] == "a="}
    found = [line.split() for line in lines if line.startswith("a=candidate:")]
    addresses = [(words[4], int(words[5])) for words in found]
    return Answer(
        values["a=ice-ufrag"],
        values["a=ice-pwd"],
        list(dict.fromkeys(addresses)),
        values.get("a=setup") == "active",
    )


@dataclass
class Viewer:
    """One player. ``profile`` is all that it offers for SRTP, names in order with colons.

    ``address`` is where it listens, for servers that want a candidate in the offer.
    """

    profile: bytes = b"SRTP_AEAD_AES_128_GCM"
    identity: Identity = field(default_factory=lambda: IDENTITY)
    ufrag: str = "view"
    pwd: str = "a" * 24
    kinds: tuple[str, ...] = ("video", "audio")
    address: tuple[str, int] | None = None
    packets: list[rtp.Packet] = field(default_factory=list)
    reports: list[rtcp.RtcpPacket] = field(default_factory=list)
    refused: int = 0  # not authentic, or seen before
    is_connected: bool = False
    is_closed: bool = False

    def __post_init__(self) -> None:
        context = SSL.Context(SSL.DTLS_METHOD)
        context.use_privatekey(self.identity.key)
        context.use_certificate(self.identity.certificate)
        context.set_verify(SSL.VERIFY_NONE)
        context.set_tlsext_use_srtp(self.profile)
        self._ssl = SSL.Connection(context)
        self._ssl.set_connect_state()
        self._answer = Answer("", "", [])
        self._transmits: deque[bytes] = deque()
        self._inbound: pylibsrtp.Session | None = None
        self._outbound: pylibsrtp.Session | None = None
        self._checks = 0

    def offer(self) -> str:
        """Write an offer like a browser's, in short."""
        lines = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0"]
        lines.append("a=group:BUNDLE " + " ".join(map(str, range(len(self.kinds)))))
        for mid, kind in enumerate(self.kinds):
            payload_type = 102 if kind == "video" else 111
            lines += [
                f"m={kind} 9 UDP/TLS/RTP/SAVPF {payload_type}",
                "c=IN IP4 0.0.0.0",
                f"a=mid:{mid}",
                f"a=ice-ufrag:{self.ufrag}",
                f"a=ice-pwd:{self.pwd}",
                f"a=fingerprint:{self.identity.fingerprint}",
                "a=setup:actpass",
                "a=recvonly",
                "a=rtcp-mux",
            ]
            if self.address is not None:
                host, port = self.address
                lines.append(f"a=candidate:1 1 udp 2130706431 {host} {port} typ host")
            if kind == "video":
                lines += ["a=rtpmap:102 H264/90000", f"a=fmtp:102 {H264_FMTP}"]
                lines += ["a=rtcp-fb:102 nack", "a=rtcp-fb:102 nack pli"]
            else:
                lines.append("a=rtpmap:111 opus/48000/2")
        return "\r\n".join(lines) + "\r\n"

    def accept(self, answer: str) -> Answer:
        """Take the answer; returns where to send to."""
        self._answer = read_answer(answer)
        if self._answer.is_dtls_client:
            self._ssl.set_accept_state()
        return self._answer

    def check(self, *, nominate: bool = True, pwd: str | None = None) -> bytes:
        """Build a connectivity check as the controlling agent (RFC 8445 section 7.2)."""
        self._checks += 1
        header = hashlib.sha256(b"%d" % self._checks).digest()[:12]
        attributes = [(0x0006, f"{self._answer.ufrag}:{self.ufrag}".encode())]
        attributes += [(0x0024, bytes(4)), (0x802A, bytes(8))]
        if nominate:
            attributes.append((0x0025, b""))
        return build_stun(0x0001, header, attributes, (pwd or self._answer.pwd).encode())

    @property
    def profile_in_use(self) -> str:
        """The SRTP profile that the handshake came to; "" before."""
        return self._ssl.get_selected_srtp_profile().decode()

    def start_dtls(self) -> None:
        """Send the first flight, if it is ours; call it once a check was answered."""
        self._handshake()

    def receive(self, data: bytes) -> None:
        """Take one datagram."""
        kind = demux.classify(data)
        if kind is Kind.DTLS:
            self._ssl.bio_write(data)
            self._handshake()
        elif kind is Kind.STUN:
            message = stun.parse(data)
            if message.message_class == stun.MessageClass.REQUEST:
                self._transmits.append(self._answer_check(message))
        elif kind in (Kind.RTP, Kind.RTCP) and self._inbound is not None:
            try:
                self._receive_media(kind, data)
            except pylibsrtp.Error:
                self.refused += 1

    def _receive_media(self, kind: Kind, data: bytes) -> None:
        assert self._inbound is not None
        if kind is Kind.RTP:
            self.packets.append(rtp.parse(self._inbound.unprotect(data)))
        else:
            self.reports += rtcp.parse(self._inbound.unprotect_rtcp(data))

    def poll_transmit(self) -> bytes | None:
        """Take the next datagram to send, or None."""
        return self._transmits.popleft() if self._transmits else None

    def nack(self, ssrc: int, *sequences: int) -> bytes:
        """Build an SRTCP NACK (RFC 4585 section 6.2.1)."""
        pairs = b"".join(struct.pack("!HH", sequence, 0) for sequence in sequences)
        header = struct.pack("!BBHII", 0x81, 205, 2 + len(sequences), 1, ssrc)
        return self.protect_rtcp(header + pairs)

    def pli(self, ssrc: int) -> bytes:
        """Build an SRTCP request for a key frame (RFC 4585 section 6.3.1)."""
        return self.protect_rtcp(struct.pack("!BBHII", 0x81, 206, 2, 1, ssrc))

    def protect_rtcp(self, packet: bytes) -> bytes:
        """Encrypt what we report; a receiver report goes in front, as a compound wants."""
        assert self._outbound is not None
        empty_report = struct.pack("!BBHI", 0x80, 201, 1, 1)
        protected: bytes = self._outbound.protect_rtcp(empty_report + packet)
        return protected

    def close(self) -> None:
        """Say goodbye by DTLS."""
        self._ssl.shutdown()
        self._flush()

    def _answer_check(self, message: stun.Message) -> bytes:
        port = self._answer.addresses[0][1] if self._answer.addresses else 9
        mapped = struct.pack("!BBHI", 0, 1, port ^ 0x2112, 0x7F000001 ^ 0x2112A442)
        attributes = [(0x0020, mapped)]  # XOR-MAPPED-ADDRESS
        return build_stun(0x0101, message.transaction_id, attributes, self.pwd.encode())

    def _handshake(self) -> None:
        try:
            if self.is_connected:
                self._ssl.recv(2048)
            else:
                self._ssl.do_handshake()
                self._connect()
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.is_closed = True
        self._flush()

    def _connect(self) -> None:
        self.is_connected = True
        profile, key, salt = PROFILES[self._ssl.get_selected_srtp_profile()]
        label = b"EXTRACTOR-dtls_srtp"
        material = self._ssl.export_keying_material(label, 2 * (key + salt))
        salts = 2 * key
        own = material[:key] + material[salts : salts + salt]
        theirs = material[key:salts] + material[salts + salt :]
        if self._answer.is_dtls_client:
            own, theirs = theirs, own
        self._outbound = pylibsrtp.Session(
            pylibsrtp.Policy(own, pylibsrtp.Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)
        )
        self._inbound = pylibsrtp.Session(
            pylibsrtp.Policy(theirs, pylibsrtp.Policy.SSRC_ANY_INBOUND, srtp_profile=profile)
        )

    def _flush(self) -> None:
        try:
            while True:
                flight = self._ssl.bio_read(1 << 16)
                while flight:
                    end = 13 + int.from_bytes(flight[11:13], "big")
                    self._transmits.append(flight[:end])
                    flight = flight[end:]
        except SSL.WantReadError:
            pass


def build_stun(
    kind: int, transaction_id: bytes, attributes: list[tuple[int, bytes]], key: bytes
) -> bytes:
    """Build a signed STUN message, independently of ours (RFC 8489 section 14)."""
    body = b"".join(
        struct.pack("!HH", name, len(value)) + value + bytes(-len(value) % 4)
        for name, value in attributes
    )

    def head(extra: int) -> bytes:
        return struct.pack("!HHI", kind, len(body) + extra, 0x2112A442) + transaction_id

    mac = hmac.digest(key, head(24) + body, "sha1")
    body += struct.pack("!HH", 0x0008, 20) + mac
    crc = zlib.crc32(head(8) + body) ^ 0x5354554E
    return head(8) + body + struct.pack("!HHI", 0x8028, 4, crc)
