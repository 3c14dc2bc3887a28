"""The stage `infer`: page text to one result object, all tasks of the job on one engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from time import monotonic

import structlog

from ledger.claim import Claim
from ledger.record import moment
from schemas.document import PageText, Prepared
from schemas.failure import FailureCode
from schemas.ids import result_key
from schemas.job import JobSpec
from schemas.queues import infer_queue
from schemas.result import (
    DocumentFacts,
    JobResult,
    TaskResult,
    TaskStatus,
    Timings,
    Usage,
)
from schemas.states import JobState
from schemas.task import Task
from storage.errors import (
    ObjectExistsError,
    ObjectMissingError,
)
from storage.objects import ObjectStore
from workers.engine import Engine
from workers.errors import StageError
from workers.fetch import own_objects
from workers.gate import Gate
from workers.outcome import Finished
from workers.page_text import load_page_text
from workers.task_adapters import TaskAdapters
from workers.task_lookup import known_tasks
from workers.task_run import TaskRunner

log = structlog.get_logger(__name__)

_MAX_RESULT_BYTES = 64 * 2**20


class InferStage:
    """Serves one pool: one engine, up to `slots` jobs at once.

    Args:
        pool: The pool's name.
        slots: The pool's tuned concurrency, in engine requests.
        engine: Not yet started.
        store: Where page text lies and results go.
        results_bucket: Holds one object a job.
        tasks: By name.
        adapters: Verified.
        worker: This worker's name.
        on_engine_death: Called once, when the engine is gone.
    """

    def __init__(
        self,
        *,
        pool: str,
        slots: int,
        engine: Engine,
        store: ObjectStore,
        results_bucket: str,
        tasks: Mapping[str, Task],
        adapters: TaskAdapters,
        worker: str,
        on_engine_death: Callable[[], None],
    ) -> None:
        self.queue = infer_queue(pool)
        self.capacity = slots
        self._pool = pool
        self._engine = engine
        self._store = store
        self._results_bucket = results_bucket
        self._tasks = tasks
        self._worker = worker
        self._on_engine_death = on_engine_death
        self._runner = TaskRunner(engine, Gate(slots), tasks, adapters)

    async def start(self) -> None:
        """Load the model."""
        await self._engine.start()

    async def run(self, claim: Claim) -> Finished:
        """See WorkerStage."""
        spec = JobSpec.model_validate_json(claim.spec)
        if claim.prepared is None:
            raise StageError(FailureCode.WORKER_ERROR, "The job came to infer unprepared.")
        uri = f"s3://{self._results_bucket}/{result_key(claim.id)}"
        if claim.attempt > 1 and (adopted := await self._adopt(uri)):
            return adopted
        started = monotonic()
        page_text = await self._load(claim.prepared)
        tasks = known_tasks(spec.tasks, self._tasks)
        results = await self._run_tasks(claim, page_text.text, tasks)
        if all(result.status is TaskStatus.FAILED for result in results.values()):
            return Finished(JobState.DEAD, failure=next(iter(results.values())).failure)
        result = self._result(claim, spec, claim.prepared, results, monotonic() - started)
        return await self._publish(uri, result)

    async def _load(self, prepared: Prepared) -> PageText:
        with own_objects():
            return await load_page_text(self._store, prepared.text_uri)

    async def _run_tasks(
        self, claim: Claim, document: str, tasks: Sequence[Task]
    ) -> dict[str, TaskResult]:
        """All at once: the first fills the prefix cache while the others wait for it."""
        try:
            async with asyncio.TaskGroup() as group:
                runs = {
                    task.name: group.create_task(
                        self._runner.run(task, document, f"{claim.id}:{claim.token}:{task.name}")
                    )
                    for task in tasks
                }
        except ExceptionGroup as group:
            first = group.exceptions[0]
            if isinstance(first, StageError) and first.failure.code is FailureCode.ENGINE_CRASHED:
                self._on_engine_death()
            raise first from None
        return {name: run.result() for name, run in runs.items()}

    def _result(
        self,
        claim: Claim,
        spec: JobSpec,
        prepared: Prepared,
        results: Mapping[str, TaskResult],
        seconds: float,
    ) -> JobResult:
        complete = all(result.status is TaskStatus.SUCCEEDED for result in results.values())
        return JobResult(
            job_id=claim.id,
            state=JobState.SUCCEEDED if complete else JobState.PARTIALLY_SUCCEEDED,
            tenant=spec.tenant,
            document=DocumentFacts(
                **spec.document.model_dump(), **prepared.model_dump(exclude={"text_uri"})
            ),
            metadata=spec.metadata,
            tasks=dict(results),
            engine=self._engine.version,
            pool=self._pool,
            worker=self._worker,
            usage=sum((result.usage for result in results.values()), Usage()),
            timings=Timings(
                submitted_at=moment(claim.created_ms),
                finished_at=moment(claim.claimed_ms) + timedelta(seconds=seconds),
                infer_seconds=seconds,
            ),
        )

    async def _publish(self, uri: str, result: JobResult) -> Finished:
        """Write the one result object; where another attempt was first, its result counts."""
        data = result.model_dump_json(exclude_none=True).encode()
        with own_objects():
            try:
                await self._store.create(uri, data, media_type="application/json")
            except ObjectExistsError:
                adopted = await self._adopt(uri)
                if adopted is not None:
                    return adopted
                raise
        return Finished(result.state, result_uri=uri)

    async def _adopt(self, uri: str) -> Finished | None:
        """The outcome that an earlier attempt of this job has already written."""
        with own_objects():
            try:
                data = await self._store.get(uri, max_bytes=_MAX_RESULT_BYTES)
            except ObjectMissingError:
                return None
        log.info("result of an earlier attempt adopted")
        return Finished(JobResult.model_validate_json(data).state, result_uri=uri)

    async def stop(self) -> None:
        """Free the device."""
        await self._engine.stop()
