"""What the ledger answers to a worker's heartbeat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class RevokedLease(NamedTuple):
    """A lease that its holder must let go, by its token."""

    token: str
    cancelled: bool


class Called(NamedTuple):
    """A suspect that the worker is to claim now, and the queue where it stands."""

    record_id: str
    queue: str


class Beat(NamedTuple):
    """What a worker has to know.

    Attributes:
        let_go: The leases that it has lost, or whose job is cancelled.
        called: The suspects that it is to claim; told again until it has.
        closed: Whether it may claim nothing else.
    """

    let_go: Sequence[RevokedLease] = ()
    called: Sequence[Called] = ()
    closed: bool = False


def read_beat(answer: Sequence[Any]) -> Beat:
    """Read what the script `heartbeat` gave."""
    closed, let_go, called = answer
    return Beat(
        [RevokedLease(token, verdict == "cancel") for token, verdict in _pairs(let_go)],
        [Called(record_id, queue) for record_id, queue in _pairs(called)],
        bool(closed),
    )


def _pairs(flat: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(flat[::2], flat[1::2], strict=True))
