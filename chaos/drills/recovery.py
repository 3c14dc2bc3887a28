"""Recovery: how long it takes after a fault until its effect is over."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Collection
from time import monotonic

from chaos.drill import Drill
from chaos.parts.fleet import Fleet
from chaos.parts.kept_part import KeptPart
from chaos.tally import patiently, read_records
from ledger import keys
from schemas.queues import INFER_PREFIX
from schemas.states import JobState

_LOOK_SECONDS = 0.1
_GIVE_UP_SECONDS = 300
"""A real engine takes minutes to load where the CPU is busy."""


async def held_jobs(fleet: Fleet, pid: int) -> dict[str, str]:
    """The jobs whose infer lease the worker of this process holds, each with the worker's name."""
    leased: list[str] = []
    for queue in map(str, await fleet.redis.smembers(keys.QUEUES)):
        if queue.startswith(INFER_PREFIX):
            leased += map(str, await fleet.redis.zrange(keys.LEASED.format(queue=queue), 0, -1))
    records = await read_records(fleet, leased)
    return {
        job: record.worker
        for job, record in records.items()
        if record.state is JobState.RUNNING and f"-{pid}-" in record.worker
    }


async def kill_worker(drill: Drill, part: KeptPart) -> asyncio.Task[None]:
    """Kill -9 a worker, and measure how long the jobs that it held wait for another.

    Returns:
        What measures, and writes to the drill's row.
    """
    # Stopped, it holds what it holds; the ledger hears at once of a process that has ended.
    part.send(signal.SIGSTOP)
    held = await patiently(lambda: held_jobs(drill.fleet, part.pid))
    at = monotonic()
    await part.kill()
    drill.injected()
    return asyncio.create_task(until_claimed(drill, held, at))


async def until_claimed(drill: Drill, held: dict[str, str], since: float) -> None:
    """Measure, for each job, how long it takes until another worker claims it.

    Args:
        drill: At work.
        held: By job id, the worker that held it; emptied.
        since: When the fault was, on the monotonic clock.
    """
    while held and monotonic() - since < _GIVE_UP_SECONDS:
        records = await patiently(lambda: read_records(drill.fleet, held))
        for job, record in records.items():
            if record.worker != held[job] or (record.state and record.state.closed):
                drill.row.recovery_seconds.append(monotonic() - since)
                del held[job]
        await asyncio.sleep(_LOOK_SECONDS)
    drill.expect(f"{len(held)} jobs of a killed worker were not claimed again", holds=not held)


async def until_told(drill: Drill) -> None:
    """From now on: how long it takes until the end of some job is told of."""
    since = monotonic()
    came = await drill.receiver.next(_GIVE_UP_SECONDS)
    drill.expect("nothing went on after a fault", holds=came)
    drill.row.recovery_seconds.append(monotonic() - since)


def stolen(drill: Drill, killed: Collection[int]) -> int:
    """Return how many leases were taken from workers that nobody killed.

    Args:
        drill: Counted.
        killed: The process ids of those killed.
    """
    return sum(
        not any(f"-{pid}-" in entry["worker"] for pid in killed)
        for record in drill.records.values()
        for entry in record.history
        if entry["failure"]["code"] == "worker.killed"
    )
