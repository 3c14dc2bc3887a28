"""Networks that deliveries may go to although they are not public, with their ports."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import NamedTuple, Self

_ENTRY = re.compile(
    r"(?:\[(?P<v6>[^\]]*:[^\]]*)\]|(?P<v4>[^:\[\]]+)):(?P<first>\d{1,5})(?:-(?P<last>\d{1,5}))?"
)
_FORM = (
    "name a network and its port, such as `10.20.0.0/16:443`, `127.0.0.1:9000-9010` or "
    "`[fd00:1::/64]:443`"
)
_HIGHEST_PORT = 65_535


class AllowedNetwork(NamedTuple):
    """One entry of `[callbacks] allow_networks`.

    Attributes:
        network: Addresses.
        ports: Ports of each of them.
    """

    network: IPv4Network | IPv6Network
    ports: range

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an entry, such as `10.1.0.0/16:443`.

        Raises:
            ValueError: It names no network or no port; the message shows the form.
        """
        found = _ENTRY.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r}: {_FORM}")
        try:
            network = ip_network(found["v6"] or found["v4"])
        except ValueError as error:
            raise ValueError(f"{text!r}: {error}; {_FORM}") from None
        first = int(found["first"])
        last = int(found["last"] or first)
        if not 1 <= first <= last <= _HIGHEST_PORT:
            raise ValueError(f"{text!r}: {_FORM}")
        return cls(network, range(first, last + 1))

    def holds(self, address: IPv4Address | IPv6Address, port: int) -> bool:
        """Return whether the entry includes this address and port."""
        return address in self.network and port in self.ports
