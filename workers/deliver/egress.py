"""Egress rules: addresses that deliveries may go to, checked for each connection.

A URL proves nothing: its name may resolve to any address, and to another one the next time. The
guard sees the very address that is about to be dialled.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Collection, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp.abc import AbstractResolver
from aiohttp.connector import AddrInfoType, TCPConnector

from settings.allowed_network import AllowedNetwork

Address = IPv4Address | IPv6Address

_NOT_PUBLIC_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT; some clouds answer for their metadata here
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host agent
        "169.254.0.0/16",  # link-local, and most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_PUBLIC_V6 = IPv6Network("2000::/3")
"""Addresses that are allocated as global unicast; NAT64, unique local and the rest are outside."""
_NOT_PUBLIC_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocols' own: Teredo, ORCHID, benchmarks
        "2001:db8::/32",
        "2002::/16",  # 6to4: leads to any IPv4 address
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)


class EgressForbiddenError(OSError):
    """The address is not allowed."""

    def __init__(self) -> None:
        # One text for all addresses of a name: the dialler passes on errors that are equal.
        super().__init__(errno.EACCES, "deliveries may not go to this address or port")


def is_public(address: Address) -> bool:
    """Tell whether an address belongs to the open internet.

    `is_global` of the standard library also accepts multicast, NAT64, 6to4 and others.
    """
    plain = _unwrapped(address)
    if isinstance(plain, IPv4Address):
        return not any(plain in network for network in _NOT_PUBLIC_V4)
    return plain in _PUBLIC_V6 and not any(plain in network for network in _NOT_PUBLIC_V6)


def _unwrapped(address: Address) -> Address:
    """Return the IPv4 address inside an IPv6 address that stands for it."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


class EgressGuard:
    """Rule for the addresses of connections.

    Args:
        allow_networks: Networks that are not public but allowed, each with its ports, from
            `[callbacks] allow_networks`.
        ports: Ports that are allowed at public addresses.
        own_ports: Ports of docfleet's own servers, which `allow_networks` cannot open.
    """

    def __init__(
        self,
        allow_networks: Sequence[str] = (),
        ports: Collection[int] = (),
        own_ports: Collection[int] = (),
    ) -> None:
        self._allowed = tuple(AllowedNetwork.parse(network) for network in allow_networks)
        self._ports = frozenset(ports)
        self._own_ports = frozenset(own_ports)

    def admits(self, address: Address, port: int) -> bool:
        """Return whether this address and port may be dialled."""
        plain = _unwrapped(address)
        if is_public(plain) and port in self._ports:
            return True
        is_named = any(one.holds(plain, port) for one in self._allowed)
        return is_named and (is_public(plain) or port not in self._own_ports)

    def connector(self, resolver: AbstractResolver | None = None) -> TCPConnector:
        """Return a connector that dials only allowed addresses.

        Args:
            resolver: Resolves names; the system's resolver by default.
        """
        # No bound on connections: claims are bounded. No cache: a name may change its address at
        # any time.
        return TCPConnector(
            limit=0, socket_factory=self._open_socket, resolver=resolver, use_dns_cache=False
        )

    def _open_socket(self, target: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, place = target
        host, port = str(place[0]).partition("%")[0], int(place[1])
        if not self.admits(ip_address(host), port):
            raise EgressForbiddenError
        return socket.socket(family=family, type=kind, proto=protocol)


def was_forbidden(error: BaseException | None) -> bool:
    """Tell whether the guard made a request fail."""
    while error is not None:
        if isinstance(error, EgressForbiddenError):
            return True
        error = error.__cause__ or error.__context__
    return False
