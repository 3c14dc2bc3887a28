"""The status of a fleet: what its ledger counts, and what of it stands still. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ledger.fleet.depth import FleetDepth, QueueDepth
from schemas.fleet_status import FleetStatus, PoolStatus
from schemas.queues import BATCH_QUEUE, DELIVER_QUEUE, INFER_PREFIX, PREPARE_QUEUE, infer_queue

_ROLES = (PREPARE_QUEUE, DELIVER_QUEUE, BATCH_QUEUE)
_EMPTY = QueueDepth("", 0, {}, 0, 0, 0, 0, 0)


def fleet_status(depth: FleetDepth, pools: Collection[str] = ()) -> FleetStatus:
    """Return the status of a fleet.

    Args:
        depth: The ledger's counts.
        pools: Pools of the fleet's file. Others are known once they have had a worker or a job.
    """
    found = {queue.queue: queue for queue in depth.queues}
    infer = {name for name in found if name.startswith(INFER_PREFIX)} | set(map(infer_queue, pools))
    needed = {PREPARE_QUEUE, DELIVER_QUEUE, *map(infer_queue, pools)}
    statuses = {
        queue: _status(queue, found.get(queue, _EMPTY))
        for queue in (PREPARE_QUEUE, *sorted(infer), *_ROLES[1:])
    }
    problems = tuple(_problems(depth, statuses, needed))
    return FleetStatus(
        pools=tuple(statuses.values()),
        waiting=depth.waiting,
        dead_letters=sum(depth.dead.values()),
        redis_bytes=depth.memory.used_bytes,
        problems=problems,
        healthy=not problems,
    )


def _status(queue: str, depth: QueueDepth) -> PoolStatus:
    return PoolStatus(
        name=queue.removeprefix(INFER_PREFIX),
        queued=depth.in_line + depth.suspects + depth.behind + depth.dispatched,
        running=depth.leased,
        workers=depth.workers,
        slots=depth.capacity,
        oldest_seconds=depth.head_age_seconds,
    )


def _problems(
    depth: FleetDepth, statuses: dict[str, PoolStatus], needed: Collection[str]
) -> Iterator[str]:
    if depth.memory.full:
        yield "Redis has no memory left: submits are refused until it gets more or records expire"
    pools = [status for queue, status in statuses.items() if queue.startswith(INFER_PREFIX)]
    if not any(pool.workers for pool in pools):
        yield "no pool has a live worker: start one with `docfleet worker infer`"
    for queue, status in statuses.items():
        if status.workers:
            continue
        stuck = status.queued + status.running
        if stuck or queue in needed:
            yield f"{_name(queue, status)} has no live worker, and {_records(stuck)}"


def _name(queue: str, status: PoolStatus) -> str:
    return f"pool {status.name}" if queue.startswith(INFER_PREFIX) else status.name


def _records(count: int) -> str:
    return {0: "nothing waits for one", 1: "1 record waits for one"}.get(
        count, f"{count:,} records wait for one"
    )
