"""Port of a part's metrics, from the environment of the part."""

from __future__ import annotations

import os
import socket

import pytest

from tests.fixtures.command import run_command


@pytest.mark.parametrize(
    ("words", "code"), [(("worker", "prepare"), os.EX_CONFIG), (("watch",), 2)], ids=str
)
async def test_a_metrics_port_that_is_taken_ends_the_part_with_one_line(
    environment: dict[str, str], words: tuple[str, ...], code: int
) -> None:
    """The part exits as for any other wrong setting."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = await run_command({**environment, "DOCFLEET_METRICS_PORT": str(port)}, *words)
    (line,) = done.err.splitlines()
    assert line == (
        f"docfleet: metrics_port: 127.0.0.1:{port} cannot be listened to: Address already in use"
    )
    assert done.code == code


@pytest.mark.parametrize("port", ["0", "65536", "ninety"])
async def test_a_port_that_is_none_is_refused(environment: dict[str, str], port: str) -> None:
    """The message names the setting."""
    done = await run_command({**environment, "DOCFLEET_METRICS_PORT": port}, "worker", "prepare")
    assert done.code == os.EX_CONFIG
    assert "metrics_port" in done.err
