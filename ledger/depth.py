"""How much work stands where: what metrics, `ps` and autoscaling read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from schemas import keys


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """One queue's records.

    Attributes:
        queue: Its name.
        in_line: Waiting for their turn.
        dispatched: Message out, not yet claimed.
        leased: Held by a worker.
        capacity: Records that its live workers can hold at once.
        workers: Live workers.
        head_age_seconds: Since the head of the line was submitted; 0 with no line.
    """

    queue: str
    in_line: int
    dispatched: int
    leased: int
    capacity: int
    workers: int
    head_age_seconds: float


@dataclass(frozen=True, slots=True)
class FleetDepth:
    """All queues, what waits for a retry, and how records ended so far.

    Attributes:
        queues: One entry a queue, by name.
        waiting: Records that failed and will be tried again.
        dead: Dead letters.
        closed: Count by `job:STATE` and `msg:STATE`.
    """

    queues: tuple[QueueDepth, ...]
    waiting: int
    dead: int
    closed: dict[str, int]


async def read_depth(redis: Redis) -> FleetDepth:
    """Count, in one transaction.

    Raises:
        redis.exceptions.RedisError: Whatever Redis has to say.
    """
    names = sorted(str(name) for name in await redis.smembers(keys.QUEUES))
    seconds, micros = await redis.time()
    async with redis.pipeline(transaction=True) as pipe:
        for name in names:
            pipe.zcard(keys.LINE.format(queue=name))
            pipe.zcard(keys.DISPATCHED.format(queue=name))
            pipe.zcard(keys.LEASED.format(queue=name))
            pipe.hvals(keys.CAPACITY.format(queue=name))
            pipe.zrange(keys.LINE.format(queue=name), 0, 0)
        pipe.zcard(keys.WAITING)
        pipe.zcard(keys.DEAD)
        pipe.hgetall(keys.CLOSED)
        *counts, waiting, dead, closed = await pipe.execute()
    queues = []
    for name, values in zip(names, zip(*[iter(counts)] * 5, strict=True), strict=True):
        head = values[-1]
        created = await redis.hget(keys.record(head[0]), "created") if head else None
        age = max(0.0, seconds + micros / 1e6 - int(created) / 1000) if created else 0.0
        queues.append(_queue_depth(name, age, values))
    return FleetDepth(tuple(queues), waiting, dead, {k: int(v) for k, v in closed.items()})


def _queue_depth(name: str, head_age: float, values: Sequence[Any]) -> QueueDepth:
    in_line, dispatched, leased, slots, _ = values
    return QueueDepth(
        queue=name,
        in_line=in_line,
        dispatched=dispatched,
        leased=leased,
        capacity=sum(int(slot) for slot in slots),
        workers=len(slots),
        head_age_seconds=head_age,
    )
