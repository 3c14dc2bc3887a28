"""Recovery: the time from a fault to the end of its effect."""

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
"""Maximum seconds: a real engine takes minutes to load on a busy CPU."""


async def held_jobs(fleet: Fleet, pid: int) -> dict[str, str]:
    """Return the jobs whose infer lease this process's worker holds, with the worker's name."""
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
    """Kill a worker with -9, and measure how long its jobs wait for another one.

    Returns:
        The drill, whose row gets the measurement.
    """
    # A stopped worker keeps its leases; the ledger learns at once of a process that has ended.
    part.send(signal.SIGSTOP)
    held = await patiently(lambda: held_jobs(drill.fleet, part.pid))
    at = monotonic()
    await part.kill()
    drill.injected()
    return asyncio.create_task(until_claimed(drill, held, at))


async def until_claimed(drill: Drill, held: dict[str, str], since: float) -> None:
    """Measure the seconds until another worker claims each job.

    Args:
        drill: The drill.
        held: The former worker of each job, by job id; emptied.
        since: Time of the fault on the monotonic clock.
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
    """Measure the seconds from now until some job's end is reported."""
    since = monotonic()
    came = await drill.receiver.next(_GIVE_UP_SECONDS)
    drill.expect("nothing went on after a fault", holds=came)
    drill.row.recovery_seconds.append(monotonic() - since)


def stolen(drill: Drill, killed: Collection[int]) -> int:
    """Return the number of leases that were taken from workers that were not killed.

    Args:
        drill: The drill.
        killed: The process ids of the killed workers.
    """
    return sum(
        not any(f"-{pid}-" in entry["worker"] for pid in killed)
        for record in drill.records.values()
        for entry in record.history
        if entry["failure"]["code"] == "worker.killed"
    )
