"""Identifiers of records, and the kind of record that each one names."""

from __future__ import annotations

import hashlib
import secrets
from enum import StrEnum

JOB_PREFIX = "job_"
DELIVERY_PREFIX = "msg_"
BATCH_PREFIX = "batch_"
FILE_PREFIX = "file-"
ENDPOINT_PREFIX = "ep_"
_HEX_DIGITS = 24


class RecordKind(StrEnum):
    """Kind of a ledger record."""

    JOB = "job"
    DELIVERY = "delivery"
    BATCH = "batch"
    FILE = "file"


_KINDS = {
    JOB_PREFIX: RecordKind.JOB,
    DELIVERY_PREFIX: RecordKind.DELIVERY,
    BATCH_PREFIX: RecordKind.BATCH,
    FILE_PREFIX: RecordKind.FILE,
}


def record_kind(record_id: str) -> RecordKind | None:
    """Return the kind of the record that an id names, or None for an id of another form."""
    kinds = (kind for prefix, kind in _KINDS.items() if record_id.startswith(prefix))
    return next(kinds, None)


def new_job_id() -> str:
    """Return a new job id."""
    return JOB_PREFIX + secrets.token_hex(_HEX_DIGITS // 2)


def derived_job_id(*parts: str) -> str:
    """Return the job id of these parts: the same parts give the same id.

    Args:
        parts: Values that identify the job, such as bucket, key and version.
    """
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return JOB_PREFIX + digest[:_HEX_DIGITS]


def job_digest(job_id: str) -> bytes:
    """Return the 12 bytes that a job id encodes."""
    return bytes.fromhex(job_id.removeprefix(JOB_PREFIX))


def new_endpoint_id() -> str:
    """Return a new endpoint id."""
    return ENDPOINT_PREFIX + secrets.token_hex(8)


def new_delivery_id() -> str:
    """Return a new delivery id, for an event that belongs to no job."""
    return DELIVERY_PREFIX + secrets.token_hex(12)


def result_key(job_id: str) -> str:
    """Return the key of a job's result object."""
    return f"{job_id}.json"
