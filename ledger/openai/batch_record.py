"""Reading of a batch: from the fields in Redis to the forms for workers and for its owner."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from schemas.contract import Contract
from schemas.failure import Failure
from schemas.openai.batch import (
    BatchError,
    BatchErrors,
    BatchObject,
    BatchSpec,
    BatchStatus,
    RequestCounts,
)
from schemas.states import JobState


class Place(NamedTuple):
    """Position in the input file of the first line that is not a job yet.

    Attributes:
        line: Number of lines before it.
        offset: Its offset in bytes.
    """

    line: int = 0
    offset: int = 0


class BatchRecord(Contract):
    """A batch as its record describes it.

    Attributes:
        jobs: Number of its jobs, once all of them are written.
        written: Number of jobs that are written.
        refused: Lines that became no jobs, because their request is not served.
        ending: `cancelled` or `expired`, when the batch has to end before its jobs have.
    """

    id: str
    spec: BatchSpec
    state: JobState
    status: BatchStatus
    created_ms: int
    expires_ms: int
    place: Place = Place()
    jobs: int | None = None
    written: int = 0
    total: int = 0
    refused: int = 0
    completed: int = 0
    failed: int = 0
    dropped: int = 0
    ending: BatchStatus | None = None
    errors: tuple[BatchError, ...] = ()
    usage: dict[str, Any] | None = None
    output: str | None = None
    error_output: str | None = None
    times: dict[str, int]
    """Time of each status, Unix seconds."""
    failure: Failure | None = None

    @property
    def all_ended(self) -> bool:
        """Tell whether each job that is written has ended."""
        return self.completed + self.failed + self.dropped >= self.written

    def public(self) -> BatchObject:
        """Return the batch as its owner sees it."""
        status, times, errors = self.status, dict(self.times), self.errors
        if self.state is JobState.DEAD and self.failure is not None:
            status = BatchStatus.FAILED
            dead = BatchError(code=self.failure.code, message=self.failure.message)
            errors = (*errors, dead)
        return BatchObject(
            id=self.id,
            endpoint=self.spec.endpoint,
            errors=BatchErrors(data=errors) if errors else None,
            input_file_id=self.spec.input_file_id,
            completion_window=self.spec.completion_window,
            status=status,
            output_file_id=self.output,
            error_file_id=self.error_output,
            created_at=self.created_ms // 1000,
            expires_at=self.expires_ms // 1000,
            request_counts=RequestCounts(
                total=self.total, completed=self.completed, failed=self.failed + self.refused
            ),
            usage=self.usage,
            metadata=self.spec.metadata,
            **times,
        )


_TIMES = tuple(name for name in BatchObject.model_fields if name.endswith("_at"))
_NUMBERS = ("jobs", "written", "total", "refused", "completed", "failed", "dropped")


def read_batch(batch_id: str, fields: Mapping[str, str]) -> BatchRecord:
    """Return the batch that the fields of a record describe."""
    failure, place, usage = fields.get("failure"), fields.get("place"), fields.get("usage")
    errors = json.loads(fields.get("errors", "[]"))
    times = {name: int(fields[name]) // 1000 for name in _TIMES if name in fields}
    if fields["state"] == JobState.DEAD:
        times["failed_at"] = int(fields["closed"]) // 1000
    return BatchRecord(
        id=batch_id,
        spec=BatchSpec.model_validate_json(fields["spec"]),
        state=JobState(fields["state"]),
        status=BatchStatus(fields["status"]),
        created_ms=int(fields["created"]),
        expires_ms=int(fields["expires"]),
        place=Place(*json.loads(place)) if place else Place(),
        ending=BatchStatus(fields["ending"]) if "ending" in fields else None,
        errors=tuple(BatchError.model_validate(one) for one in errors),
        usage=json.loads(usage) if usage else None,
        output=fields.get("output"),
        error_output=fields.get("error_output"),
        times=times,
        failure=Failure.model_validate_json(failure) if failure else None,
        **{name: int(fields[name]) for name in _NUMBERS if name in fields},
    )
