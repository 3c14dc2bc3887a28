"""Reading of a record: from the fields in Redis to a job as its owner sees it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from schemas.document import Prepared
from schemas.failure import Failure
from schemas.job import Attempt, Job, JobSpec, KeptCallback, ShownCallback
from schemas.states import JobState, Stage


def read_job(job_id: str, fields: Mapping[str, str], history: Sequence[str]) -> Job:
    """A job from its hash and its history.

    Args:
        job_id: The record's id.
        fields: The hash `docfleet:record:{id}`.
        history: The list `docfleet:history:{id}`, each an Attempt as JSON.
    """
    spec = JobSpec.model_validate_json(fields["spec"])
    failure = fields.get("failure")
    prepared = fields.get("prepared")
    return Job(
        id=job_id,
        state=JobState(fields["state"]),
        stage=Stage(fields["stage"]),
        queue=fields["queue"],
        tenant=spec.tenant,
        tasks=spec.tasks,
        scorecards=spec.scorecards,
        document=spec.document,
        priority=spec.priority,
        metadata=spec.metadata,
        callback=_shown(spec.callback),
        adapters={task: pin.shown() for task, pin in spec.adapters.items() if pin is not None},
        attempts=int(fields["attempts"]),
        created_at=from_unix_ms(fields["created"]),
        updated_at=from_unix_ms(fields["updated"]),
        closed_at=from_unix_ms(fields["closed"]) if "closed" in fields else None,
        due_at=from_unix_ms(fields["due"]) if "due" in fields else None,
        prepared=Prepared.model_validate_json(prepared) if prepared else None,
        result_uri=fields.get("result"),
        needs_review=json.loads(fields.get("review", "[]")),
        kept_uri=fields.get("kept"),
        redrives=int(fields.get("redrives", 0)),
        batch_id=fields.get("batch"),
        failure=Failure.model_validate_json(failure) if failure else None,
        history=read_history(history),
    )


def _shown(callback: KeptCallback | None) -> ShownCallback | None:
    if callback is None:
        return None
    return ShownCallback(url=callback.url, payload=callback.payload)


def read_history(entries: Sequence[str]) -> tuple[Attempt, ...]:
    """The attempts of the list `docfleet:history:{id}`, oldest first."""
    return tuple(Attempt.model_validate(json.loads(entry)) for entry in entries)


def from_unix_ms(unix_ms: str | int) -> datetime:
    """Unix milliseconds, as the ledger keeps them, as a time in UTC."""
    return datetime.fromtimestamp(int(unix_ms) / 1000, tz=UTC)


def duration_ms(seconds: float) -> int:
    """A duration as the ledger's scripts take it."""
    return round(seconds * 1000)


def milliseconds(at: datetime) -> int:
    """A time as the ledger keeps it: Unix milliseconds."""
    return round(at.timestamp() * 1000)
