"""A claim: the lease on one record, and what the record said when it was taken."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.document import Prepared
from schemas.states import Stage


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run one attempt.

    Attributes:
        id: The record's id.
        token: The fencing token; each write of this attempt carries it.
        spec: The record's spec, JSON.
        attempt: The number of this attempt at the present stage, from 1.
        created_ms: When the record was written, Unix milliseconds by Redis TIME.
        claimed_ms: When this lease was taken, likewise.
        waited_ms: How long the record had stood in the queue's line by then.
        prepared: What the prepare stage left, for a job that is past it.
        stage: Where a job stands; None for a delivery.
        suspect: Whether the job has to be alone: it was in flight when an engine died, or may
            have ended a worker.
        redrives: How often it has been redriven.
        pool: The queue of the pool that a redrive asks for.
        versions: By task, the version that a redrive asks for.
        result_uri: Where a result lies that the job had before it was redriven.
        kept_uri: Where earlier attempts left what their tasks came to.
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


def read_claim(record_id: str, token: str, claimed_ms: int, fields: Mapping[str, str]) -> Claim:
    """A claim from the fields of its record."""
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
