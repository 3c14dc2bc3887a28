"""A claim: the lease on one record, with the content of the record at that time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from schemas.document import Prepared
from schemas.ids import RecordKind, record_kind
from schemas.job import DEFAULT_TENANT, JobSpec
from schemas.openai.file import FileSpec
from schemas.states import Stage
from schemas.webhooks.delivery import DeliverySpec


@dataclass(frozen=True)
class Claim:
    """The right to run one attempt.

    Each spec is parsed once, when a stage first asks for it: a stage turns a spec that it cannot
    read into a failure with a code.

    Attributes:
        id: The record's id.
        token: The fencing token; each write of this attempt carries it.
        spec: The record's spec, JSON.
        attempt: The number of this attempt at the present stage, from 1.
        created_ms: Time when the record was written, Unix milliseconds by Redis TIME.
        claimed_ms: Time when this lease was taken, likewise.
        waited_ms: Milliseconds that the record had waited in its queue's line.
        prepared: Outcome of the prepare stage, for a job that has passed it.
        stage: Stage of a job; None for another record.
        suspect: True when the job has to run alone: it was in flight when an engine died, or it
            may have ended a worker.
        redrives: Number of redrives.
        pool: Queue of the pool that a redrive asks for.
        versions: The version that a redrive asks for, by task.
        result_uri: URI of the result that the job had before it was redriven.
        kept_uri: URI of the task results that earlier attempts left.
    """

    id: str
    token: str
    spec: str
    attempt: int
    created_ms: int
    claimed_ms: int
    prepared: Prepared | None
    stage: Stage | None
    waited_ms: int = 0
    suspect: bool = False
    redrives: int = 0
    pool: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    result_uri: str | None = None
    kept_uri: str | None = None

    @property
    def kind(self) -> RecordKind | None:
        """Return the kind of the record."""
        return record_kind(self.id)

    @property
    def tenant(self) -> str:
        """Return the tenant of the record, for logs; a job with an unreadable spec has one too."""
        return str(json.loads(self.spec).get("tenant", DEFAULT_TENANT))

    @property
    def jitter(self) -> float:
        """Return a number from 0 to 1 that spreads the retries of records that failed together."""
        return int(self.token, 16) / 2**64

    @cached_property
    def job(self) -> JobSpec:
        """Return the spec of a job."""
        return JobSpec.model_validate_json(self.spec)

    @cached_property
    def delivery(self) -> DeliverySpec:
        """Return the spec of a delivery."""
        return DeliverySpec.model_validate_json(self.spec)

    @cached_property
    def file(self) -> FileSpec:
        """Return the spec of a file."""
        return FileSpec.model_validate_json(self.spec)


def read_claim(record_id: str, token: str, claimed_ms: int, fields: Mapping[str, str]) -> Claim:
    """Return the claim that the fields of a record describe."""
    prepared = fields.get("prepared")
    return Claim(
        id=record_id,
        token=token,
        spec=fields["spec"],
        attempt=int(fields["attempts"]),
        created_ms=int(fields["created"]),
        claimed_ms=claimed_ms,
        prepared=Prepared.model_validate_json(prepared) if prepared else None,
        stage=Stage(fields["stage"]) if "stage" in fields else None,
        waited_ms=int(fields.get("waited", 0)),
        suspect="suspect" in fields or fields.get("company") == "1",
        redrives=int(fields.get("redrives", 0)),
        pool=fields.get("pool"),
        versions=json.loads(fields.get("versions", "{}")),
        result_uri=fields.get("result"),
        kept_uri=fields.get("kept"),
    )
