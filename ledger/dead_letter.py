"""Reading of a dead letter: from a record in Redis to the form that people see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ledger.record import from_unix_ms, read_history, read_job
from schemas.dead_letter import DeadLetter, DeadLetterKind
from schemas.failure import Failure
from schemas.ids import RecordKind, record_kind
from schemas.openai.batch import BatchSpec
from schemas.openai.file import FileSpec
from schemas.webhooks.delivery import DeliverySpec


def read_dead_letter(
    record_id: str, fields: Mapping[str, str], history: Sequence[str]
) -> DeadLetter:
    """Return the dead letter of a hash and its history.

    Args:
        record_id: A job or a delivery.
        fields: The hash `docfleet:record:{id}`; its state is `dead`.
        history: The list `docfleet:history:{id}`, each an Attempt as JSON.
    """
    return DeadLetter(
        id=record_id,
        failure=Failure.model_validate_json(fields["failure"]),
        dead_since=from_unix_ms(fields["closed"]),
        created_at=from_unix_ms(fields["created"]),
        queue=fields["queue"],
        attempts=int(fields["attempts"]),
        redrives=int(fields.get("redrives", 0)),
        history=read_history(history),
        **_own_fields(record_id, fields),
    )


def _own_fields(record_id: str, fields: Mapping[str, str]) -> dict[str, Any]:
    match record_kind(record_id):
        case RecordKind.JOB:
            return _of_job(record_id, fields)
        case RecordKind.BATCH:
            batch = BatchSpec.model_validate_json(fields["spec"])
            return {"kind": DeadLetterKind.BATCH, "tenant": batch.tenant}
        case RecordKind.FILE:
            file = FileSpec.model_validate_json(fields["spec"])
            return {"kind": DeadLetterKind.FILE, "tenant": file.tenant}
        case _:
            return _of_delivery(fields)


def _of_job(record_id: str, fields: Mapping[str, str]) -> dict[str, Any]:
    job = read_job(record_id, fields, ())
    return {
        "kind": DeadLetterKind.JOB,
        "tenant": job.tenant,
        "tasks": job.tasks,
        "stage": job.stage,
        "document": job.document,
        "kept_uri": job.kept_uri,
    }


def _of_delivery(fields: Mapping[str, str]) -> dict[str, Any]:
    spec = DeliverySpec.model_validate_json(fields["spec"])
    return {
        "kind": DeadLetterKind.DELIVERY,
        "tenant": spec.tenant,
        "job_id": spec.job,
        "url": spec.url,
    }
