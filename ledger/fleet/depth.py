"""Depth of the queues: the counts that metrics, `ps` and autoscaling read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from redis.asyncio import Redis

from ledger import keys
from ledger.fleet.workers import fresh
from schemas.queues import DELIVER_QUEUE


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """Records of one queue.

    Attributes:
        queue: The queue's name.
        in_line: Waiting for their turn.
        lanes: The same by lane: a tenant, or TENANT~low.
        suspects: Suspects that wait until they may run with few others, or alone.
        dispatched: Message out, not yet claimed.
        leased: Held by a worker.
        capacity: Records that its live workers can hold at once.
        workers: Live workers.
        head_age_seconds: Seconds since the oldest head of a lane was submitted; 0 for an empty
            line.
        behind: Deliveries that wait until fewer to the same receiver are under way.
    """

    queue: str
    in_line: int
    lanes: dict[str, int]
    dispatched: int
    leased: int
    capacity: int
    workers: int
    head_age_seconds: float
    behind: int = 0
    suspects: int = 0


@dataclass(frozen=True, slots=True)
class LedgerMemory:
    """Memory of Redis: used and allowed.

    Attributes:
        used_bytes: In use.
        limit_bytes: Redis' maxmemory; 0 when there is none.
        full: True when submits are refused.
    """

    used_bytes: int
    limit_bytes: int
    full: bool


@dataclass(frozen=True, slots=True)
class FleetDepth:
    """Depth of all queues, the waiting retries, and the totals of records received and ended.

    Attributes:
        queues: One entry a queue, by name.
        waiting: Records that failed and will be tried again.
        dead: Dead letters by failure code.
        closed: Count by `job:STATE` and `msg:STATE`.
        opened: Count of records that were written, by `job`, `msg`, `batch` and `file`.
        engines: Count by `QUEUE:started` and `QUEUE:died`.
        memory: Memory of Redis.
        stored: Bytes of each tenant's records.
    """

    queues: tuple[QueueDepth, ...]
    waiting: int
    dead: dict[str, int]
    closed: dict[str, int]
    opened: dict[str, int]
    engines: dict[str, int]
    memory: LedgerMemory
    stored: dict[str, int]


async def read_depth(redis: Redis) -> FleetDepth:
    """Read the depth; a lane that appears or ends meanwhile may be missing.

    Raises:
        redis.exceptions.RedisError: Any error of Redis.
    """
    names = sorted(str(name) for name in await redis.smembers(keys.QUEUES))
    async with redis.pipeline(transaction=True) as pipe:
        pipe.zcard(keys.WAITING)
        for counts in (keys.DEAD_CODES, keys.CLOSED, keys.OPENED, keys.ENGINES, keys.STORED):
            pipe.hgetall(counts)
        pipe.info("memory")
        pipe.exists(keys.FULL)
        pipe.time()
        waiting, *by_word, memory, full, (seconds, micros) = await pipe.execute()
    now_ms = seconds * 1000 + micros // 1000
    dead, closed, opened, engines, stored = map(_counts, by_word)
    return FleetDepth(
        tuple([await _read_queue(redis, name, now_ms) for name in names]),
        waiting,
        dead,
        closed,
        opened,
        engines,
        LedgerMemory(memory["used_memory"], memory["maxmemory"], bool(full)),
        stored,
    )


def _counts(words: Mapping[str, str]) -> dict[str, int]:
    return {word: int(count) for word, count in words.items()}


async def _read_queue(redis: Redis, name: str, now_ms: int) -> QueueDepth:
    lanes = sorted(str(lane) for lane in await redis.zrange(keys.TURNS.format(queue=name), 0, -1))
    async with redis.pipeline(transaction=True) as pipe:
        pipe.zcard(keys.DISPATCHED.format(queue=name))
        pipe.zcard(keys.LEASED.format(queue=name))
        pipe.hgetall(keys.CAPACITY.format(queue=name))
        pipe.zrange(keys.WORKERS, 0, -1, withscores=True)
        pipe.smembers(keys.HELD_UP)
        pipe.zcard(keys.SUSPECTS.format(queue=name))
        pipe.zcard(keys.ALONE.format(queue=name))
        for lane in lanes:
            pipe.zcard(keys.LINE.format(queue=name, lane=lane))
            pipe.zrange(keys.LINE.format(queue=name, lane=lane), 0, 0)
        dispatched, leased, slots, beats, held_up, few, alone, *by_lane = await pipe.execute()
    # The sweep removes dead workers; without a sweep, all entries are dead.
    live = fresh(beats, now_ms) & slots.keys()
    return QueueDepth(
        queue=name,
        in_line=sum(by_lane[::2]),
        behind=await _count_behind(redis, held_up) if name == DELIVER_QUEUE else 0,
        lanes=dict(zip(lanes, by_lane[::2], strict=True)),
        suspects=few + alone,
        dispatched=dispatched,
        leased=leased,
        capacity=sum(int(slots[worker]) for worker in live),
        workers=len(live),
        head_age_seconds=await _oldest_age(redis, [head[0] for head in by_lane[1::2] if head]),
    )


async def _count_behind(redis: Redis, receivers: Iterable[str]) -> int:
    """Count the deliveries that wait until fewer to the same receiver are under way."""
    async with redis.pipeline(transaction=False) as pipe:
        for receiver in receivers:
            pipe.zcard(keys.BEHIND.format(receiver=receiver))
        return sum(await pipe.execute())


async def _oldest_age(redis: Redis, ids: Sequence[str]) -> float:
    """Seconds since the first of these records was written; 0 where there is none."""
    async with redis.pipeline(transaction=True) as pipe:
        pipe.time()
        for record_id in ids:
            pipe.hget(keys.record(record_id), "created")
        (seconds, micros), *created = await pipe.execute()
    now = seconds * 1000 + micros // 1000
    return max((now - int(at) for at in created if at), default=0) / 1000
