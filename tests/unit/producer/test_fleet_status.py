"""The status of a fleet, from the ledger's counts."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.fleet.depth import FleetDepth, LedgerMemory, QueueDepth
from producer.fleet_status import fleet_status


def _queue(name: str, **counts: Any) -> QueueDepth:
    none = {
        "in_line": 0, "lanes": {}, "dispatched": 0, "leased": 0, "capacity": 4, "workers": 1,
        "head_age_seconds": 0,
    }  # fmt: skip
    return QueueDepth(name, **(none | counts))


def _depth(
    *queues: QueueDepth, full: bool = False, dead: dict[str, int] | None = None
) -> FleetDepth:
    by_name = {name: _queue(name) for name in ("prepare", "deliver", "batch", "infer.a")}
    by_name |= {queue.queue: queue for queue in queues}
    memory = LedgerMemory(2**20, 0, full)
    return FleetDepth(tuple(by_name.values()), 3, dead or {}, {}, {}, {}, memory, {})


def test_a_fleet_that_works_is_healthy_whatever_waits() -> None:
    """A long line, retries and dead letters are no standstill."""
    busy = _queue("infer.a", in_line=70, suspects=2, dispatched=8, leased=4, head_age_seconds=9.5)
    found = fleet_status(_depth(busy, dead={"engine.crashed": 2, "document.corrupt": 1}))
    assert (found.healthy, found.problems) == (True, ())
    assert (found.dead_letters, found.waiting) == (3, 3)
    assert [pool.name for pool in found.pools] == ["prepare", "a", "deliver", "batch"]
    pool = found.pools[1]
    assert (pool.queued, pool.running, pool.oldest_seconds) == (80, 4, 9.5)


@pytest.mark.parametrize(
    ("depth", "pools", "problem"),
    [
        (
            _depth(_queue("infer.a", workers=0, in_line=80, leased=2), _queue("infer.b")),
            (),
            "pool a has no live worker, and 82 records wait for one",
        ),
        (_depth(), ("a", "c"), "pool c has no live worker, and nothing waits for one"),
        (_depth(_queue("prepare", workers=0)), (), "prepare has no live worker, and nothing"),
        (
            _depth(_queue("batch", workers=0, dispatched=1)),
            (),
            "batch has no live worker, and 1 record waits for one",
        ),
        (_depth(_queue("infer.a", workers=0)), (), "no pool has a live worker"),
        (_depth(full=True), (), "Redis has no memory left"),
    ],
)
def test_what_stands_still_is_named(
    depth: FleetDepth, pools: tuple[str, ...], problem: str
) -> None:
    """And the fleet is not healthy."""
    found = fleet_status(depth, pools)
    assert not found.healthy
    assert len(found.problems) == 1
    assert found.problems[0].startswith(problem)


def test_a_pool_that_is_gone_and_empty_is_no_problem() -> None:
    """The ledger remembers the names of pools that a fleet had."""
    gone = _queue("infer.old", workers=0)
    assert fleet_status(_depth(gone), ("a",)).healthy


def test_a_role_that_nobody_needs_may_be_missing() -> None:
    """A fleet without batches has no worker for them."""
    assert fleet_status(_depth(_queue("batch", workers=0))).healthy
