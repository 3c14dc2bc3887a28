"""Webhook bodies and signatures, checked by verifiers that are not ours."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from openai import InvalidWebhookSignatureError, OpenAI
from standardwebhooks import Webhook

from schemas.document import DocumentRef
from schemas.failure import Failure, FailureCode
from schemas.job import Job, Priority
from schemas.states import JobState, Stage
from workers.signature import build_event, sign

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = datetime.now(UTC)
JOB = Job(
    id="job_" + "a" * 24,
    state=JobState.DEAD,
    stage=Stage.PREPARE,
    queue="prepare",
    tenant="default",
    tasks=("fnol",),
    document=DocumentRef(uri="s3://incoming/a secret name.pdf"),
    priority=Priority.NORMAL,
    metadata={"claim": "C-1"},
    attempts=1,
    created_at=NOW,
    updated_at=NOW,
    closed_at=NOW,
    failure=Failure.of(FailureCode.DOCUMENT_EMPTY, "It has 0 bytes."),
)


def test_the_signature_is_that_of_the_specification() -> None:
    """The published test vector comes out to the letter."""
    headers = sign(
        SECRET,
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, tz=UTC),
        '{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_independent_verifiers_accept_an_event_and_refuse_a_changed_one() -> None:
    """OpenAI's SDK and the reference library agree with what is sent."""
    body = build_event("msg_1", JOB).model_dump_json(exclude_none=True)
    headers = sign(SECRET, "msg_1", datetime.now(UTC), body)
    webhooks = OpenAI(api_key="none", webhook_secret=SECRET).webhooks
    webhooks.verify_signature(body, headers)
    Webhook(SECRET).verify(body, headers)
    with pytest.raises(InvalidWebhookSignatureError):
        webhooks.verify_signature(body.replace("dead", "succeeded"), headers)


def test_an_event_tells_of_the_job_and_nothing_of_the_document() -> None:
    """Failure and metadata are there; the document's name is not."""
    event = build_event("msg_1", JOB)
    assert (event.type, event.data.id, event.data.metadata) == ("job.failed", JOB.id, JOB.metadata)
    assert "secret name" not in event.model_dump_json()
