"""Measure the cost of the queue: the same documents through the fleet and straight to the engine.

Two engines of the same settings are loaded, one in an infer worker behind the queue and one in
this process. They take turns, and each round gives a ratio: documents/s through the queue over
documents/s of the bare engine. Both put the same prompts with the same schemas to the engine, at
the same concurrency. Through the queue a document passes submit, prepare (its text is stored
already), infer, the result's put and the closing of its record.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

from bench.rounds import run_rounds
from bench.workload import Work, workload
from docfleet.stack.temporary import scoped_stack
from ledger.ledger import Ledger
from schemas.document import DocumentRef
from schemas.ids import new_job_id
from schemas.job import DEFAULT_TENANT, JobSpec
from settings.environment import apply_environment
from settings.fleet import FleetSettings, load_settings
from settings.sections.tasks import load_tasks
from storage.s3 import S3Store
from workers.engine.protocol import Engine, EngineRequest
from workers.engine.vllm.engine import VllmEngine
from workers.infer.prompt import build_messages
from workers.models.base_model import locate_model
from workers.page_text import page_text_uri, store_page_text

CONFIG = Path(__file__).parents[1] / "fleet.toml"


class Fleet:
    """The queue's side: a running stack and a ledger to submit to."""

    def __init__(self, settings: FleetSettings, ledger: Ledger, store: S3Store) -> None:
        self._settings = settings
        self._ledger = ledger
        self._store = store

    async def prepare(self, works: Sequence[Work]) -> None:
        """Store documents and page text, so that only the queue's own work is measured."""
        bucket = self._settings.work_bucket
        for work in works:
            text = work.page_text
            await store_page_text(
                self._store, page_text_uri(bucket, DEFAULT_TENANT, text.sha256), text
            )
            await self._store.put(self._uri(work), text.text.encode(), media_type="text/plain")

    def _uri(self, work: Work) -> str:
        return f"s3://{self._settings.work_bucket}/documents/{work.page_text.sha256}.txt"

    async def run(self, works: Sequence[Work]) -> float:
        """Submit all, wait until all are closed; gives the seconds."""
        already = await self._closed()
        started = monotonic()
        for work in works:
            spec = JobSpec(
                document=DocumentRef(uri=self._uri(work)),
                tasks=tuple(task.name for task in work.tasks),
            )
            await self._ledger.submit(new_job_id(), spec)
        while sum((closed := await self._closed()).values()) - sum(already.values()) < len(works):
            await asyncio.sleep(0.02)
        seconds = monotonic() - started
        if closed - already != {"job:succeeded": len(works)}:
            raise RuntimeError(
                f"not every job succeeded, so this round counts for nothing: {closed}"
            )
        return seconds

    async def _closed(self) -> Counter[str]:
        return Counter((await self._ledger.depth()).closed)


@asynccontextmanager
async def fleet_of(settings: FleetSettings, env: Mapping[str, str]) -> AsyncIterator[Fleet]:
    """The queue's side of a running stack.

    Args:
        settings: The stack's.
        env: Its endpoints and credentials.
    """
    apply_environment(env)
    ledger, store = Ledger(env["DOCFLEET_REDIS_URL"]), S3Store()
    try:
        yield Fleet(settings, ledger, store)
    finally:
        await ledger.close()
        store.close()


async def run_bare(engine: Engine, slots: int, works: Sequence[Work]) -> float:
    """Put the same prompts to the engine, `slots` at a time; gives the seconds."""
    gate = asyncio.Semaphore(slots)

    async def ask(request: EngineRequest) -> None:
        async with gate:
            await engine.generate(request)

    started = monotonic()
    async with asyncio.TaskGroup() as group:
        for number, work in enumerate(works):
            for task in work.tasks:
                request = EngineRequest(
                    request_id=f"bare-{started}-{number}-{task.name}",
                    messages=build_messages(work.page_text.text, task.instructions),
                    schema=task.output_schema,
                    max_tokens=task.limits.max_output_tokens,
                )
                group.create_task(ask(request))
    return monotonic() - started


async def measure(documents: int, rounds: int) -> list[dict[str, float]]:
    """Measure one row for each round, after a round that is not counted."""
    settings = load_settings(CONFIG)
    tasks = load_tasks(settings.tasks_dir)
    pool = settings.pools["cpu"]
    rows = []
    with tempfile.TemporaryDirectory() as state:
        model_dir = locate_model(settings.models[pool.model].source)
        engine = VllmEngine(model_dir, "cpu", pool)
        await engine.start()
        async with scoped_stack(Path(state), say=print) as env, fleet_of(settings, env) as fleet:
            for number in range(rounds + 1):
                works = workload(settings, tasks, documents, f"{number}")
                await fleet.prepare(works)
                queue_first = number % 2 == 0
                queue = await fleet.run(works) if queue_first else 0.0
                bare = await run_bare(engine, pool.slots, works)
                queue = queue or await fleet.run(works)
                if number:
                    rows.append(_row(number, documents, queue, bare))
        await engine.stop()
    return rows


def _row(number: int, documents: int, queue: float, bare: float) -> dict[str, float]:
    return {
        "round": number,
        "queue documents/s": documents / queue,
        "bare documents/s": documents / bare,
        "ratio": bare / queue,
    }


def main() -> None:
    """Measure and tell."""
    run_rounds(
        measure,
        prog="python -m bench.overhead",
        title="Through the queue against the bare engine",
        description=__doc__,
        work="documents",
        count=24,
    )


if __name__ == "__main__":
    main()
