"""Identifiers: how jobs and deliveries are named."""

from __future__ import annotations

import hashlib
import secrets

JOB_PREFIX = "job_"
DELIVERY_PREFIX = "msg_"
_HEX_DIGITS = 24


def new_job_id() -> str:
    """A job id that nobody has used."""
    return JOB_PREFIX + secrets.token_hex(_HEX_DIGITS // 2)


def derived_job_id(*parts: str) -> str:
    """The job id that belongs to these parts: the same parts, the same job.

    Args:
        parts: What makes the job the same one, such as bucket, key and version.
    """
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return JOB_PREFIX + digest[:_HEX_DIGITS]


def job_digest(job_id: str) -> bytes:
    """Return the 12 bytes that a job id encodes."""
    return bytes.fromhex(job_id.removeprefix(JOB_PREFIX))


def new_endpoint_id() -> str:
    """An endpoint id that nobody has used."""
    return "ep_" + secrets.token_hex(8)


def new_delivery_id() -> str:
    """A delivery id that nobody has used, for an event that is of no job."""
    return "msg_" + secrets.token_hex(12)


def result_key(job_id: str) -> str:
    """The key of a job's one result object."""
    return f"{job_id}.json"
