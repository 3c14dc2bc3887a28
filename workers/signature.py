"""Webhook bodies and their Standard Webhooks signatures. Pure."""

from __future__ import annotations

from datetime import datetime

from standardwebhooks import Webhook

from schemas.event import EVENT_OF, JobEvent, JobEventData
from schemas.job import Job


def build_event(delivery_id: str, job: Job) -> JobEvent:
    """What a webhook tells of a closed job; the same for every attempt at the delivery."""
    closed_at = job.closed_at or job.updated_at
    return JobEvent(
        id=delivery_id,
        type=EVENT_OF[job.state],
        created_at=int(closed_at.timestamp()),
        timestamp=closed_at,
        data=JobEventData(
            id=job.id,
            state=job.state,
            tenant=job.tenant,
            metadata=job.metadata,
            result_uri=job.result_uri,
            failure=job.failure,
        ),
    )


def sign(secret: str, delivery_id: str, at: datetime, body: str) -> dict[str, str]:
    """The three headers of Standard Webhooks.

    Args:
        secret: `whsec_` and base64 of 24 to 64 bytes.
        delivery_id: Stable across retries; receivers drop what they have seen.
        at: When this attempt is made, in UTC; receivers refuse old ones.
        body: The exact text that is sent.
    """
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(delivery_id, at, body),
    }
