"""Whose program is at the other end of a connection of this machine (sock_diag(7)).

The command line of an FFmpeg can be read by every user of the machine, its grant included; so
a grant counts only for connections that belong to our own user.
"""

import errno
import logging
import os
import socket
import struct
import sys
from ipaddress import ip_address

log = logging.getLogger(__name__)

_FAMILY = 4  # NETLINK_SOCK_DIAG
_BY_FAMILY = 20  # SOCK_DIAG_BY_FAMILY
_ERROR = 2  # NLMSG_ERROR
_REQUEST = 1  # NLM_F_REQUEST: this one socket, no dump
_HEADER = struct.Struct("=IHHII")
_QUERY = struct.Struct("=BBBxI2s2s16s16sIQ")  # inet_diag_req_v2
_ANSWER = struct.Struct("=BBBB48xIIIII")  # inet_diag_msg; uid is the fourth of the last five
_ANY = 2**32 - 1
_SECONDS = 1.0
_MISSING = frozenset({errno.ENOENT, errno.ESTALE})


def is_ours(client: tuple[str, int], server: tuple[str, int]) -> bool:
    """Whether the client's socket belongs to our user, as far as the kernel tells.

    Where nobody can ask (no Linux, a sandbox) the answer is yes.
    """
    if not sys.platform.startswith("linux"):
        return True
    try:
        owner = owner_of(client, server)
    except OSError as error:
        log.debug("the owner of a connection can't be found: %s", error)
        return error.errno not in _MISSING
    return owner == os.geteuid()


def owner_of(client: tuple[str, int], server: tuple[str, int]) -> int:
    """Give the user id of the client's socket. Raises OSError."""
    source, target = ip_address(client[0]), ip_address(server[0])
    family = socket.AF_INET if source.version == 4 else socket.AF_INET6
    query = _QUERY.pack(
        *(family, socket.IPPROTO_TCP, 0, _ANY),
        *(struct.pack(">H", client[1]), struct.pack(">H", server[1])),
        *(source.packed.ljust(16, b"\0"), target.packed.ljust(16, b"\0")),
        *(0, 2**64 - 1),
    )
    header = _HEADER.pack(_HEADER.size + len(query), _BY_FAMILY, _REQUEST, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _FAMILY) as asker:
        asker.settimeout(_SECONDS)
        asker.sendto(header + query, (0, 0))
        answer = asker.recv(4096)
    _, kind, *_ = _HEADER.unpack_from(answer)
    if kind == _ERROR:
        (code,) = struct.unpack_from("=i", answer, _HEADER.size)
        raise OSError(-code, os.strerror(-code))
    return int(_ANSWER.unpack_from(answer, _HEADER.size)[7])
