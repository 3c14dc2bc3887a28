"""Batches: records that are worked on under leases, and that wait for their jobs in between."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis

from ledger import keys
from ledger.claim import Claim
from ledger.connection import available
from ledger.errors import LeaseLostError, LedgerFullError
from ledger.openai.batch_record import BatchRecord, Place, read_batch
from ledger.openai.listing import read_listed
from ledger.record import duration_ms
from ledger.scripts import Scripts
from ledger.share import check_share
from schemas.failure import Failure
from schemas.ids import derived_job_id
from schemas.job import JobSpec
from schemas.openai.batch import BatchSpec, BatchStatus, window_seconds
from schemas.quota import NO_QUOTA, Quota
from schemas.states import JobState

_CANCELLED_AT_ONCE = 200


class LineJob(NamedTuple):
    """A line that becomes a job.

    Attributes:
        line: The line's number, from 1.
        offset: Its offset in the input file, in bytes.
        length: Its length in bytes.
        queue: The queue of the pool that runs it.
        after: The place of the next line.
    """

    line: int
    offset: int
    length: int
    queue: str
    after: Place


class LineEnd(NamedTuple):
    """State of a line's job; `state` is None for a line without a job."""

    state: JobState | None
    result_uri: str | None
    failure: Failure | None


def line_job_id(batch_id: str, line: int) -> str:
    """Return the id of the job of a batch's line."""
    return derived_job_id(batch_id, str(line))


class BatchRecords:
    """The batches of one ledger; every method may raise LedgerUnavailableError."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._scripts = scripts

    async def create(self, batch_id: str, spec: BatchSpec, quota: Quota = NO_QUOTA) -> bool:
        """Write a batch and its place in line, unless it exists.

        Args:
            batch_id: A new id, or that of the same batch.
            spec: Content of the batch.
            quota: Limits of the tenant.

        Returns:
            True when the batch exists now; False when its input file is gone.

        Raises:
            LedgerFullError: Redis nears its maxmemory.
            TenantShareError: The tenant's records take as much memory as they may.
        """
        answer = await self._scripts.run(
            "create_batch",
            [keys.record(batch_id), keys.record(spec.input_file_id)],
            [
                batch_id,
                spec.model_dump_json(exclude_none=True),
                spec.tenant,
                window_seconds(spec.completion_window) * 1000,
                int(spec.callback is not None),
                quota.stored,
            ],
        )
        check_share(spec.tenant, answer)
        if answer[0] == "full":
            raise LedgerFullError("Redis uses 80 % of its maxmemory: no batch can be taken now")
        return bool(answer[0] != "no file")

    async def get(self, batch_id: str) -> BatchRecord | None:
        """Return a batch, or None for an unknown id."""
        async with available():
            fields: Any = await self._redis.hgetall(keys.record(batch_id))
        return read_batch(batch_id, fields) if fields else None

    async def page(self, tenant: str, *, after: str | None, limit: int) -> list[BatchRecord]:
        """Return one page of a tenant's batches, the newest first.

        Args:
            tenant: The owner of the batches.
            after: The last batch of the page before.
            limit: The maximum number of batches.
        """
        key = keys.BATCHES.format(tenant=tenant)
        entries = await read_listed(self._redis, key, after=after, newest_first=True)
        return [read_batch(entry.id, entry.fields) for entry in entries[:limit]]

    async def end(self, batch_id: str, how: BatchStatus) -> None:
        """Ask for the end of a batch; do nothing when its files are being written.

        Args:
            batch_id: The batch's id.
            how: Final status: `cancelled` or `expired`.
        """
        await self._scripts.run("cancel_batch", [keys.record(batch_id)], [batch_id, how])

    async def note(
        self, claim: Claim, status: BatchStatus | None, fields: Mapping[str, str | int]
    ) -> None:
        """Store the progress of a batch.

        Raises:
            LeaseLostError: Another attempt owns the batch.
        """
        flat = [word for pair in fields.items() for word in pair]
        await self._held("note_batch", claim, status or "", *flat)

    async def park(
        self, claim: Claim, *, wait_seconds: float, complete: bool, ending: bool
    ) -> None:
        """End an attempt; the batch waits for its jobs, or until a time.

        Args:
            claim: The lease to end.
            wait_seconds: Maximum seconds to wait.
            complete: True when all its jobs are written, so that the last one wakes it.
            ending: True when the attempt knew that the batch has to end.

        Raises:
            LeaseLostError: Another attempt owns the batch.
        """
        wait = max(duration_ms(wait_seconds), 0)
        await self._held("park_batch", claim, wait, int(complete), int(ending))

    async def submit_lines(
        self,
        claim: Claim,
        spec: JobSpec,
        lines: Sequence[LineJob],
        *,
        written: int,
        quota: Quota = NO_QUOTA,
    ) -> str:
        """Turn lines into jobs, all of them or none.

        Args:
            claim: The claim of the batch.
            spec: The spec of each job, without the part of the file that is its document.
            lines: The lines, a few hundred at most: Redis does nothing else meanwhile.
            written: Number of the batch's jobs, these included.
            quota: Limits of the tenant.

        Returns:
            `held` when they are written, `ending` when the batch has to end instead, `full` or
            `quota` when there is no room for them now.

        Raises:
            LeaseLostError: Another attempt owns the batch.
        """
        head, tail = _around_span(spec)
        arguments: list[Any] = [
            spec.lane, spec.priority.handicap_ms, quota.in_line, head, tail,
            json.dumps(lines[-1].after), written, quota.stored,
        ]  # fmt: skip
        for line in lines:
            job_id = line_job_id(claim.id, line.line)
            arguments += [job_id, line.line, line.queue, line.offset, line.length]
        return await self._held("submit_lines", claim, *arguments)

    async def cancel_lines(self, batch_id: str, lines: range) -> None:
        """Cancel the jobs of these lines that have not ended."""
        for start in range(lines.start, lines.stop, _CANCELLED_AT_ONCE):
            some = range(start, min(start + _CANCELLED_AT_ONCE, lines.stop))
            ids = [line_job_id(batch_id, line) for line in some]
            await self._scripts.run("cancel_lines", [], ids)

    async def line_ends(self, batch_id: str, lines: Sequence[int]) -> list[LineEnd]:
        """Return the states of the jobs of these lines."""
        async with available(), self._redis.pipeline(transaction=False) as pipe:
            for line in lines:
                record = keys.record(line_job_id(batch_id, line))
                pipe.hmget(record, ["state", "result", "failure"])
            rows = await pipe.execute()
        return [
            LineEnd(
                JobState(state) if state else None,
                result,
                Failure.model_validate_json(failure) if failure else None,
            )
            for state, result, failure in rows
        ]

    async def _held(self, script: str, claim: Claim, *arguments: Any) -> str:
        answer = await self._scripts.run(
            script, [keys.record(claim.id)], [claim.id, claim.token, *arguments]
        )
        if answer == "lost":
            raise LeaseLostError(f"{claim.id}: the lease was lost; `{script}` changed nothing")
        return str(answer)


def _around_span(spec: JobSpec) -> tuple[str, str]:
    """Return the spec's text before and after its document's offset and length."""
    rest = spec.model_dump(mode="json", exclude_defaults=True)
    document = json.dumps(rest.pop("document"))
    return f'{{"document":{document[:-1]},', f"}},{json.dumps(rest)[1:]}"
