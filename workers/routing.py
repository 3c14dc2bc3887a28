"""Routing: the first pool of the file that a prepared job fits. Pure."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

from schemas.failure import FailureCode
from schemas.queues import infer_queue
from schemas.task import ALWAYS_IN_WINDOWS, IN_WINDOWS, Task, TaskKind
from workers.errors import StageError

CHAT_TOKENS = 64
"""Tokens for the chat template and the system message around document and instructions."""

_WINDOW_TOKENS = 256
"""Minimum tokens for a window of a document that is read in several."""

_CHARACTERS_PER_TOKEN = 3
"""Cautious estimate for instructions, which are short; the document's tokens are counted."""


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """Limits of a pool."""

    name: str
    model: str
    max_model_len: int

    @property
    def queue(self) -> str:
        """Return the queue of the pool's workers."""
        return infer_queue(self.name)


@dataclass(frozen=True, slots=True)
class FallbackPools:
    """Queues of the pools for jobs that need more than their own pool has.

    Attributes:
        larger: Queue of the next pool with more memory.
        longer: Queue of the next pool with a longer context.
    """

    larger: str | None = None
    longer: str | None = None


NO_FALLBACK_POOLS = FallbackPools()


def fallback_pools(pools: Sequence[PoolLimits], name: str) -> FallbackPools:
    """Return the pools that a pool's jobs can go to: later ones of the same model.

    Args:
        pools: Pools in the order of fleet.toml, the cheapest and smallest first.
        name: Name of the pool.
    """
    names = [pool.name for pool in pools]
    own = pools[names.index(name)]
    later = [pool for pool in pools[names.index(name) + 1 :] if pool.model == own.model]
    longer = [pool for pool in later if pool.max_model_len > own.max_model_len]
    return FallbackPools(
        larger=later[0].queue if later else None, longer=longer[0].queue if longer else None
    )


def choose_pool(
    pools: Sequence[PoolLimits], document_tokens: Sequence[int], tasks: Sequence[Task]
) -> int:
    """Return the index of the first pool whose context holds the document for each of the tasks.

    If there is none, and the tasks can read windows of the document, choose the pool with the
    longest context, which needs the fewest windows.

    Args:
        pools: Pools in the order of fleet.toml, the cheapest first.
        document_tokens: Tokens of the document, by each pool's model.
        tasks: The tasks of the job.

    Raises:
        StageError: `document.too_long`; the message has the numbers.
    """
    by_length = sorted(range(len(pools)), key=lambda index: -pools[index].max_model_len)
    for order, in_windows in ((range(len(pools)), ALWAYS_IN_WINDOWS), (by_length, IN_WINDOWS)):
        for index in order:
            needed = _needed(document_tokens[index], tasks, in_windows)
            if needed <= pools[index].max_model_len:
                return index
    longest = pools[by_length[0]]
    raise StageError(
        FailureCode.DOCUMENT_TOO_LONG,
        f"The document has {min(document_tokens):,} tokens, and with instructions and answer needs "
        f"about {_needed(min(document_tokens), tasks, IN_WINDOWS):,}; "
        f"the largest pool, {longest.name!r}, holds {longest.max_model_len:,}.",
    )


def _needed(document: int, tasks: Sequence[Task], in_windows: Container[TaskKind]) -> int:
    """Return the tokens of a context for the largest question of the tasks."""
    return max(
        (_WINDOW_TOKENS if task.kind in in_windows else document)
        + task.limits.max_output_tokens
        + len(task.instructions) // _CHARACTERS_PER_TOKEN
        + CHAT_TOKENS
        for task in tasks
    )
