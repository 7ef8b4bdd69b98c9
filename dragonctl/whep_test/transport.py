"""aiortc's peer connection as a test needs it: loopback candidates, a tap, a close that ends.

The only file that looks behind aiortc's public names, because statistics of bytes, the SRTP
profile and the selected pair have none.
"""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable

from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCDtlsTransport,
    RTCPeerConnection,
    RTCRtpReceiver,
)
from aiortc.rtp import AnyRtcpPacket, RtcpSrPacket, RtpPacket

LOOPBACK = ("127.0.0.1", "::1")
RECEIVE_BUFFER = 4 << 20  # bytes: an instant start is sent faster than Python decrypts
CLOSE_TIMEOUT = 5.0  # seconds; aiortc has a history of closes that hang

# decode errors are counted by what they do to the picture; a terminal needs no line for each
logging.getLogger("aiortc").addHandler(logging.NullHandler())
logging.getLogger("aioice").addHandler(logging.NullHandler())


def open_peer() -> RTCPeerConnection:
    """Make a peer that wants one video and one audio over one transport."""
    # an empty list, since None means a public STUN server
    configuration = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
    peer = RTCPeerConnection(configuration)
    peer.addTransceiver("video", direction="recvonly")
    peer.addTransceiver("audio", direction="recvonly")
    return peer


def dtls_transport(peer: RTCPeerConnection) -> RTCDtlsTransport:
    """Return the one transport of a bundled peer."""
    return peer.getTransceivers()[0].receiver.transport


async def gather(peer: RTCPeerConnection, *, needs_loopback: bool) -> None:
    """Gather candidates, loopback ones if asked for or if the machine has no others.

    aioice leaves loopback out. But a socket bound to an interface's address can't talk to a
    server on 127.0.0.1 that answers from the address it was asked at, and a machine without
    network has no other address.
    """
    gatherer = dtls_transport(peer).transport.iceGatherer
    await gatherer.gather()
    connection = gatherer._connection  # noqa: SLF001 (no public door, see above)
    if needs_loopback or not gatherer.getLocalCandidates():
        found = await connection.get_component_candidates(component=1, addresses=list(LOOPBACK))
        connection._local_candidates += found  # noqa: SLF001
    for sock in sockets(peer):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)


def sockets(peer: RTCPeerConnection) -> list[socket.socket]:
    """Return the UDP sockets of a peer that has gathered."""
    connection = dtls_transport(peer).transport.iceGatherer._connection  # noqa: SLF001
    protocols = connection._protocols  # noqa: SLF001
    return [protocol.transport.get_extra_info("socket") for protocol in protocols]


async def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine's loopback."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        pass
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except OSError:
        return False  # the POST will say so
    return any(ipaddress.ip_address(entry[4][0]).is_loopback for entry in found)


def tap(
    receiver: RTCRtpReceiver,
    *,
    on_packet: Callable[[RtpPacket], None],
    on_sender_report: Callable[[RtcpSrPacket], None],
    forwards: bool,
) -> None:
    """Show every packet of a receiver to us first; without ``forwards`` nothing is decoded."""
    handle_rtp = receiver._handle_rtp_packet  # noqa: SLF001 (see the head of the file)
    handle_rtcp = receiver._handle_rtcp_packet  # noqa: SLF001

    async def receive_rtp(packet: RtpPacket, arrival_time_ms: int) -> None:
        on_packet(packet)
        if forwards:
            await handle_rtp(packet, arrival_time_ms)

    async def receive_rtcp(packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpSrPacket):
            on_sender_report(packet)
        await handle_rtcp(packet)

    receiver._handle_rtp_packet = receive_rtp  # type: ignore[method-assign] # noqa: SLF001
    receiver._handle_rtcp_packet = receive_rtcp  # type: ignore[method-assign] # noqa: SLF001


def srtp_profile(peer: RTCPeerConnection) -> str:
    """Name the agreed SRTP profile, empty before DTLS is connected."""
    connection = dtls_transport(peer)._ssl  # noqa: SLF001 (see the head of the file)
    return connection.get_selected_srtp_profile().decode("ascii") if connection else ""


def selected_pair(peer: RTCPeerConnection) -> tuple[str, str]:
    """Return the local and the remote address that media flows between, else empty."""
    connection = dtls_transport(peer).transport.iceGatherer._connection  # noqa: SLF001
    pair = connection._nominated.get(1)  # noqa: SLF001
    if pair is None:
        return "", ""
    local, remote = pair.local_addr, pair.remote_addr
    return f"{local[0]}:{local[1]}", f"{remote[0]}:{remote[1]}"


async def close_peer(peer: RTCPeerConnection) -> bool:
    """Close a peer; False if aiortc did not come back in time."""
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await peer.close()
    except TimeoutError:
        return False
    return True
