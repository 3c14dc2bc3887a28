"""Which addresses are public, and what an allow-list opens."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from workers.deliver.egress import EgressGuard, is_public

NOT_PUBLIC = (
    "0.0.0.0",  # noqa: S104  # nothing is bound to it
    "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200",
    "100.127.255.255", "127.0.0.1", "127.255.255.254", "168.63.129.16", "169.254.169.254",
    "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1",
    "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9",
    "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1", "64:ff9b::a00:1", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1",
    "2001::1", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::1",
    "2002:808:808::1", "3fff::1", "4000::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1",
    "fec0::1", "ff02::1", "ff0e::1",
)  # fmt: skip
PUBLIC = (
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "93.184.216.34", "100.63.255.255",
    "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0",
    "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
    "198.20.0.0", "223.255.255.255", "::ffff:8.8.8.8", "2001:4860:4860::8888",
    "2606:4700::1111", "2a00:1450:4001::1",
)  # fmt: skip


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_of_the_open_internet_is_refused(address: str) -> None:
    """On every port, whatever form of it the resolver gives."""
    assert not is_public(ip_address(address))
    guard = EgressGuard(ports=range(65536))
    assert not guard.admits(ip_address(address), 443)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_admitted_on_the_ports_of_the_policy_alone(address: str) -> None:
    """The neighbours of the refused networks among them."""
    guard = EgressGuard(ports=(443,))
    assert guard.admits(ip_address(address), 443)
    assert not guard.admits(ip_address(address), 22)


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("10.1.0.0/16", ("10.1.0.0", "10.1.255.255"), ("10.0.255.255", "10.2.0.0")),
        ("192.168.7.9/32", ("192.168.7.9",), ("192.168.7.8", "192.168.7.10")),
        ("fd12:3456::/32", ("fd12:3456::1", "fd12:3456:f::"), ("fd12:3455:f::", "fd12:3457::")),
        ("127.0.0.0/8", ("127.0.0.0", "127.255.255.255"), ("126.255.255.255", "128.0.0.0", "::1")),
    ],
)  # fmt: skip
def test_the_allow_list_admits_exactly_what_it_says(
    network: str, inside: tuple[str, ...], outside: tuple[str, ...]
) -> None:
    """Its first and last address on any port, mapped or not, and none beside them."""
    guard = EgressGuard((network,))
    for address in inside:
        assert guard.admits(ip_address(address), 9999)
        if "." in address:
            assert guard.admits(ip_address(f"::ffff:{address}"), 9999)
    for address in outside:
        assert not guard.admits(ip_address(address), 9999)


def test_an_allowed_network_opens_no_other_port_of_the_internet() -> None:
    """The list is about its own networks alone."""
    guard = EgressGuard(("10.0.0.0/8",), ports=(443,))
    assert not guard.admits(ip_address("8.8.8.8"), 9999)
    assert not guard.admits(ip_address("169.254.169.254"), 443)
