"""The stage `infer`: page text to one result object, all tasks of the job on one engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from time import monotonic

import structlog

from ledger.claim import Claim
from ledger.record import from_unix_ms
from schemas.engine import EngineVersion
from schemas.failure import ENGINE_DEATHS, Failure, FailureCode
from schemas.job import JobSpec
from schemas.queues import PREPARE_QUEUE, infer_queue
from schemas.result import (
    DocumentFacts,
    JobResult,
    TaskResult,
    TaskStatus,
    Timings,
    Usage,
)
from schemas.states import JobState
from schemas.task import NamedTask
from workers.engine.gate_memory import GateSize
from workers.engine.gated import GatedEngine
from workers.errors import GateClosedError, PageTextGoneError, PostponedError, StageError
from workers.infer.draft import TaskDraft
from workers.infer.kept_tasks import Kept, answers_of, reusable
from workers.infer.results import Results
from workers.infer.work import Answers, Runner, Work
from workers.metrics import count_task, watch_gate
from workers.models.base_model_notice import BaseModelNotice
from workers.outcome import DeadLetter, Escalate, GivenBack, Outcome
from workers.retry_policy import RetryLimits, decide, history_of, most_hopeful

log = structlog.get_logger(__name__)


@dataclass
class _Ran:
    """Outcome of one attempt at a job's tasks.

    Attributes:
        results: Results of tasks that have ended, those of earlier attempts included.
        failures: Failures that may pass.
        turned_away: True when a task did not reach the engine before the engine died.
    """

    results: dict[str, TaskResult] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    turned_away: bool = False


class InferStage:
    """Serves one pool: one engine, up to its gate's slots of requests at once.

    Args:
        pool: The pool's name.
        worker: This worker's name.
        engine: The engine, not yet started.
        documents: Runs jobs of tasks.
        chats: Runs jobs of one chat.
        results: The result objects.
        kept: Results of tasks that earlier attempts left.
        limits: Attempts, and the pools that jobs can go to when this one is too small.
        gate_memory: Memory of the gate's size.
        on_engine_death: Called when the engine is gone.
        base_model: Tells the registry of the pool's base model; None where no one asks.
    """

    def __init__(
        self,
        *,
        pool: str,
        worker: str,
        engine: GatedEngine,
        documents: Runner,
        chats: Runner,
        results: Results,
        kept: Kept,
        limits: RetryLimits,
        gate_memory: GateSize,
        on_engine_death: Callable[[], None],
        base_model: BaseModelNotice | None = None,
    ) -> None:
        self.queue = infer_queue(pool)
        self.max_capacity = engine.gate.slots
        self._pool = pool
        self._worker = worker
        self._engine = engine
        self._documents = documents
        self._chats = chats
        self._results = results
        self._kept = kept
        self._limits = limits
        self._gate_memory = gate_memory
        self._on_engine_death = on_engine_death
        self._base_model = base_model
        self._is_dead = False
        watch_gate(self.queue, engine.gate, self.max_capacity)

    @property
    def capacity(self) -> int:
        """See WorkerStage: the slots of the gate."""
        return self._engine.gate.slots

    @property
    def engine(self) -> EngineVersion:
        """See WorkerStage."""
        return self._engine.version

    async def start(self) -> None:
        """Load the model."""
        await self._engine.start()
        await self._gate_memory.start()
        if self._base_model is not None:
            self._base_model.start()

    async def run(self, claim: Claim) -> Outcome:
        """See WorkerStage."""
        try:
            return await self._outcome(claim)
        except PostponedError as error:
            return GivenBack(wait_seconds=error.seconds)
        except PageTextGoneError as error:
            failure = Failure.of(FailureCode.STORAGE_REFUSED, f"{error}; it is read again.")
            return Escalate(failure, PREPARE_QUEUE, claim.kept_uri)

    async def _outcome(self, claim: Claim) -> Outcome:
        spec = claim.job
        earlier = await self._results.earlier(claim)
        if adopted := self._results.adopted(claim, earlier):
            return adopted
        started = monotonic()
        kept = await self._kept.load(claim)
        answers = answers_of(kept)
        work = await (self._chats if spec.is_chat else self._documents).work(claim, spec, answers)
        there = reusable(earlier.result.tasks, work.tasks, failed_too=False) if earlier else {}
        failed_too = kept.redrive == claim.redrives
        there |= reusable(kept.tasks, work.tasks, failed_too=failed_too)
        ran = await self._run_tasks(claim, work, there)
        if unfinished := await self._unfinished(claim, ran, work.tasks, answers):
            return unfinished
        in_order = {task.name: ran.results[task.name] for task in work.tasks}
        result = self._result(claim, spec, work, in_order, monotonic() - started)
        return await self._results.publish(claim, result, earlier)

    async def _run_tasks(self, claim: Claim, work: Work, there: Mapping[str, TaskResult]) -> _Ran:
        """Run all tasks at once; the others wait until the first has filled the prefix cache."""
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
        if self._is_dead:  # another job in flight has reported it
            return
        self._is_dead = True
        await self._gate_memory.engine_died(alone=alone)
        self._on_engine_death()

    async def _unfinished(
        self, claim: Claim, ran: _Ran, tasks: Sequence[NamedTask], answers: Answers
    ) -> Outcome | None:
        """Return the outcome of a job that cannot have a result yet; None when it can.

        A task for which nothing is left to try becomes a failed result: the others go on.
        """
        history = history_of(claim, self._limits)
        decisions = {name: decide(failure, history) for name, failure in ran.failures.items()}
        for task in tasks:
            if isinstance(decisions.get(task.name), DeadLetter):
                ran.results[task.name] = TaskDraft(task).failed(ran.failures[task.name])
        outcome = most_hopeful(list(decisions.values())) or _ending(ran)
        if outcome is None:
            return None
        return replace(outcome, kept_uri=await self._kept.store(claim, ran.results, answers))

    def _result(
        self,
        claim: Claim,
        spec: JobSpec,
        work: Work,
        results: Mapping[str, TaskResult],
        seconds: float,
    ) -> JobResult:
        complete = all(result.status is TaskStatus.SUCCEEDED for result in results.values())
        usage = sum((result.usage for result in results.values()), Usage())
        prepared = work.facts
        if spec.is_chat:  # only the engine counts the tokens of a chat
            prepared = prepared.model_copy(update={"tokens": usage.prompt_tokens})
        return JobResult(
            job_id=claim.id,
            state=JobState.SUCCEEDED if complete else JobState.PARTIALLY_SUCCEEDED,
            redrive=claim.redrives,
            tenant=spec.tenant,
            document=DocumentFacts(
                **spec.document.model_dump(),
                **prepared.model_dump(exclude={"text_uri"}),
                pages_read=prepared.pages_read,
            ),
            metadata=spec.metadata,
            tasks=dict(results),
            scorecards=work.gather(results),
            needs_review=tuple(
                f"{name}: {reason}"
                for name, result in results.items()
                for reason in result.needs_review
            ),
            engine=self._engine.version,
            pool=self._pool,
            worker=self._worker,
            usage=usage,
            timings=Timings(
                submitted_at=from_unix_ms(claim.created_ms),
                finished_at=from_unix_ms(claim.claimed_ms) + timedelta(seconds=seconds),
                infer_seconds=seconds,
            ),
        )

    async def stop(self) -> None:
        """Free the device."""
        await self._gate_memory.stop()
        if self._base_model is not None:
            self._base_model.stop()
        await self._engine.stop()


def _ending(ran: _Ran) -> GivenBack | DeadLetter | None:
    """Return the outcome of a job with no task left to try."""
    if ran.turned_away:
        return GivenBack()
    failures = [result.failure for result in ran.results.values()]
    return DeadLetter(failures[0]) if failures[0] and all(failures) else None
