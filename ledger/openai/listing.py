"""Pages of a tenant's batches or files."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis

from ledger.connection import available
from ledger.stored import Stored, read_stored

_BATCH = 200


async def read_listed(
    redis: Redis, key: str, *, after: str | None, newest_first: bool, start: int = 0
) -> list[Stored]:
    """Return the next entries, without those that have been forgotten.

    Args:
        redis: The ledger's Redis.
        key: A sorted set of ids, by time.
        after: The last entry of the page before; an unknown one means the first page.
        newest_first: True for the newest first.
        start: Number of entries after that one which were already read.
    """
    async with available():
        if after is not None:
            rank: Any = await (redis.zrevrank if newest_first else redis.zrank)(key, after)
            start += 0 if rank is None else int(rank) + 1
        ids: Any = await redis.zrange(key, start, start + _BATCH - 1, desc=newest_first)
    return await read_stored(redis, ids)
