"""Which addresses are public, and what an allow-list opens."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from settings.fleet import load_settings
from settings.own_ports import own_ports
from settings.sections.callbacks import CallbackSettings
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
    ("entry", "inside", "outside"),
    [
        ("10.1.0.0/16:9999", ("10.1.0.0", "10.1.255.255"), ("10.0.255.255", "10.2.0.0")),
        ("192.168.7.9:9999", ("192.168.7.9",), ("192.168.7.8", "192.168.7.10")),
        ("[fd12::/32]:9999", ("fd12::1", "fd12:0:f::"), ("fd11:ffff::", "fd12:1::")),
        ("127.0.0.0/8:9990-9999", ("127.0.0.0", "127.255.255.255"), ("126.255.255.255", "::1")),
        ("[::1]:9999", ("::1",), ("127.0.0.1", "::", "::2")),
    ],
)  # fmt: skip
def test_the_allow_list_admits_exactly_what_it_says(
    entry: str, inside: tuple[str, ...], outside: tuple[str, ...]
) -> None:
    """Its first and last address on its ports, mapped or not, and none beside them."""
    guard = EgressGuard((entry,))
    for address in inside:
        assert guard.admits(ip_address(address), 9999)
        assert not guard.admits(ip_address(address), 9989)
        assert not guard.admits(ip_address(address), 10_000)
        if "." in address:
            assert guard.admits(ip_address(f"::ffff:{address}"), 9999)
    for address in outside:
        assert not guard.admits(ip_address(address), 9999)


@pytest.mark.parametrize(
    "entry",
    [
        "10.0.0.0/8", "127.0.0.1", "fd00::/8", "fd00::/8:443", "[10.0.0.0/8]:443", "10.0.0.1/8:443",
        "10.0.0.0/8:", "10.0.0.0/8:0", "10.0.0.0/8:65536", "10.0.0.0/8:9-8", "10.0.0.0/8:*",
        "receiver:443", ":443", "10.0.0.0/8:443,444", "10.0.0.0/8:443 ",
    ],
)  # fmt: skip
def test_an_entry_without_its_port_is_refused_with_the_form(entry: str) -> None:
    """No entry opens every port of a network by being short."""
    with pytest.raises(ValueError, match=r"10\.20\.0\.0/16:443"):
        CallbackSettings(allow_networks=(entry,))


def test_an_allowed_network_opens_no_other_port_of_the_internet() -> None:
    """The list is about its own networks alone."""
    guard = EgressGuard(("10.0.0.0/8:1-65535",), ports=(443,))
    assert not guard.admits(ip_address("8.8.8.8"), 9999)
    assert not guard.admits(ip_address("169.254.169.254"), 443)


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "::1", "10.0.0.7"])
def test_the_ports_of_docfleets_own_servers_stay_closed_whatever_is_allowed(address: str) -> None:
    """At addresses that are not public; at the others `ports` alone counts."""
    everything = ("127.0.0.0/8:1-65535", "10.0.0.0/8:1-65535", "[::1]:1-65535")
    guard = EgressGuard(everything, ports=(443, 8080), own_ports=(6379, 8080))
    assert not guard.admits(ip_address(address), 6379)
    assert not guard.admits(ip_address(address), 8080)
    assert guard.admits(ip_address(address), 8081)
    assert guard.admits(ip_address("8.8.8.8"), 8080)


def test_a_deliver_worker_knows_its_servers_ports_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that servers of all kinds use may be a receiver's, and stay as they are."""
    (tmp_path / "fleet.toml").write_text("[callbacks]\nown_ports = [8888]\n")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://s3:8333")
    urls = {"redis://:word@redis:6380/0": 6380, "redis://redis/0": 6379}
    for url, port in urls.items():
        settings = load_settings(tmp_path / "fleet.toml", redis_url=url, metrics_port=9100)
        assert own_ports(settings) == {port, 8333, 8888, 9100}
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://minio.example:443")
    assert own_ports(settings) == {6379, 8888, 9100}
