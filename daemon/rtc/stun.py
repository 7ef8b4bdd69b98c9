"""STUN messages, strictly: Binding requests and responses as ICE uses them (RFC 8489, 8445).

Not on aioice's parser: it takes attributes that run past the end, lets the last of two
usernames win and hides unknown attributes that must be understood, so no door behind it could
be strict.
"""

import binascii
import hashlib
import hmac
import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from daemon.errors import StunError
from daemon.rtc.demux import Address

BINDING: Final = 0x001
ROLE_CONFLICT: Final = 487  # RFC 8445 section 7.3.1.1

_COOKIE: Final = 0x2112A442
_FINGERPRINT_XOR: Final = 0x5354554E
_HEADER: Final = struct.Struct("!HHI12s")
_ATTRIBUTE: Final = struct.Struct("!HH")
_MAC_SIZE: Final = hashlib.sha1(usedforsecurity=False).digest_size
_MAC_ATTRIBUTE_SIZE: Final = _ATTRIBUTE.size + _MAC_SIZE
_FINGERPRINT_ATTRIBUTE_SIZE: Final = 8
_MAX_SIZE: Final = 1500  # bytes; one datagram
_FAMILY_IPV4: Final = 1
_FAMILY_IPV6: Final = 2

_USERNAME: Final = 0x0006
_MESSAGE_INTEGRITY: Final = 0x0008
_ERROR_CODE: Final = 0x0009
_XOR_MAPPED_ADDRESS: Final = 0x0020
_PRIORITY: Final = 0x0024
_USE_CANDIDATE: Final = 0x0025
_FINGERPRINT: Final = 0x8028
_ICE_CONTROLLED: Final = 0x8029
_ICE_CONTROLLING: Final = 0x802A

# RFC 8489 section 14: types below 0x8000 must be understood. MAPPED-ADDRESS,
# UNKNOWN-ATTRIBUTES, REALM, NONCE, the SHA-256 integrity and its two companions say nothing
# that ICE asks about.
_UNDERSTOOD: Final = frozenset(
    {
        *(0x0001, 0x000A, 0x0014, 0x0015, 0x001C, 0x001D, 0x001E),
        *(_USERNAME, _MESSAGE_INTEGRITY, _ERROR_CODE, _XOR_MAPPED_ADDRESS, _PRIORITY),
        _USE_CANDIDATE,
    }
)
_FIXED_SIZES: Final = {
    _MESSAGE_INTEGRITY: _MAC_SIZE,
    _PRIORITY: 4,
    _USE_CANDIDATE: 0,
    _FINGERPRINT: 4,
    _ICE_CONTROLLED: 8,
    _ICE_CONTROLLING: 8,
}


class MessageClass(IntEnum):
    """What a message is; the values are the class bits of its type."""

    REQUEST = 0x000
    INDICATION = 0x010
    SUCCESS = 0x100
    ERROR = 0x110


@dataclass(frozen=True, slots=True)
class Message:
    """A well-formed message. Believe nothing in it before ``verify``.

    ``controlling`` and ``controlled`` hold the sender's tie-breaker, or None.
    """

    method: int
    message_class: MessageClass
    transaction_id: bytes
    username: str | None
    priority: int | None
    use_candidate: bool
    controlling: int | None
    controlled: int | None
    mapped_address: Address | None
    error_code: int | None
    has_fingerprint: bool
    _signed: bytes = field(repr=False)
    _mac: bytes | None = field(repr=False)

    def verify(self, key: bytes) -> bool:
        """Whether MESSAGE-INTEGRITY is there and was made with ``key``; in constant time."""
        if self._mac is None:
            return False
        return hmac.compare_digest(self._mac, hmac.digest(key, self._signed, "sha1"))


