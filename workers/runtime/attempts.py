"""Attempts: claim, run, settle. Only this module writes the outcome of work to the ledger."""

from __future__ import annotations

import asyncio
import math
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from time import monotonic
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars

from ledger.claim import Claim
from ledger.errors import LeaseLostError, LedgerUnavailableError, WorkerClosedError
from ledger.fleet.beat import Beat, Called, RevokedLease
from ledger.ledger import Ledger
from ledger.record import from_unix_ms
from ledger.token import new_token
from schemas.failure import Failure, FailureCode
from schemas.ids import RecordKind
from schemas.job import Attempt
from schemas.states import JobState
from settings.sections.lease import LeaseSettings
from workers.errors import StageError
from workers.metrics import attempt_at, count_interruption, count_outcome
from workers.outcome import (
    Abandoned,
    Advanced,
    Alone,
    DeadLetter,
    Decision,
    Escalate,
    Finished,
    GivenBack,
    Outcome,
    Parked,
    Retry,
)
from workers.retry_policy import RetryLimits, decide, history_of
from workers.stage import WorkerStage

log = structlog.get_logger(__name__)

_OUTAGE_PAUSE_SECONDS = 0.5
GIVE_BACK_SECONDS = 5
"""Maximum seconds in which an ending worker tries to write the outcomes of its attempts."""


class Interruption(Enum):
    """Reason why an attempt was stopped from outside."""

    LEASE_LOST = auto()
    """Another attempt may run the job by now."""
    CANCELLED = auto()
    """The job's owner no longer wants it."""
    DRAINED = auto()
    """The worker shuts down, and its drain budget is spent."""


@dataclass
class _Held:
    claim: Claim
    task: asyncio.Task[Outcome]
    since: float
    interruption: Interruption | None = None


