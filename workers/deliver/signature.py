"""Webhook bodies and their Standard Webhooks signatures. Pure."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks import Webhook

from schemas.result import JobResult
from schemas.webhooks.delivery import DeliverySpec
from schemas.webhooks.event import (
    BatchEvent,
    BatchEventData,
    EndpointEvent,
    EndpointEventData,
    EventBase,
    JobEvent,
    JobEventData,
    ReviewEvent,
    ReviewEventData,
)
from schemas.webhooks.signing import PRIVATE_KEY_PREFIX


def build_event(
    delivery_id: str, spec: DeliverySpec, result: JobResult | None = None, *, omitted: bool = False
) -> EventBase:
    """Build the event of a webhook; every attempt at the delivery sends the same.

    Args:
        delivery_id: Of the record.
        spec: What it tells.
        result: The job's result, where it was asked for.
        omitted: Whether they were asked for and cannot be sent.
    """
    happened_at = datetime.fromtimestamp(spec.at / 1000, tz=UTC)
    head = {
        "id": delivery_id,
        "type": spec.type,
        "created_at": int(happened_at.timestamp()),
        "timestamp": happened_at,
    }
    if spec.job is None or spec.state is None:
        about = spec.about.model_dump() if spec.about else {"id": spec.endpoint}
        return EndpointEvent(**head, data=EndpointEventData(tenant=spec.tenant, **about))
    if spec.type.is_of_batch:
        return BatchEvent(**head, data=BatchEventData(id=spec.job, tenant=spec.tenant))
    job = {
        "id": spec.job,
        "state": spec.state,
        "tenant": spec.tenant,
        "sequence": spec.sequence,
        "document": spec.document,
        "metadata": spec.metadata,
        "result_uri": spec.result_uri,
    }
    if spec.review is not None:
        return ReviewEvent(**head, data=ReviewEventData(**job, review=spec.review))
    return JobEvent(
        **head,
        data=JobEventData(
            **job,
            needs_review=spec.needs_review,
            failure=spec.failure,
            tasks=result.tasks if result is not None else None,
            scorecards=(result.scorecards or None) if result is not None else None,
            tasks_omitted=True if omitted else None,
        ),
    )


def sign(secrets: Sequence[str], delivery_id: str, at: datetime, body: str) -> dict[str, str]:
    """Return the three headers of Standard Webhooks.

    Args:
        secrets: `whsec_...` for v1 and `whsk_...` for v1a, each of which signs; while one is
            rotated out, it stands beside the new one.
        delivery_id: Stable across retries; receivers drop what they have seen.
        at: When this attempt is made, in UTC; receivers refuse old ones.
        body: The exact text that is sent.
    """
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(_sign(secret, delivery_id, at, body) for secret in secrets),
    }


def _sign(secret: str, delivery_id: str, at: datetime, body: str) -> str:
    if not secret.startswith(PRIVATE_KEY_PREFIX):
        return Webhook(secret).sign(delivery_id, at, body)
    key = Ed25519PrivateKey.from_private_bytes(b64decode(secret.removeprefix(PRIVATE_KEY_PREFIX)))
    signed = f"{delivery_id}.{int(at.timestamp())}.{body}".encode()
    return f"v1a,{b64encode(key.sign(signed)).decode()}"
