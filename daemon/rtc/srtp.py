"""SRTP out, SRTCP both ways: the only door to the crypto libraries for media (RFC 3711, 7714).

Outgoing GCM is ours, in burst.c and in ``GcmLine``: a call of libsrtp for each packet costs
several times as much. The price is libsrtp's replay guard: whoever sends through a lane or
calls ``protect_burst`` must never give one (SSRC, index) two different packets, or secrecy and
the authentication key are lost.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import pylibsrtp
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from daemon.errors import SrtpError
from daemon.rtc import native
from daemon.rtc.lane import Lane, PlainLane
from daemon.rtc.native import NativeLane
from daemon.rtc.timeline import MARKER, PADDING, Plain

MAX_INBOUND_BYTES: Final = 1500
MAX_INBOUND_SSRCS: Final = 16  # each one costs libsrtp a stream; a receiver reports from one

# Behind the highest index sent, libsrtp repeats a packet only within this window: the history,
# and the longest group that who joins gets at once (gop.MAX_BYTES).
_OUTBOUND_WINDOW: Final = 4096
_INBOUND_WINDOW: Final = 128  # RFC 3711 section 3.3.2 asks for 64 at least
_HEADER: Final = struct.Struct("!HHII")
_VERSION_2: Final = 0x8000
_EXTENSION: Final = 0x1000
_FLAGS: Final = {  # of a packet on the line -> in a header's first 16 bits
    flags: flags & MARKER | (flags & PADDING) << 8
    for flags in (0, MARKER, PADDING, MARKER | PADDING)
}
_LABEL_RTP_KEY: Final = 0  # RFC 3711 section 4.3.1
_LABEL_RTP_SALT: Final = 2


class Profile(StrEnum):
    """What both sides agreed on, by the names that OpenSSL and RFC 7714 use."""

    AEAD_AES_128_GCM = "SRTP_AEAD_AES_128_GCM"
    AEAD_AES_256_GCM = "SRTP_AEAD_AES_256_GCM"
    AES128_CM_SHA1_80 = "SRTP_AES128_CM_SHA1_80"

    @property
    def key_size(self) -> int:
        """Bytes of a master key."""
        return 32 if self is Profile.AEAD_AES_256_GCM else 16

    @property
    def salt_size(self) -> int:
        """Bytes of a master salt."""
        return 14 if self is Profile.AES128_CM_SHA1_80 else 12

    @property
    def overhead(self) -> int:
        """Bytes that protecting adds to an RTP packet."""
        return 10 if self is Profile.AES128_CM_SHA1_80 else 16


_LIBSRTP_PROFILES: Final = {
    Profile.AEAD_AES_128_GCM: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    Profile.AEAD_AES_256_GCM: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
    Profile.AES128_CM_SHA1_80: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
}


@dataclass(frozen=True, slots=True)
class SessionKeys:
    """The master keys and salts of both directions, as DTLS exported them (RFC 5764)."""

    profile: Profile
    local_key: bytes = field(repr=False)
    local_salt: bytes = field(repr=False)
    remote_key: bytes = field(repr=False)
    remote_salt: bytes = field(repr=False)


class Outbound:
    """Protects what we send to one viewer. One thread only: libsrtp's buffer is shared."""

    __slots__ = ("_cipher", "_keys", "_line", "_session", "overhead")

    def __init__(self, keys: SessionKeys) -> None:
        policy = _policy(keys.profile, keys.local_key + keys.local_salt, _OUTBOUND_WINDOW)
        policy.ssrc_type = pylibsrtp.Policy.SSRC_ANY_OUTBOUND
        policy.allow_repeat_tx = True
        self._session = pylibsrtp.Session(policy)
        self._keys = keys
        self._line: GcmLine | _CounterLine | None = None
        self._cipher: native.Cipher | None = None
        self.overhead = keys.profile.overhead

    def new_lane(
        self, *, ssrc: int, payload_type: int, sequence_offset: int, timestamp_offset: int
    ) -> Lane:
        """Make a lane for the fan-out; in C memory if it can be."""
        keys = self._keys
        if keys.profile is Profile.AES128_CM_SHA1_80 or not native.IS_AVAILABLE:
            return PlainLane(
                self.protect_burst,
                self.overhead,
                ssrc=ssrc,
                payload_type=payload_type,
                sequence_offset=sequence_offset,
                timestamp_offset=timestamp_offset,
            )
        if self._cipher is None:
            self._cipher = native.Cipher(
                *derive_rtp_keys(keys.profile, keys.local_key, keys.local_salt)
            )
        return NativeLane(
            self._cipher,
            ssrc=ssrc,
            payload_type=payload_type,
            sequence_offset=sequence_offset,
            timestamp_offset=timestamp_offset,
        )

    def protect_burst(
        self,
        ssrc: int,
        payload_type: int,
        packets: Sequence[Plain],
        sequence_offset: int,
        timestamp_offset: int,
        extension: bytes = b"",
    ) -> list[bytes]:
        """Turn packets of the shared line into this viewer's, two buffers for each packet.

        The outgoing index is ``index + sequence_offset`` and must be 0 or more: its low 16 bits
        are the sequence number, the rest is the rollover counter. The same packet again gives
        the same bytes. ``extension`` goes behind each header (RFC 8285). SrtpError, with AES-CM
        only: over 1356 bytes, or a repeat of what lies 4096 packets back.
        """
        if self._line is None:  # most viewers' packets go through their lanes only
            self._line = self._make_line()
        return self._line.protect(
            ssrc, payload_type, packets, sequence_offset, timestamp_offset, extension
        )

    def _make_line(self) -> "GcmLine | _CounterLine":
        keys = self._keys
        if keys.profile is Profile.AES128_CM_SHA1_80:
            return _CounterLine(self._session)
        return GcmLine(*derive_rtp_keys(keys.profile, keys.local_key, keys.local_salt))

    def protect_rtcp(self, packet: bytes) -> bytes:
        """Encrypt one compound packet; libsrtp counts the SRTCP index."""
        return _call(self._session.protect_rtcp, packet)