def parse(data: bytes) -> Message:
    """Read one datagram.

    Raises:
        StunError: not exactly one whole message with valid attributes, or a wrong FINGERPRINT.

    """
    if not _HEADER.size <= len(data) <= _MAX_SIZE:
        raise StunError("size out of range")
    message_type, length, cookie, transaction_id = _HEADER.unpack_from(data)
    if message_type & 0xC000 or cookie != _COOKIE:
        raise StunError("not STUN")
    if length % 4 or length != len(data) - _HEADER.size:
        raise StunError("length doesn't fit")
    values, signed = _read_attributes(data)
    return Message(
        method=message_type & 0x3EEF,
        message_class=MessageClass(message_type & 0x0110),
        transaction_id=transaction_id,
        username=_read_text(values.get(_USERNAME)),
        priority=_read_number(values.get(_PRIORITY)),
        use_candidate=_USE_CANDIDATE in values,
        controlling=_read_number(values.get(_ICE_CONTROLLING)),
        controlled=_read_number(values.get(_ICE_CONTROLLED)),
        mapped_address=_read_address(values.get(_XOR_MAPPED_ADDRESS), transaction_id),
        error_code=_read_error_code(values.get(_ERROR_CODE)),
        has_fingerprint=_FINGERPRINT in values,
        _signed=signed,
        _mac=values.get(_MESSAGE_INTEGRITY),
    )


def local_ufrag(data: bytes) -> str | None:
    """Whom a check is for: USERNAME up to the colon, unproven; None: it has none (a response).

    Total and cheap, since it sorts datagrams that nobody has authenticated yet.
    """
    position, end = _HEADER.size, len(data)
    while position + _ATTRIBUTE.size <= end:
        kind, size = _ATTRIBUTE.unpack_from(data, position)
        position += _ATTRIBUTE.size
        if kind == _USERNAME:
            ufrag, colon, _ = data[position : position + size].partition(b":")
            return ufrag.decode("latin-1") if colon else None
        position += size + (-size % 4)
    return None


def build_binding_request(
    transaction_id: bytes,
    username: str,
    key: bytes,
    priority: int,
    tie_breaker: int,
    controlling: bool,
) -> bytes:
    """Build a connectivity check (RFC 8445 section 7.1); ``key`` is the receiver's password."""
    role = _ICE_CONTROLLING if controlling else _ICE_CONTROLLED
    attributes = (
        _build_attribute(_USERNAME, username.encode())
        + _build_attribute(_PRIORITY, priority.to_bytes(4, "big"))
        + _build_attribute(role, tie_breaker.to_bytes(8, "big"))
    )
    return _build(MessageClass.REQUEST, transaction_id, attributes, key)


def build_binding_success(request: Message, address: Address, key: bytes) -> bytes:
    """Answer ``request``, which came from ``address`` and verified with ``key``."""
    value = _build_xor_address(address, request.transaction_id)
    attributes = _build_attribute(_XOR_MAPPED_ADDRESS, value)
    return _build(MessageClass.SUCCESS, request.transaction_id, attributes, key)


