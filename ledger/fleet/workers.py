"""Workers in the ledger: a worker is live until one lease after its last heartbeat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis

from ledger import keys
from ledger.connection import available


class Workers:
    """The workers of one fleet; every method may raise LedgerUnavailableError."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def live(self) -> Mapping[str, frozenset[str]]:
        """Return the names of the live workers, by queue; a queue that was never used is missing.

        A worker that hangs, is stopped or takes no new work is not among them.
        """
        async with available():
            queues = sorted(str(name) for name in await self._redis.smembers(keys.QUEUES))
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.time()
                pipe.zrange(keys.WORKERS, 0, -1, withscores=True)
                for queue in queues:
                    pipe.hkeys(keys.CAPACITY.format(queue=queue))
                (seconds, micros), beats, *served_by = await pipe.execute()
        live = fresh(beats, seconds * 1000 + micros // 1000)
        return {
            queue: live.intersection(workers)
            for queue, workers in zip(queues, served_by, strict=True)
        }


def fresh(beats: Any, now_ms: int) -> frozenset[str]:
    """Return the workers whose heartbeat has not expired, from pairs of a worker and its expiry."""
    return frozenset(str(worker) for worker, expires_ms in beats if expires_ms > now_ms)
