"""Which pool a prepared job goes to."""

from __future__ import annotations

import pytest

from schemas.failure import FailureCode
from schemas.task import Task, TaskKind, TaskLimits
from workers.errors import StageError
from workers.routing import (
    NO_FALLBACK_POOLS,
    FallbackPools,
    PoolLimits,
    choose_pool,
    fallback_pools,
)

POOLS = [PoolLimits("small", "m7b", 2048), PoolLimits("large", "m7b", 32_768)]


ROWS = {"type": "object", "properties": {"rows": {"type": "array", "items": {"type": "object"}}}}


def _task(output: int, kind: TaskKind = TaskKind.SCORING) -> Task:
    return Task(
        name="t",
        version="1",
        kind=kind,
        instructions="Name the insured.",
        output_schema=ROWS,
        limits=TaskLimits(max_output_tokens=output),
    )


def test_the_first_pool_that_fits_is_taken() -> None:
    """Pools stand in the file cheapest first."""
    assert choose_pool(POOLS, [1000, 1000], [_task(256)]) == 0


def test_a_document_that_the_first_pool_cannot_hold_goes_to_the_next() -> None:
    """Document, instructions and the largest answer have to fit together."""
    assert choose_pool(POOLS, [1900, 1900], [_task(16), _task(256)]) == 1


def test_a_document_that_no_pool_holds_is_refused_with_the_numbers() -> None:
    """The message names the document's tokens and the largest pool."""
    with pytest.raises(StageError, match=r"40,000 tokens.*'large'.*32,768") as caught:
        choose_pool(POOLS, [40_000, 40_000], [_task(256)])
    assert caught.value.failure.code is FailureCode.DOCUMENT_TOO_LONG


def test_a_document_that_no_pool_holds_is_read_in_windows_where_the_task_allows_it() -> None:
    """In the pool with the longest context, which needs the fewest."""
    assert choose_pool(POOLS, [40_000, 40_000], [_task(256, TaskKind.EXTRACTION)]) == 1
    with pytest.raises(StageError):
        choose_pool(POOLS, [40_000, 40_000], [_task(256, TaskKind.EXTRACTION), _task(256)])


def test_a_list_is_always_read_in_windows_so_the_first_pool_holds_it() -> None:
    """However long the document is."""
    assert choose_pool(POOLS, [40_000, 40_000], [_task(256, TaskKind.LIST)]) == 0


def test_the_ways_out_of_a_pool_lead_to_later_ones_of_its_model() -> None:
    """More memory is at hand in the next of them, more context in the next that has it."""
    pools = [
        PoolLimits("t4", "m7b", 4096),
        PoolLimits("other", "m13b", 32_768),
        PoolLimits("l4", "m7b", 4096),
        PoolLimits("a100", "m7b", 16_384),
    ]
    assert fallback_pools(pools, "t4") == FallbackPools(larger="infer.l4", longer="infer.a100")
    assert fallback_pools(pools, "l4") == FallbackPools(larger="infer.a100", longer="infer.a100")
    assert fallback_pools(pools, "a100") == NO_FALLBACK_POOLS
    assert fallback_pools(pools, "other") == NO_FALLBACK_POOLS
