"""The ledger's answer to a worker's heartbeat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class RevokedLease(NamedTuple):
    """A lease that its holder must give up, by its token."""

    token: str
    cancelled: bool


class Called(NamedTuple):
    """A suspect that the worker is to claim now, and the queue where it stands."""

    record_id: str
    queue: str


class Beat(NamedTuple):
    """The instructions to a worker.

    Attributes:
        let_go: The leases that it has lost, or whose job is cancelled.
        called: The suspects that it has to claim; repeated until it does.
        closed: True when it may claim nothing else.
    """

    let_go: Sequence[RevokedLease] = ()
    called: Sequence[Called] = ()
    closed: bool = False


def read_beat(answer: Sequence[Any]) -> Beat:
    """Read the answer of the script `heartbeat`."""
    closed, let_go, called = answer
    return Beat(
        [RevokedLease(token, verdict == "cancel") for token, verdict in _pairs(let_go)],
        [Called(record_id, queue) for record_id, queue in _pairs(called)],
        bool(closed),
    )


def _pairs(flat: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(flat[::2], flat[1::2], strict=True))