class GcmLine:
    """RTP under AES-GCM with derived keys: (header, ciphertext + tag) per packet (RFC 7714)."""

    __slots__ = ("_encrypt", "_salt")

    def __init__(self, key: bytes, salt: bytes) -> None:
        self._encrypt: Callable[[bytes, bytes, bytes], bytes] = AESGCM(key).encrypt
        self._salt = int.from_bytes(salt, "big")

    def protect(
        self,
        ssrc: int,
        payload_type: int,
        packets: Sequence[Plain],
        sequence_offset: int,
        timestamp_offset: int,
        extension: bytes,
    ) -> list[bytes]:
        """Do what ``Outbound.protect_burst`` says.

        The twin of burst.c: nothing is made per packet but its header, nonce and ciphertext.
        """
        encrypt = self._encrypt
        pack = _HEADER.pack
        first = _first_bits(payload_type, extension)
        # RFC 7714 section 8.1: 00 00, SSRC, ROC, SEQ; the last two are the 48-bit index
        base = self._salt ^ ssrc << 48
        buffers: list[bytes] = []
        append = buffers.append
        for index, timestamp, flags, payload in packets:
            index += sequence_offset
            header = pack(
                first | _FLAGS[flags],
                index & 0xFFFF,
                (timestamp + timestamp_offset) & 0xFFFFFFFF,
                ssrc,
            )
            header += extension
            append(header)
            append(encrypt((base ^ index).to_bytes(12, "big"), payload, header))
        return buffers


