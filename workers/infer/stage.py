"""The stage `infer`: page text to one result object, all tasks of the job on one engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from time import monotonic

import structlog

from ledger.claim import Claim
from ledger.record import moment
from schemas.document import Prepared
from schemas.engine import EngineVersion
from schemas.failure import ENGINE_DEATHS, Failure, FailureCode
from schemas.job import JobSpec
from schemas.openai.chat import CHAT_TASK
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
from schemas.task import NamedTask, Task
from storage.objects import ObjectStore
from workers.engine.gate import Gate
from workers.engine.gate_memory import GateSize
from workers.engine.protocol import Engine
from workers.errors import GateClosedError, StageError
from workers.infer.chat_runner import CHAT, ChatRunner, is_chat
from workers.infer.kept_tasks import Kept, reusable
from workers.infer.results import Results
from workers.infer.task_runner import TaskRunner, failed_task
from workers.metrics import count_task, step, watch_gate
from workers.models.adapter_registry import TaskAdapters
from workers.objects import own_objects
from workers.outcome import DeadLetter, GivenBack, Outcome
from workers.page_text import load_page_text
from workers.retry_policy import decide, history_of, most_hopeful
from workers.routing import WaysOut
from workers.task_lookup import known_tasks

log = structlog.get_logger(__name__)


@dataclass
class _Ran:
    """What one attempt made of a job's tasks.

    Attributes:
        results: Tasks that are through, well or not; those of earlier attempts too.
        failures: Tasks that failed for a reason that may not last.
        turned_away: Whether a task did not reach the engine before it died.
    """

    results: dict[str, TaskResult] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    turned_away: bool = False


@dataclass(frozen=True)
class _Work:
    """What one attempt has to run.

    Attributes:
        tasks: In the order of the result.
        facts: What the result says of the document.
        run: Runs one of the tasks, under an id that no request in flight has.
    """

    tasks: Sequence[NamedTask]
    facts: Prepared
    run: Callable[[NamedTask, str], Awaitable[TaskResult]]


class InferStage:
    """Serves one pool: one engine, up to `slots` requests at once.

    Args:
        pool: The pool's name.
        slots: The pool's tuned concurrency, in engine requests.
        engine: Not yet started.
        store: Where page text lies.
        results: The result objects.
        kept: What earlier attempts left.
        tasks: By name.
        adapters: Verified.
        chats: Makes what runs chats; given the gate.
        worker: This worker's name.
        attempts: How many a stage may use.
        ways: Where jobs can go that are too much for this pool.
        gate_size: Makes the memory of the gate; given the gate.
        on_engine_death: Called when the engine is gone.
    """

    def __init__(
        self,
        *,
        pool: str,
        slots: int,
        engine: Engine,
        store: ObjectStore,
        results: Results,
        kept: Kept,
        tasks: Mapping[str, Task],
        adapters: TaskAdapters,
        chats: Callable[[Gate], ChatRunner],
        worker: str,
        attempts: int,
        ways: WaysOut,
        gate_size: Callable[[Gate], GateSize],
        on_engine_death: Callable[[], None],
    ) -> None:
        self.queue = infer_queue(pool)
        self.most = slots
        self._pool = pool
        self._engine = engine
        self._store = store
        self._results = results
        self._kept = kept
        self._tasks = tasks
        self._worker = worker
        self._attempts = attempts
        self._ways = ways
        self._gate = Gate(slots)
        self._gate_size = gate_size(self._gate)
        self._on_engine_death = on_engine_death
        self._is_dead = False
        watch_gate(self.queue, self._gate, slots)
        self._runner = TaskRunner(engine, self._gate, tasks, adapters)
        self._chats = chats(self._gate)

    @property
    def capacity(self) -> int:
        """See WorkerStage: as many as the gate lets through."""
        return self._gate.slots

    @property
    def engine(self) -> EngineVersion:
        """See WorkerStage."""
        return self._engine.version

    async def start(self) -> None:
        """Load the model."""
        await self._engine.start()
        await self._gate_size.start()

    async def run(self, claim: Claim) -> Outcome:
        """See WorkerStage."""
        spec = JobSpec.model_validate_json(claim.spec)
        earlier = await self._results.earlier(claim)
        if adopted := self._results.adopted(claim, earlier):
            return adopted
        started = monotonic()
        work = await (self._chat_work if is_chat(spec.tasks) else self._task_work)(claim, spec)
        tasks = work.tasks
        there = reusable(earlier.result.tasks, tasks, failed_too=False) if earlier else {}
        there |= await self._kept.load(claim, tasks)
        ran = await self._run_tasks(claim, work, there)
        if unfinished := await self._unfinished(claim, ran, tasks):
            return unfinished
        in_order = {task.name: ran.results[task.name] for task in tasks}
        facts = work.facts
        if is_chat(spec.tasks):
            facts = facts.model_copy(update={"tokens": in_order[CHAT_TASK].usage.prompt_tokens})
        result = self._result(claim, spec, facts, in_order, monotonic() - started)
        return await self._results.publish(claim, result, earlier)

    async def _task_work(self, claim: Claim, spec: JobSpec) -> _Work:
        prepared = claim.prepared
        if prepared is None:
            raise StageError(FailureCode.WORKER_ERROR, "The job came to infer unprepared.")
        tasks = known_tasks(spec.tasks, self._tasks, claim.versions)
        with own_objects(), step("load"):
            page_text = await load_page_text(self._store, prepared.text_uri)
        text = page_text.text

        async def run(task: NamedTask, request_id: str) -> TaskResult:
            return await self._runner.run(
                self._tasks[task.name], text, request_id, alone=claim.suspect
            )

        return _Work(tasks, prepared, run)

    async def _chat_work(self, claim: Claim, spec: JobSpec) -> _Work:
        request, facts = await self._chats.read(self._store, spec.document)

        async def run(_: NamedTask, request_id: str) -> TaskResult:
            return await self._chats.run(request, claim, request_id, alone=claim.suspect)

        return _Work([CHAT], facts, run)

    async def _run_tasks(self, claim: Claim, work: _Work, there: Mapping[str, TaskResult]) -> _Ran:
        """All at once: the first fills the prefix cache while the others wait for it."""
        ran = _Ran(dict(there))

        async def run(task: NamedTask) -> None:
            request_id = f"{claim.id}:{claim.token}:{task.name}"
            try:
                ran.results[task.name] = await work.run(task, request_id)
                count_task(task.name, ran.results[task.name])
            except StageError as error:
                ran.failures[task.name] = error.failure
            except GateClosedError:
                ran.turned_away = True

        try:
            async with asyncio.TaskGroup() as group:
                for task in work.tasks:
                    if task.name not in there:
                        group.create_task(run(task))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        if any(failure.code in ENGINE_DEATHS for failure in ran.failures.values()):
            await self._engine_died(alone=claim.suspect)
        return ran

    async def _engine_died(self, *, alone: bool) -> None:
        if self._is_dead:  # another job in flight has told of it
            return
        self._is_dead = True
        await self._gate_size.engine_died(alone=alone)
        self._on_engine_death()

    async def _unfinished(
        self, claim: Claim, ran: _Ran, tasks: Sequence[NamedTask]
    ) -> Outcome | None:
        """What is done with a job that has no result yet; None when it can have one.

        Tasks for which nothing is left to try become failed results: the others go on.
        """
        history = history_of(claim, self._attempts, self._ways)
        decisions = {name: decide(failure, history) for name, failure in ran.failures.items()}
        for task in tasks:
            if isinstance(decisions.get(task.name), DeadLetter):
                ran.results[task.name] = failed_task(task, ran.failures[task.name])
        outcome = most_hopeful(list(decisions.values())) or _ending(ran)
        if outcome is None:
            return None
        return replace(outcome, kept_uri=await self._kept.store(claim, ran.results))

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
            redrive=claim.redrives,
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

    async def stop(self) -> None:
        """Free the device."""
        await self._gate_size.stop()
        await self._engine.stop()


def _ending(ran: _Ran) -> GivenBack | DeadLetter | None:
    """What there is to do for a job none of whose tasks is to be tried again."""
    if ran.turned_away:
        return GivenBack()
    failures = [result.failure for result in ran.results.values()]
    return DeadLetter(failures[0]) if failures[0] and all(failures) else None
