"""Candidates: which addresses a viewer is told to send to (RFC 8445 section 5.1.1)."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psutil

from daemon.errors import ConfigError

RESOLVE_SECONDS = 5.0
BRIDGES = ("docker", "br-", "veth", "virbr", "cni", "flannel", "podman")
HOST_PRIORITY = 126 << 24  # type preference of a host candidate, RFC 8445 section 5.1.2.2

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Advertised:
    """Addresses for the answer, best first; ``bind_host`` is "" for all interfaces."""

    addresses: tuple[str, ...]
    bind_host: str
    warnings: tuple[str, ...] = ()


async def find(
    *, public_ip: str, nat_1to1_ips: Sequence[str], include_loopback: bool
) -> Advertised:
    """Work out what to advertise; ConfigError when the configured addresses can't be used.

    ``nat_1to1_ips`` stand in for the machine's own addresses; ``public_ip`` (an address or a
    name, resolved here, since some browsers can't) comes before them. If all of these are
    loopback addresses, nothing else is listened on.
    """
    named: list[IPAddress] = []
    if public_ip:
        named += await _resolve("webrtc.public_ip", public_ip)
    for text in nat_1to1_ips:
        named += await _resolve("webrtc.nat_1to1_ips", text)
    if named and all(address.is_loopback for address in named):
        return Advertised(_texts(named), "127.0.0.1")
    own = [] if nat_1to1_ips else list(own_addresses())
    if include_loopback or not (named or own):
        own.append(ipaddress.ip_address("127.0.0.1"))
    return Advertised(_texts([*named, *own]), "")


def own_addresses() -> Iterable[IPAddress]:
    """List the addresses that a viewer could reach: no loopback, link-local, bridge."""
    stats = psutil.net_if_stats()
    for name, addresses in sorted(psutil.net_if_addrs().items()):
        # an alias such as eth0:0 has no state of its own
        found_stats = stats.get(name) or stats.get(name.partition(":")[0])
        if name.startswith(BRIDGES) or (found_stats is not None and not found_stats.isup):
            continue
        for address in addresses:
            if address.family not in (socket.AF_INET, socket.AF_INET6):
                continue
            found = ipaddress.ip_address(address.address.split("%")[0])
            if not (found.is_loopback or found.is_link_local or found.is_multicast):
                yield found


async def _resolve(key: str, text: str) -> list[IPAddress]:
    try:
        return [_usable(key, text, ipaddress.ip_address(text))]
    except ValueError:
        pass
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = await loop.getaddrinfo(text, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError, TimeoutError) as error:
        why = f"{text!r} is neither an IP address nor a name that can be resolved"
        raise ConfigError(f"{key}: {why}", problems={key: [why]}) from error
    return [_usable(key, text, ipaddress.ip_address(entry[4][0])) for entry in found]


def _usable(key: str, text: str, address: IPAddress) -> IPAddress:
    if address.is_unspecified or address.is_multicast:
        why = f"{text!r} is no address that a viewer could send to"
        raise ConfigError(f"{key}: {why}", problems={key: [why]})
    return address


def _texts(addresses: Iterable[IPAddress]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(address) for address in addresses))
