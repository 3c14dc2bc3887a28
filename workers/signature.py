"""Webhook bodies and their Standard Webhooks signatures. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from standardwebhooks import Webhook

from schemas.delivery import DeliverySpec
from schemas.event import EVENT_OF, BatchEvent, BatchEventData, EventType, JobEvent, JobEventData


def build_event(delivery_id: str, spec: DeliverySpec) -> JobEvent | BatchEvent:
    """What a webhook tells of an end; the same for every attempt at the delivery."""
    ended_at = datetime.fromtimestamp(spec.at / 1000, tz=UTC)
    if spec.batch is not None:
        return BatchEvent(
            id=delivery_id,
            type=EventType(f"batch.{spec.batch}"),
            created_at=int(ended_at.timestamp()),
            timestamp=ended_at,
            data=BatchEventData(id=spec.job),
        )
    return JobEvent(
        id=delivery_id,
        type=EVENT_OF[spec.state],
        created_at=int(ended_at.timestamp()),
        timestamp=ended_at,
        data=JobEventData(
            id=spec.job,
            state=spec.state,
            tenant=spec.tenant,
            metadata=spec.metadata,
            result_uri=spec.result_uri,
            failure=spec.failure,
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
