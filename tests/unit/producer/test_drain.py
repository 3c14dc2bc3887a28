"""When it is worth coming again, from how fast jobs have ended."""

from __future__ import annotations

import pytest

from ledger.fleet.depth import FleetDepth, LedgerMemory, QueueDepth
from producer.http.retry_after import Sample, sample_of, seconds_to_wait


@pytest.mark.parametrize(
    ("samples", "seconds"),
    [
        ([], 120),
        ([Sample(0, 5, 100)], 120),
        ([Sample(0, 5, 100), Sample(60, 5, 100)], 120),
        ([Sample(0, 0, 900), Sample(60, 120, 1000)], 25),
        ([Sample(0, 0, 900), Sample(30, 10, 990), Sample(60, 120, 1000)], 25),
        ([Sample(0, 0, 100), Sample(60, 6000, 100)], 1),
        ([Sample(0, 0, 0), Sample(60, 1, 1_000_000)], 120),
        ([Sample(0, 90, 50), Sample(60, 3, 50)], 120),
    ],
    ids=["nothing", "one", "still", "steady", "first to last", "fast", "slow", "another ledger"],
)
def test_a_twentieth_of_the_backlog_has_gone_by_then(samples: list[Sample], seconds: int) -> None:
    """At the rate of the samples; never more than clients wait for, and never at once."""
    assert seconds_to_wait(samples) == seconds


def test_a_sample_counts_jobs_and_no_deliveries_as_ended() -> None:
    """All records that have not ended are open."""
    queue = QueueDepth("prepare", 5, {"acme": 5}, 2, 1, 4, 1, 0.0)
    depth = FleetDepth(
        (queue, queue),
        3,
        {},
        {"job:dead": 2, "job:succeeded": 9, "msg:dead": 40},
        {},
        {},
        LedgerMemory(1, 2, full=False),
        {},
    )
    assert sample_of(depth, 1.5) == Sample(1.5, 11, 19)
