"""Ports: free, remembered, and never one that was not asked for."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from docfleet.errors import PortTakenError
from docfleet.stack.ports import Ports


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_same_name_gets_the_same_port_again(tmp_path: Path) -> None:
    """The next stack finds its ports where the last one had them."""
    path = tmp_path / "ports.json"
    assert Ports(path).choose("redis") == Ports(path).choose("redis")


def test_remembered_port_that_is_taken_is_replaced(tmp_path: Path, taken: int) -> None:
    """Somebody else may have moved in meanwhile."""
    path = tmp_path / "ports.json"
    path.write_text(f'{{"redis": {taken}}}')
    port = Ports(path).choose("redis")
    assert port != taken
    assert Ports(path).choose("redis") == port


def test_port_that_was_told_is_taken_or_refused(tmp_path: Path, taken: int) -> None:
    """Never another one in its place."""
    with pytest.raises(PortTakenError, match=str(taken)):
        Ports(tmp_path / "ports.json").choose("redis", told=taken)
    free = Ports(tmp_path / "ports.json").choose("api")
    assert Ports(tmp_path / "others.json").choose("redis", told=free) == free


def test_twin_has_to_be_free_too(tmp_path: Path, taken: int) -> None:
    """SeaweedFS listens on both."""
    with pytest.raises(PortTakenError, match="takes too"):
        Ports(tmp_path / "ports.json").choose("s3", told=taken - 10_000, twin=10_000)


def test_told_port_whose_twin_is_no_port_is_refused(tmp_path: Path) -> None:
    """There is nothing above 65535."""
    with pytest.raises(PortTakenError):
        Ports(tmp_path / "ports.json").choose("s3", told=60_000, twin=10_000)


def test_no_port_is_given_twice(tmp_path: Path) -> None:
    """Neither as a port nor as a twin."""
    ports = Ports(tmp_path / "ports.json")
    first = ports.choose("one", twin=10_000)
    with pytest.raises(PortTakenError):
        ports.choose("two", told=first + 10_000)


def test_damaged_memory_is_replaced(tmp_path: Path) -> None:
    """Ports can be found again; the stack need not refuse to start."""
    path = tmp_path / "ports.json"
    path.write_text("{")
    assert Ports(path).choose("redis") == Ports(path).choose("redis")