def build_role_conflict(request: Message, key: bytes) -> bytes:
    """Tell the sender of ``request`` to take the other role; no phrase, so it stays small."""
    value = struct.pack("!HBB", 0, ROLE_CONFLICT // 100, ROLE_CONFLICT % 100)
    attributes = _build_attribute(_ERROR_CODE, value)
    return _build(MessageClass.ERROR, request.transaction_id, attributes, key)


def _walk(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Give each attribute as (where it starts, its type, its value)."""
    position, end = _HEADER.size, len(data)
    while position < end:
        kind, size = _ATTRIBUTE.unpack_from(data, position)  # length % 4: four bytes are there
        start = position + _ATTRIBUTE.size
        following = start + size + (-size % 4)
        if following > end:
            raise StunError("attribute runs past the end")
        if _FIXED_SIZES.get(kind, size) != size:
            raise StunError("attribute of a wrong size")
        yield position, kind, data[start : start + size]
        position = following


def _read_attributes(data: bytes) -> tuple[dict[int, bytes], bytes]:
    """Return what counts, the first of each type, and what MESSAGE-INTEGRITY covers."""
    values: dict[int, bytes] = {}
    signed = b""
    for position, kind, value in _walk(data):
        if _FINGERPRINT in values:
            raise StunError("FINGERPRINT isn't last")
        if kind == _FINGERPRINT:
            _check_fingerprint(data, position, value)
        elif signed:
            continue  # RFC 8489 section 14.5: not covered, so it doesn't count
        elif kind == _MESSAGE_INTEGRITY:
            signed = _with_length(data[:position], position + _MAC_ATTRIBUTE_SIZE)
        elif kind < 0x8000 and kind not in _UNDERSTOOD:
            raise StunError("unknown attribute that must be understood")
        values.setdefault(kind, value)
    return values, signed


def _check_fingerprint(data: bytes, position: int, value: bytes) -> None:
    if position + _FINGERPRINT_ATTRIBUTE_SIZE != len(data):
        raise StunError("FINGERPRINT isn't last")
    if value != _fingerprint(data[:position]):
        raise StunError("FINGERPRINT doesn't match")


def _read_text(value: bytes | None) -> str | None:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise StunError("USERNAME isn't UTF-8") from error


def _read_number(value: bytes | None) -> int | None:
    return None if value is None else int.from_bytes(value, "big")


def _read_error_code(value: bytes | None) -> int | None:
    if value is None:
        return None
    if len(value) < 4:
        raise StunError("ERROR-CODE is short")
    return (value[2] & 7) * 100 + value[3]


def _read_address(value: bytes | None, transaction_id: bytes) -> Address | None:
    if value is None:
        return None
    size = {_FAMILY_IPV4: 4, _FAMILY_IPV6: 16}.get(value[1] if len(value) > 1 else 0)
    if size is None or len(value) != 4 + size:
        raise StunError("XOR-MAPPED-ADDRESS of no known family")
    port = int.from_bytes(value[2:4], "big") ^ (_COOKIE >> 16)
    return str(ipaddress.ip_address(_xor(value[4:], transaction_id))), port


def _xor(packed: bytes, transaction_id: bytes) -> bytes:
    size = len(packed)
    pad = (_COOKIE.to_bytes(4, "big") + transaction_id)[:size]
    return (int.from_bytes(packed, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")


def _build_xor_address(address: Address, transaction_id: bytes) -> bytes:
    host = ipaddress.ip_address(address[0])
    family = _FAMILY_IPV4 if host.version == 4 else _FAMILY_IPV6
    head = struct.pack("!BBH", 0, family, address[1] ^ (_COOKIE >> 16))
    return head + _xor(host.packed, transaction_id)


def _build_attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def _build(
    message_class: MessageClass, transaction_id: bytes, attributes: bytes, key: bytes
) -> bytes:
    """Build a Binding message with MESSAGE-INTEGRITY and FINGERPRINT."""
    data = _HEADER.pack(BINDING | message_class, 0, _COOKIE, transaction_id) + attributes
    data = _with_length(data, len(data) + _MAC_ATTRIBUTE_SIZE)
    data += _build_attribute(_MESSAGE_INTEGRITY, hmac.digest(key, data, "sha1"))
    data = _with_length(data, len(data) + _FINGERPRINT_ATTRIBUTE_SIZE)
    return data + _build_attribute(_FINGERPRINT, _fingerprint(data))


def _with_length(data: bytes, size: int) -> bytes:
    """Let the header of ``data`` announce ``size`` bytes in all (RFC 8489 section 14.5)."""
    return data[:2] + (size - _HEADER.size).to_bytes(2, "big") + data[4:]


def _fingerprint(data: bytes) -> bytes:
    """Return FINGERPRINT's value; the length field in ``data`` must cover it already."""
    return (binascii.crc32(data) ^ _FINGERPRINT_XOR).to_bytes(4, "big")
