"""`messages-deleted`: Celery messages vanish; the sweep sends them again."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter

from chaos.drill import Drill, Scenario
from chaos.drills.recovery import until_told
from chaos.drills.redis_faults import short_jobs
from chaos.tally import patiently
from schemas.queues import DELIVER_QUEUE, PREPARE_QUEUE, infer_queue

_RATE = 30


async def _steal(drill: Drill, wanted: int) -> Counter[str]:
    """Take messages as a worker would, and drop them; return the count by queue."""
    queues = [PREPARE_QUEUE, DELIVER_QUEUE, *map(infer_queue, drill.fleet.settings.pools)]
    taken: Counter[str] = Counter()
    seen: set[str] = set()
    while taken.total() < wanted:
        random.shuffle(queues)
        message = await patiently(lambda: drill.fleet.redis.brpop(queues, timeout=1))
        if message:
            taken[str(message[0])] += 1
            seen.add(json.loads(message[1])["headers"]["id"])
            drill.injected()
        await drill.after(random.uniform(0, 0.1))
    drill.row.notes["records concerned"] = len(seen)
    return taken


async def _run(drill: Drill) -> None:
    jobs = int(drill.size(1000, 150))
    await drill.load.upload(slow=(0, 0.3))
    submitting = asyncio.create_task(drill.load.submit(jobs, rate=_RATE))
    taken = await _steal(drill, int(drill.size(150, 20)))
    await until_told(drill)
    await submitting
    await drill.finish()
    drill.row.notes["deleted"] = dict(taken)


SCENARIO = Scenario(
    "messages-deleted",
    "a job whose message vanished is sent again",
    short_jobs,
    _run,
)
