"""The command `python -m chaos.soak`: a steady load for many minutes, with random faults.

These claims must hold at the end: nothing is lost or doubled, the memory of no long-lived process
has grown after the first third, and Redis uses what it used before, once its records are forgotten.
For that, records that ended are kept for only 20 s. Dead letters stay, and are dropped first.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

from rich.console import Console

from chaos.drill import Drill, Scenario
from chaos.parts.fleet import FleetPlan
from chaos.parts.kept_part import KeptPart
from chaos.runner import OUT, CurrentFleet, run_one
from chaos.soak.plot import plot
from chaos.soak.samples import Samples, used_megabytes
from chaos.tally import patiently
from ledger import keys
from schemas.queues import DELIVER_QUEUE, PREPARE_QUEUE

_RATE = 15
_RETENTION_SECONDS = 20
_SAMPLE_SECONDS = 5
_PAUSE_SECONDS = (8, 20)
_LEFT_OVER_MEGABYTES = 4
"""Maximum growth: scripts, connections and the allocator; a thousand records take a megabyte."""

_PLAN = FleetPlan(
    infer_workers=3,
    variables={
        # Kills come often, and hit some jobs three times; see workers_killed.
        "DOCFLEET_LEASE__ATTEMPTS": "20",
        "DOCFLEET_LEASE__DRAIN_SECONDS": "2",
        "DOCFLEET_RETENTION__CLOSED_SECONDS": str(_RETENTION_SECONDS),
    },
)

_DEADLY = ("truncated-output", "request-refused")
"""Documents that end as dead letters in any case."""
_MENDED = ("invalid-output",)
"""Documents whose first answer is unusable and whose second one is right."""
_KILLER = "engine-out-of-memory"
_FAULTY_SHARE = 0.01


def _mortal(drill: Drill) -> KeptPart:
    """Tell whether a part may be killed; the others live from beginning to end."""
    return drill.fleet.parts[random.choice(["infer-1", "infer-2"])]


async def _kill_worker(drill: Drill) -> None:
    await _mortal(drill).kill()


async def _stop_worker(drill: Drill) -> None:
    _mortal(drill).send(signal.SIGTERM)


async def _freeze_worker(drill: Drill) -> None:
    await _freeze(_mortal(drill), 15)


async def _kill_redis(drill: Drill) -> None:
    await drill.fleet.parts["redis"].kill()


async def _freeze_redis(drill: Drill) -> None:
    await _freeze(drill.fleet.parts["redis"], 8)


async def _kill_s3(drill: Drill) -> None:
    await drill.fleet.parts["s3"].kill()


async def _freeze_s3(drill: Drill) -> None:
    await _freeze(drill.fleet.parts["s3"], 6)


async def _delete_messages(drill: Drill) -> None:
    queues = [PREPARE_QUEUE, DELIVER_QUEUE, "infer.cpu"]
    for _ in range(10):
        await patiently(lambda: drill.fleet.redis.brpop(queues, timeout=1))


async def _refuse_writes(drill: Drill) -> None:
    redis = drill.fleet.redis
    await patiently(lambda: redis.config_set("min-replicas-to-write", 1))
    await drill.after(4)
    await patiently(lambda: redis.config_set("min-replicas-to-write", 0))


async def _kill_engine(drill: Drill) -> None:
    """Submit a document that kills each engine that runs it; it becomes a dead letter."""
    await _submit_faulty(drill, _KILLER)


async def _submit_faulty(drill: Drill, fault: str) -> None:
    await drill.load.submit_text(f"Claim with a fault.\ndocfleet-fault: {fault}\n")
    drill.row.dead_expected += fault not in _MENDED


async def _freeze(part: KeptPart, seconds: float) -> None:
    pid = part.pid
    os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    os.kill(pid, signal.SIGCONT)


_FAULTS: tuple[Callable[[Drill], Awaitable[None]], ...] = (
    _kill_worker,
    _stop_worker,
    _freeze_worker,
    _kill_redis,
    _freeze_redis,
    _kill_s3,
    _freeze_s3,
    _delete_messages,
    _refuse_writes,
    _kill_engine,
)


class Soak:
    """One soak.

    Args:
        minutes: Minutes of the load.
        rate: Jobs for each second.
        out: Folder of the figures.
    """

    def __init__(self, minutes: float, rate: float, out: Path) -> None:
        self._minutes, self._rate, self._out = minutes, rate, out
        self._faults: list[tuple[float, str]] = []

    async def run(self, drill: Drill) -> None:
        """Run the soak, and judge it."""
        await drill.load.upload(slow=(0.2, 0.8))
        samples = Samples(drill.fleet)
        base = await used_megabytes(drill.fleet)
        async with _again_and_again(samples.take), drill.load.flow(self._rate):
            await self._break(drill)
        await drill.finish(counts_ends=False, forgets=True)
        await self._judge(drill, samples, base)

    async def _break(self, drill: Drill) -> None:
        """Cause faults one after the other, and submit faulty documents, until the time is up."""
        started = monotonic()
        while monotonic() - started < self._minutes * 60:
            pause = random.uniform(*_PAUSE_SECONDS)
            for _ in range(max(1, round(self._rate * pause * _FAULTY_SHARE))):
                await _submit_faulty(drill, random.choice([*_DEADLY, *_MENDED]))
            await drill.after(pause)
            fault = random.choice(_FAULTS)
            self._faults.append((monotonic() - started, fault.__name__.strip("_")))
            await fault(drill)
            drill.injected()

    async def _judge(self, drill: Drill, samples: Samples, base: float) -> None:
        self._out.mkdir(exist_ok=True)
        samples.write(self._out / "soak.csv")
        plot(samples.all, self._faults, self._out / "soak.png")
        drill.row.wrong += samples.grown()
        left = await _forgotten(drill)
        used = await used_megabytes(drill.fleet)
        drill.row.notes |= {
            "faults": dict(Counter(name for _, name in self._faults)),
            "Redis before and after, MB": [round(base, 1), round(used, 1)],
            "records left": left,
        }
        drill.expect(f"{left} records were not forgotten", holds=left == 0)
        drill.expect(
            f"Redis uses {used:.1f} MB instead of {base:.1f}",
            holds=used < base + _LEFT_OVER_MEGABYTES,
        )


async def _forgotten(drill: Drill) -> int:
    """Wait until the ledger has forgotten the ended records; return how many are left.

    Dead letters are not counted: they stay until they are dropped.
    """
    give_up_at = monotonic() + _RETENTION_SECONDS + 120
    while True:
        dead = await patiently(lambda: drill.fleet.redis.zcard(keys.DEAD))
        pattern = keys.record("*")
        left = len([key async for key in drill.fleet.redis.scan_iter(pattern, count=5000)]) - dead
        if left <= 0 or monotonic() > give_up_at:
            return left
        await asyncio.sleep(1)


@asynccontextmanager
async def _again_and_again(action: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    async def repeat() -> None:
        while True:
            await action()
            await asyncio.sleep(_SAMPLE_SECONDS)

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()


async def main(minutes: float, rate: float) -> int:
    """Run the soak; return the exit code."""
    console = Console(width=None if sys.stdout.isatty() else 132)
    soak = Soak(minutes, rate, OUT)
    scenario = Scenario(
        "soak", "faults at random cost nothing, and no memory grows", lambda _: _PLAN, soak.run
    )
    async with CurrentFleet() as current:
        row = await run_one(scenario, current, console, is_short=False)
    console.print(row.shown())
    figures = json.dumps(row.as_json(), indent=2)
    await asyncio.to_thread((OUT / "soak.json").write_text, figures + "\n")
    return 0 if row.ok else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m chaos.soak")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--rate", type=float, default=_RATE, help="jobs a second")
    arguments = parser.parse_args()
    sys.exit(asyncio.run(main(arguments.minutes, arguments.rate)))
