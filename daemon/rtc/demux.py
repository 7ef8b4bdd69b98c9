"""First bytes of a datagram -> whose it is: STUN, DTLS, RTP or RTCP (RFC 7983, 5761)."""

from enum import StrEnum
from typing import Final

Address = tuple[str, int]  # host, port; see normalise

_MAPPED_PREFIX: Final = "::ffff:"

# What a protocol can't do with less: a shorter datagram is nobody's.
_STUN_HEADER: Final = 20
_DTLS_RECORD_HEADER: Final = 13
_RTP_HEADER: Final = 12
_RTCP_HEADER: Final = 8


class Kind(StrEnum):
    """The protocols that share a viewer's port."""

    STUN = "stun"
    DTLS = "dtls"
    RTP = "rtp"
    RTCP = "rtcp"


def classify(data: bytes) -> Kind | None:
    """Tell by the first bytes who should read ``data``; None: drop it.

    Total, and cheap on the way to None: this is what a flood meets first.
    """
    size = len(data)
    if size < _RTCP_HEADER:
        return None
    first = data[0]
    if 128 <= first <= 191:
        if 192 <= data[1] <= 223:  # RFC 5761 section 4: payload types 64-95 are not for RTP
            return Kind.RTCP
        return Kind.RTP if size >= _RTP_HEADER else None
    if 20 <= first <= 63:
        return Kind.DTLS if size >= _DTLS_RECORD_HEADER else None
    return Kind.STUN if first <= 3 and size >= _STUN_HEADER else None


def normalise(host: str, port: int) -> Address:
    """Write a peer's address in one way only: an IPv4 peer is never ``::ffff:a.b.c.d``.

    A dual-stack socket reports it so, and one viewer would have two addresses.
    """
    if host.startswith(_MAPPED_PREFIX) and "." in host:
        return host[len(_MAPPED_PREFIX) :], port
    return host, port
