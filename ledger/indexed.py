"""Records of several tenants in one order: each tenant has an index by time."""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis

from ledger import keys
from ledger.connection import available
from ledger.page import Cursor

_OLDEST = Cursor(-1, "")


async def indexed_tenants(redis: Redis) -> list[str]:
    """Return the names of the tenants that have jobs."""
    async with available():
        return sorted(str(name) for name in await redis.smembers(keys.INDEXED))


async def older(
    redis: Redis, names: Sequence[str], place: Cursor, oldest_ms: int, count: int
) -> list[Cursor]:
    """Return the records right before a place, the newest first.

    Args:
        redis: The ledger's.
        names: Keys of indexes.
        place: All of them lie before it.
        oldest_ms: None of them is older.
        count: Maximum records.
    """
    while names:
        async with available(), redis.pipeline(transaction=False) as pipe:
            for name in names:
                # Those of the same millisecond are read once more, and left out below.
                pipe.zrange(
                    name, place.at_ms, oldest_ms, desc=True, byscore=True,
                    offset=0, num=count, withscores=True,
                )  # fmt: skip
            answers = await pipe.execute()
        read = [[Cursor(int(score), one) for one, score in entries] for entries in answers]
        # A tenant's unread entries are all older than the last one that was read.
        known_to = max((one[-1] for one in read if len(one) == count), default=_OLDEST)
        fresh = [one for places in read for one in places if known_to <= one < place]
        if fresh or known_to is _OLDEST:
            return sorted(fresh, reverse=True)[:count]
        count *= 4  # more of one millisecond than were read
    return []
