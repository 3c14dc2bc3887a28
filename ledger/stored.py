"""Records as Redis keeps them, many of them in one round trip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from redis.asyncio import Redis

from ledger import keys
from ledger.connection import available


class Stored(NamedTuple):
    """One record.

    Attributes:
        id: Its id.
        fields: The hash `docfleet:record:{id}`.
        history: The list `docfleet:history:{id}`, when asked for.
    """

    id: str
    fields: Mapping[str, str]
    history: Sequence[str] = ()


async def read_stored(redis: Redis, ids: Sequence[str]) -> list[Stored]:
    """Return these records without their histories; unknown ids are left out."""
    async with available(), redis.pipeline(transaction=False) as pipe:
        for record_id in ids:
            pipe.hgetall(keys.record(record_id))
        answers = await pipe.execute()
    return [Stored(one, fields) for one, fields in zip(ids, answers, strict=True) if fields]


async def read_whole(redis: Redis, ids: Sequence[str]) -> list[Stored]:
    """Return these records with their histories, all of the same moment.

    Unknown ids are left out.
    """
    async with available(), redis.pipeline(transaction=True) as pipe:
        for record_id in ids:
            pipe.hgetall(keys.record(record_id))
            pipe.lrange(keys.history(record_id), 0, -1)
        answers = iter(await pipe.execute())
    return [
        Stored(one, fields, history)
        for one, fields, history in zip(ids, answers, answers, strict=True)
        if fields
    ]
