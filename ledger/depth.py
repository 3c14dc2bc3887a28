"""How much work stands where: what metrics, `ps` and autoscaling read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from redis.asyncio import Redis

from schemas import keys


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """One queue's records.

    Attributes:
        queue: Its name.
        in_line: Waiting for their turn.
        lanes: The same by lane: a tenant, or TENANT~low.
        dispatched: Message out, not yet claimed.
        leased: Held by a worker.
        capacity: Records that its live workers can hold at once.
        workers: Live workers.
        head_age_seconds: Since the oldest head of a lane was submitted; 0 with no line.
    """

    queue: str
    in_line: int
    lanes: dict[str, int]
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
        dead: Dead letters by failure code.
        closed: Count by `job:STATE` and `msg:STATE`.
    """

    queues: tuple[QueueDepth, ...]
    waiting: int
    dead: dict[str, int]
    closed: dict[str, int]


async def read_depth(redis: Redis) -> FleetDepth:
    """Count; lanes that come or go meanwhile are counted or not.

    Raises:
        redis.exceptions.RedisError: Whatever Redis has to say.
    """
    names = sorted(str(name) for name in await redis.smembers(keys.QUEUES))
    async with redis.pipeline(transaction=True) as pipe:
        pipe.zcard(keys.WAITING)
        pipe.hgetall(keys.DEAD_CODES)
        pipe.hgetall(keys.CLOSED)
        waiting, dead, closed = await pipe.execute()
    return FleetDepth(
        tuple([await _read_queue(redis, name) for name in names]),
        waiting,
        {code: int(count) for code, count in dead.items()},
        {ending: int(count) for ending, count in closed.items()},
    )


async def _read_queue(redis: Redis, name: str) -> QueueDepth:
    lanes = sorted(str(lane) for lane in await redis.zrange(keys.TURNS.format(queue=name), 0, -1))
    async with redis.pipeline(transaction=True) as pipe:
        pipe.zcard(keys.DISPATCHED.format(queue=name))
        pipe.zcard(keys.LEASED.format(queue=name))
        pipe.hvals(keys.CAPACITY.format(queue=name))
        for lane in lanes:
            pipe.zcard(keys.LINE.format(queue=name, lane=lane))
            pipe.zrange(keys.LINE.format(queue=name, lane=lane), 0, 0)
        dispatched, leased, slots, *by_lane = await pipe.execute()
    return QueueDepth(
        queue=name,
        in_line=sum(by_lane[::2]),
        lanes=dict(zip(lanes, by_lane[::2], strict=True)),
        dispatched=dispatched,
        leased=leased,
        capacity=sum(int(slot) for slot in slots),
        workers=len(slots),
        head_age_seconds=await _oldest_age(redis, [head[0] for head in by_lane[1::2] if head]),
    )


async def _oldest_age(redis: Redis, ids: Sequence[str]) -> float:
    """Seconds since the first of these records was written; 0 where there is none."""
    async with redis.pipeline(transaction=True) as pipe:
        pipe.time()
        for record_id in ids:
            pipe.hget(keys.record(record_id), "created")
        (seconds, micros), *created = await pipe.execute()
    now = seconds * 1000 + micros // 1000
    return max((now - int(at) for at in created if at), default=0) / 1000
