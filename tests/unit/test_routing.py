"""Which pool a prepared job goes to."""

from __future__ import annotations

import pytest

from schemas.failure import FailureCode
from schemas.task import Task, TaskKind, TaskLimits
from workers.errors import StageError
from workers.routing import PoolLimits, choose_pool

POOLS = [PoolLimits("small", 2048), PoolLimits("large", 32_768)]


def _task(output: int) -> Task:
    return Task(
        name="t",
        version="1",
        kind=TaskKind.EXTRACTION,
        instructions="Name the insured.",
        output_schema={"type": "object"},
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