class Attempts:
    """The attempts of one worker process. All methods run on its event loop."""

    def __init__(
        self,
        ledger: Ledger,
        worker: str,
        lease: LeaseSettings,
        stages: Mapping[str, WorkerStage],
    ) -> None:
        self._ledger = ledger
        self._worker = worker
        self._lease = lease
        self._stages = stages
        self._held: dict[str, _Held] = {}
        self._roles = {stage.queue: role for role, stage in stages.items()}
        self._called: dict[str, asyncio.Task[None]] = {}
        self._open = asyncio.Event()
        self._ended = asyncio.Event()
        self._give_up_at = math.inf
        self.accepting = True

    @property
    def claims(self) -> list[Claim]:
        """Return the leases that this worker holds."""
        return [held.claim for held in self._held.values()]

    async def run(self, role: str, record_id: str) -> None:
        """Run one attempt for a message; a stale or duplicate message is dropped."""
        if not self.accepting:
            return  # The ledger finds that the message is lost, and sends it to another worker.
        stage = self._stages[role]
        claim = await self._claim(stage, record_id)
        if claim is None:
            log.debug("stale message dropped", record=record_id)
            return
        with (
            bound_contextvars(**_log_context(claim)),
            attempt_at(stage.queue, waited_ms=claim.waited_ms),
        ):
            try:
                outcome = await self._outcome(stage, claim)
                count_outcome(stage.queue, outcome, _failure_of(outcome))
                entry = self._entry(claim, outcome, stage)
                await self._until_redis_answers(lambda: self._settle(claim, outcome, entry))
            finally:
                # A lease without work must not be renewed.
                self._held.pop(claim.token, None)
                self._ended.set()

    async def _claim(self, stage: WorkerStage, record_id: str) -> Claim | None:
        """Claim, even through an outage: a lost answer may have given the lease."""
        token = new_token()
        while True:
            try:
                return await self._ledger.claim(
                    record_id, self._worker, self._lease.seconds, queue=stage.queue, token=token
                )
            except WorkerClosedError:
                # A thread that waits here takes no other message.
                self._open.clear()
                await self._open.wait()
                return None
            except LedgerUnavailableError:
                if not self.accepting:
                    return None
                await asyncio.sleep(_OUTAGE_PAUSE_SECONDS)

    async def _outcome(self, stage: WorkerStage, claim: Claim) -> Outcome:
        if not self.accepting:
            return GivenBack()
        held = _Held(claim, asyncio.ensure_future(stage.run(claim)), monotonic())
        self._held[claim.token] = held
        try:
            return await held.task
        except asyncio.CancelledError:
            return _after(held.interruption)
        except LedgerUnavailableError:
            return GivenBack()
        except LeaseLostError as error:  # a stage that writes to the ledger learns of it first
            log.warning("attempt abandoned", reason=str(error))
            return Abandoned()
        except StageError as error:
            failure, outage_seconds = error.failure, error.outage_seconds
        except Exception as error:
            log.exception("attempt failed without a code")
            failure, outage_seconds = Failure.of(FailureCode.WORKER_ERROR, _place_of(error)), None
        limits = RetryLimits(self._lease.attempts)
        return decide(failure, history_of(claim, limits, outage_seconds=outage_seconds))

    def _entry(self, claim: Claim, outcome: Outcome, stage: WorkerStage) -> Attempt | None:
        """Return the history's entry, for a failure or a receiver's answer."""
        failure = _failure_of(outcome)
        answer = getattr(outcome, "answer", None)
        if failure is None and answer is None:
            return None
        if failure is not None:
            log.warning("attempt failed", code=failure.code, message=failure.message)
        return Attempt(
            at=from_unix_ms(claim.claimed_ms),
            stage=claim.stage,
            number=claim.attempt,
            worker=self._worker,
            seconds=round(monotonic() - self._held[claim.token].since, 3),
            charged=not isinstance(outcome, Alone) and getattr(outcome, "charged", True),
            engine=stage.engine,
            answer=answer,
            failure=failure,
        )

    async def _settle(self, claim: Claim, outcome: Outcome, entry: Attempt | None) -> None:
        match outcome:
            case Advanced(queue, prepared):
                await self._ledger.advance(claim, queue, prepared)
            case Parked(wait_seconds, complete, ending):
                await self._ledger.batches.park(
                    claim, wait_seconds=wait_seconds, complete=complete, ending=ending
                )
            case Finished(state, result_uri, says=says):
                await self._ledger.finish(
                    claim, state, result_uri=result_uri, says=says, entry=entry
                )
                log.info("closed", state=state)
            case DeadLetter(failure, kept_uri):
                await self._ledger.finish(
                    claim, JobState.DEAD, failure=failure, kept_uri=kept_uri, entry=entry
                )
                log.info("closed", state=JobState.DEAD)
            case Retry(_, wait_seconds, kept_uri, charged=charged):
                await self._ledger.release(
                    claim,
                    wait_seconds=wait_seconds,
                    charge=charged,
                    kept_uri=kept_uri,
                    entry=entry,
                )
            case Alone(_, kept_uri):
                await self._ledger.release(
                    claim, charge=False, suspect=True, kept_uri=kept_uri, entry=entry
                )
            case Escalate(_, queue, kept_uri):
                await self._ledger.release(
                    claim, charge=True, queue=queue, kept_uri=kept_uri, entry=entry
                )
            case GivenBack(kept_uri, wait_seconds):
                await self._ledger.release(
                    claim, wait_seconds=wait_seconds, charge=False, kept_uri=kept_uri
                )
            case Abandoned():
                pass

    async def _until_redis_answers(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write, even through an outage: paid-for work is not thrown away."""
        held_back = False
        while True:
            try:
                return await write()
            except LeaseLostError as error:
                log.warning("outcome dropped", reason=str(error))
                return None
            except LedgerUnavailableError as error:
                if monotonic() > self._give_up_at:
                    log.warning("outcome lost: the lease will expire", reason=str(error))
                    return None
                if not held_back:
                    log.warning("outcome held back", reason=str(error))
                held_back = True
                await asyncio.sleep(_OUTAGE_PAUSE_SECONDS)

    def heed(self, beat: Beat) -> None:
        """Follow the ledger's answer to a heartbeat."""
        self.let_go(beat.let_go)
        if not beat.closed:
            self._open.set()
        for called in beat.called:
            self._take(called)

    def _take(self, called: Called) -> None:
        """Run a suspect, for which no message comes."""
        role = self._roles.get(called.queue)
        if role is None or called.record_id in self._called:
            return
        task = asyncio.create_task(self._run_called(role, called.record_id))
        self._called[called.record_id] = task
        task.add_done_callback(lambda _: self._called.pop(called.record_id))

    async def _run_called(self, role: str, record_id: str) -> None:
        try:
            await self.run(role, record_id)
        except Exception:
            log.exception("attempt lost", role=role, record=record_id)

    def let_go(self, leases: Iterable[RevokedLease]) -> None:
        """Stop the attempts whose lease is lost or whose job is cancelled."""
        for lease in leases:
            reason = Interruption.CANCELLED if lease.cancelled else Interruption.LEASE_LOST
            self._interrupt(lease.token, reason)

    def give_all_back(self) -> None:
        """Stop every attempt and give its job back, uncharged; wait for Redis no longer."""
        self.accepting = False
        self._open.set()
        self._give_up_at = monotonic() + GIVE_BACK_SECONDS
        for token in list(self._held):
            self._interrupt(token, Interruption.DRAINED)

    async def settled(self, seconds: float) -> None:
        """Wait until no attempt is left, up to a number of seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._held:
                    self._ended.clear()
                    await self._ended.wait()

    def _interrupt(self, token: str, reason: Interruption) -> None:
        held = self._held.get(token)
        if held is None or held.interruption is not None or held.task.done():
            return
        log.info("attempt interrupted", record=held.claim.id, reason=reason.name.lower())
        count_interruption(reason.name.lower())
        held.interruption = reason
        held.task.cancel()


def _log_context(claim: Claim) -> dict[str, Any]:
    """Return the fields that each log line of an attempt carries about its record."""
    context = {f"{claim.kind}_id": claim.id, "attempt": claim.attempt}
    if claim.kind is RecordKind.JOB:
        context["tenant"] = claim.tenant
    return context


def _place_of(error: Exception) -> str:
    """Return where an error was raised; its message may quote a document, and stays in the log."""
    place = "an unknown place"
    for frame, line in traceback.walk_tb(error.__traceback__):
        place = f"{frame.f_globals.get('__name__')}:{line}"
    return f"{type(error).__name__} at {place}; the worker's log has the rest."


def _failure_of(outcome: Outcome) -> Failure | None:
    return outcome.failure if isinstance(outcome, Decision) else None


def _after(interruption: Interruption | None) -> Outcome:
    match interruption:
        case Interruption.CANCELLED:
            return Finished(JobState.CANCELLED)
        case Interruption.LEASE_LOST:
            return Abandoned()
        case Interruption.DRAINED | None:
            return GivenBack()
