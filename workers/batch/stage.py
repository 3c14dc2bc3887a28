"""Stage `batch`: turns a batch's lines into jobs and their results into files; deletes old files.

An attempt may end at any point: job ids derive from batch and line, file ids from the batch, and
the ledger holds the progress of the reading.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

import structlog

from ledger.claim import Claim
from ledger.ledger import Ledger
from ledger.openai.batch_record import BatchRecord, Place
from ledger.openai.batches import LineJob
from schemas.document import DocumentRef
from schemas.failure import FailureCode
from schemas.ids import RecordKind
from schemas.job import CHAT_TASK, JobSpec
from schemas.openai.batch import ENDED, BatchStatus
from schemas.queues import BATCH_QUEUE
from schemas.states import JobState
from settings.chat_models import ChatModels
from settings.fleet import FleetSettings
from storage.objects import ObjectStore
from workers.batch.input import BatchInput, Block
from workers.batch.line import ReadLine
from workers.batch.output import BatchFiles, says
from workers.batch.turns import Slots, Turns
from workers.errors import StageError
from workers.metrics import step
from workers.objects import storage_failures
from workers.outcome import Finished, GivenBack, Outcome, Parked

log = structlog.get_logger(__name__)

_LINES_AT_ONCE = 500
_NO_ROOM_SECONDS = 2.0
_NO_SLOT_SECONDS = 2.0
_TURNS_AT_ONCE = 2
_IN_USE_SECONDS = 60.0
"""Seconds between two checks whether a batch still reads an expired file."""


@dataclass
class _Progress:
    """Progress of the submission of jobs."""

    written: int
    answer: str = "held"


class BatchStage:
    """Serves batches and expired files.

    Args:
        ledger: Holds their records.
        store: Holds the files.
        settings: The fleet's.
        models: Models that can be asked.
    """

    queue = BATCH_QUEUE
    engine = None

    def __init__(
        self, ledger: Ledger, store: ObjectStore, settings: FleetSettings, models: ChatModels
    ) -> None:
        self._batches = ledger.batches
        self._ledger_files = ledger.files
        self._store = store
        self._settings = settings
        self._models = models
        self._files = BatchFiles(
            ledger.batches,
            ledger.files,
            store,
            work_bucket=settings.work_bucket,
            results_bucket=settings.results_bucket,
        )
        self.capacity = self.max_capacity = settings.openai.batch_concurrency
        self._slots = Slots(self.capacity)
        self._turns = Turns(_TURNS_AT_ONCE)

    async def start(self) -> None:
        """Start; there is nothing to load."""

    async def run(self, claim: Claim) -> Outcome:
        """See WorkerStage."""
        if claim.kind is RecordKind.FILE:
            return await self._delete(claim)
        batch = await self._batch(claim)
        with self._slots.slot(batch.spec.tenant) as has_slot:
            if not has_slot:  # the slots that are left are other tenants'
                return GivenBack(wait_seconds=_NO_SLOT_SECONDS)
            return await self._advance(claim, batch, monotonic())

    async def _advance(self, claim: Claim, batch: BatchRecord, since: float) -> Outcome:
        """Take a batch as far as it goes now."""
        if batch.status in ENDED:  # an earlier attempt got that far
            return Finished(JobState.SUCCEEDED)
        if claim.claimed_ms >= batch.expires_ms and batch.ending is None:
            await self._batches.end(claim.id, BatchStatus.EXPIRED)
            batch = await self._batch(claim)
        if batch.jobs is None and batch.ending is None:
            with step("lines"):
                return await self._expand(claim, batch, since)
        if batch.ending is not None and not batch.all_ended:
            await self._batches.cancel_lines(batch.id, range(1, batch.place.line + 1))
            batch = await self._batch(claim)
        if not batch.all_ended:
            return self._parked(claim, batch, since)
        return await self._finish(claim, batch)

    async def _batch(self, claim: Claim) -> BatchRecord:
        batch = await self._batches.get(claim.id)
        if batch is None:
            raise StageError(FailureCode.WORKER_ERROR, "The batch's record is gone.")
        return batch

    def _parked(self, claim: Claim, batch: BatchRecord, since: float) -> Parked:
        """Wait until the window ends; while lines are being stopped, look again now and then."""
        if batch.ending is not None:
            return Parked(_NO_ROOM_SECONDS, complete=True, ending=True)
        left = (batch.expires_ms - claim.claimed_ms) / 1000 - (monotonic() - since)
        return Parked(left, complete=True)

    async def _delete(self, claim: Claim) -> Outcome:
        if await self._ledger_files.in_use(claim.id):
            return Parked(_IN_USE_SECONDS, complete=False)
        with storage_failures():
            await self._store.delete(claim.file.uri)
        return Finished(JobState.SUCCEEDED)

    def _input(self, batch: BatchRecord) -> BatchInput:
        return BatchInput(
            self._store,
            batch.spec.input_uri,
            batch.spec.endpoint,
            self._models,
            self._settings.openai,
            turns=self._turns,
            tenant=batch.spec.tenant,
        )

    async def _expand(self, claim: Claim, batch: BatchRecord, since: float) -> Outcome:
        """Submit the lines as jobs, once the whole file is valid."""
        source = self._input(batch)
        if batch.status is BatchStatus.VALIDATING:
            survey = await source.survey()
            if survey.errors:
                errors = [error.model_dump(exclude_none=True) for error in survey.errors]
                await self._batches.note(claim, BatchStatus.FAILED, {"errors": json.dumps(errors)})
                log.info("batch refused", errors=len(errors), first=survey.errors[0].code)
                return Finished(JobState.SUCCEEDED)
            counts = {"total": survey.total, "refused": survey.refused}
            await self._batches.note(claim, BatchStatus.IN_PROGRESS, counts)
        progress = _Progress(batch.written)
        async for block in source.blocks(batch.place):
            await self._submit(claim, batch, block, progress)
            if progress.answer in {"full", "quota"}:
                return Parked(_NO_ROOM_SECONDS, complete=False)
            if progress.answer == "ending":
                return Parked(0, complete=False)
        log.info("batch in progress", jobs=progress.written)
        return self._parked(claim, batch, since)

    async def _submit(
        self, claim: Claim, batch: BatchRecord, block: Block, progress: _Progress
    ) -> None:
        spec = JobSpec(
            document=DocumentRef(uri=batch.spec.input_uri),
            tasks=(CHAT_TASK,),
            tenant=batch.spec.tenant,
            priority=batch.spec.priority,
        )
        jobs = [
            LineJob(raw.number, raw.offset, len(raw.data), line.queue, Place(raw.number, raw.after))
            for raw, line in block.lines
            if isinstance(line, ReadLine) and line.queue is not None
        ]
        for some in _portions(jobs):
            progress.answer = await self._batches.submit_lines(
                claim,
                spec,
                some,
                written=progress.written + len(some),
                quota=self._settings.quota(batch.spec.tenant),
            )
            if progress.answer != "held":
                return
            progress.written += len(some)

    async def _finish(self, claim: Claim, batch: BatchRecord) -> Outcome:
        """Write the files and close the batch."""
        status = batch.ending or BatchStatus.COMPLETED
        if batch.total == 0:  # it ended before it was read
            await self._batches.note(claim, status, {})
            return Finished(JobState.SUCCEEDED)
        if batch.ending is None or batch.ending is BatchStatus.EXPIRED:
            await self._batches.note(claim, BatchStatus.FINALIZING, {})
        with step("files"):
            written = await self._files.write(batch, self._input(batch))
        await self._batches.note(claim, status, says(written))
        log.info("batch ended", status=status, completed=batch.completed, failed=batch.failed)
        return Finished(JobState.SUCCEEDED)

    async def stop(self) -> None:
        """Stop; there is nothing to free."""


def _portions(jobs: Sequence[LineJob]) -> list[Sequence[LineJob]]:
    return [jobs[start : start + _LINES_AT_ONCE] for start in range(0, len(jobs), _LINES_AT_ONCE)]
