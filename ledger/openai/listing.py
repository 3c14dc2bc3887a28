"""Going through a tenant's batches or files, page by page."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis

from ledger.connection import available
from ledger.stored import Stored, read_stored

_BATCH = 200


async def read_listed(
    redis: Redis, key: str, *, after: str | None, newest_first: bool, start: int = 0
) -> list[Stored]:
    """The next entries; those that have been forgotten are left out.

    Args:
        redis: The ledger's.
        key: A sorted set of ids, by time.
        after: The last entry of the page before; one that is gone begins at the beginning.
        newest_first: In which order.
        start: How many entries after that one have been looked at.
    """
    async with available():
        if after is not None:
            rank: Any = await (redis.zrevrank if newest_first else redis.zrank)(key, after)
            start += 0 if rank is None else int(rank) + 1
        ids: Any = await redis.zrange(key, start, start + _BATCH - 1, desc=newest_first)
    return await read_stored(redis, ids)