class _CounterLine:
    """RTP under AES-CM and SHA-1 through libsrtp: (packet, nothing) per packet (RFC 3711)."""

    __slots__ = ("_highest", "_protect")

    # libsrtp guesses the rollover counter from the sequence number (RFC 3711 section 3.3.1),
    # which works for less than half of its range.
    _LONGEST_STEP: Final = 0x7000

    def __init__(self, session: pylibsrtp.Session) -> None:
        self._protect = session.protect
        self._highest: dict[int, int] = {}  # SSRC -> index

    def protect(
        self,
        ssrc: int,
        payload_type: int,
        packets: Sequence[Plain],
        sequence_offset: int,
        timestamp_offset: int,
        extension: bytes,
    ) -> list[bytes]:
        """Do what ``Outbound.protect_burst`` says."""
        first = _first_bits(payload_type, extension)
        highest = self._highest.get(ssrc, 0)
        buffers: list[bytes] = []
        for index, timestamp, flags, payload in packets:
            out = index + sequence_offset
            if out > highest:
                self._lead(ssrc, highest, out)
                highest = self._highest[ssrc] = out
            header = _HEADER.pack(
                first | _FLAGS[flags],
                out & 0xFFFF,
                (timestamp + timestamp_offset) & 0xFFFFFFFF,
                ssrc,
            )
            buffers += (_call(self._protect, header + extension + payload), b"")
        return buffers

    def _lead(self, ssrc: int, index: int, target: int) -> None:
        """Walk libsrtp's guess close to ``target`` with packets that nobody gets to see."""
        while target - index > self._LONGEST_STEP:
            index += self._LONGEST_STEP
            _call(self._protect, _HEADER.pack(_VERSION_2, index & 0xFFFF, 0, ssrc))


class Inbound:
    """Opens what a viewer sends us: SRTCP only, since we never receive media."""

    __slots__ = ("_session", "_ssrcs")

    def __init__(self, keys: SessionKeys) -> None:
        policy = _policy(keys.profile, keys.remote_key + keys.remote_salt, _INBOUND_WINDOW)
        policy.ssrc_type = pylibsrtp.Policy.SSRC_ANY_INBOUND
        self._session = pylibsrtp.Session(policy)
        self._ssrcs: set[bytes] = set()

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        """Decrypt one SRTCP packet.

        Raises:
            SrtpError: not authentic, a replay, a size out of range, or one SSRC too many.

        """
        if not 8 <= len(packet) <= MAX_INBOUND_BYTES:
            raise SrtpError("size out of range")
        ssrc = packet[4:8]
        if ssrc not in self._ssrcs and len(self._ssrcs) >= MAX_INBOUND_SSRCS:
            raise SrtpError("too many SSRCs")
        plain = _call(self._session.unprotect_rtcp, packet)
        self._ssrcs.add(ssrc)
        return plain


def derive_rtp_keys(profile: Profile, key: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """Derive the session key and salt of RTP (RFC 3711 section 4.3, RFC 7714 section 11)."""
    return (
        derive(key, salt, _LABEL_RTP_KEY, profile.key_size),
        derive(key, salt, _LABEL_RTP_SALT, profile.salt_size),
    )


def derive(key: bytes, salt: bytes, label: int, size: int) -> bytes:
    """Derive ``size`` bytes with AES-CM, key derivation rate 0 (RFC 3711 section 4.3.3).

    A 96-bit salt counts as one of 112 bits with zeros at the end (RFC 7714 section 11).
    """
    x = int.from_bytes(salt.ljust(14, b"\0"), "big") ^ label << 48
    counter = (x << 16).to_bytes(16, "big")
    keystream = Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor()
    return keystream.update(bytes(size))


def _first_bits(payload_type: int, extension: bytes) -> int:
    return _VERSION_2 | payload_type | (_EXTENSION if extension else 0)


def _policy(profile: Profile, key: bytes, window: int) -> pylibsrtp.Policy:
    policy = pylibsrtp.Policy(key=key, srtp_profile=_LIBSRTP_PROFILES[profile])
    policy.window_size = window
    return policy


def _call(function: Callable[[bytes], bytes], packet: bytes) -> bytes:
    """Call libsrtp, whose binding raises ValueError for what doesn't fit its buffer."""
    try:
        return function(packet)
    except (pylibsrtp.Error, ValueError) as error:
        raise SrtpError(str(error)) from error
