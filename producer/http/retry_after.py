"""The backlog rate: the speed at which jobs end, and the time after which to retry."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from typing import NamedTuple

from ledger.errors import LedgerError
from ledger.fleet.depth import FleetDepth
from schemas.ids import RecordKind

_SAMPLE_SECONDS = 5
_SAMPLES = 13
"""Number of samples, for one minute."""
_SHARE = 0.05
"""Share of the backlog that must be gone before a refused client retries."""
MOST_SECONDS = 120
"""Maximum seconds in `Retry-After`: clients that honour it wait no longer."""


class Sample(NamedTuple):
    """The ledger at one moment.

    Attributes:
        at: Seconds of a clock.
        ended: Number of jobs that have ended.
        open: Number of jobs that have not ended.
    """

    at: float
    ended: int
    open: int


def seconds_to_wait(samples: list[Sample]) -> int:
    """Return the seconds after which to retry; MOST_SECONDS when no job ends or nothing is known.

    Args:
        samples: Samples, the oldest first.
    """
    first, last = (samples[0], samples[-1]) if samples else (None, None)
    if first is None or last is None or last.ended <= first.ended:
        return MOST_SECONDS
    each_second = (last.ended - first.ended) / (last.at - first.at)
    return max(1, min(MOST_SECONDS, math.ceil(_SHARE * last.open / each_second)))


class BacklogRate:
    """Samples the ledger every few seconds.

    Args:
        depth: Reads the depth of the queues.
    """

    def __init__(self, depth: Callable[[], Awaitable[FleetDepth]]) -> None:
        self._depth = depth
        self._samples: deque[Sample] = deque(maxlen=_SAMPLES)

    def retry_after(self) -> int:
        """Return the seconds after which a refused submit may succeed."""
        return seconds_to_wait(list(self._samples))

    async def run(self) -> None:
        """Sample until cancelled."""
        while True:
            with suppress(LedgerError):
                self._samples.append(sample_of(await self._depth(), monotonic()))
            await asyncio.sleep(_SAMPLE_SECONDS)


def sample_of(depth: FleetDepth, at: float) -> Sample:
    """Return a sample of one reading."""
    of_jobs = f"{RecordKind.JOB}:"
    ended = sum(count for name, count in depth.closed.items() if name.startswith(of_jobs))
    standing = sum(one.in_line + one.suspects + one.dispatched + one.leased for one in depth.queues)
    return Sample(at, ended, standing + depth.waiting)
