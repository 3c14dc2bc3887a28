"""Webhook bodies and signatures, checked by verifiers that are not ours."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from openai import InvalidWebhookSignatureError, OpenAI
from standardwebhooks import Webhook

from schemas.failure import Failure, FailureCode
from schemas.states import JobState
from schemas.webhooks.delivery import DeliverySpec
from workers.deliver.signature import build_event, sign

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = datetime.now(UTC)
ENDED = DeliverySpec.model_validate(
    {
        "job": "job_" + "a" * 24,
        "state": JobState.DEAD,
        "at": int(NOW.timestamp() * 1000),
        "url": "https://claims.test/a-secret-path",
        "metadata": {"claim": "C-1"},
        "failure": Failure.of(FailureCode.DOCUMENT_EMPTY, "It has 0 bytes."),
    }
)


def test_the_signature_is_that_of_the_specification() -> None:
    """The published test vector comes out to the letter."""
    headers = sign(
        (SECRET,),
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, tz=UTC),
        '{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_independent_verifiers_accept_an_event_and_refuse_a_changed_one() -> None:
    """OpenAI's SDK and the reference library agree with what is sent."""
    body = build_event("msg_1", ENDED).model_dump_json(exclude_none=True)
    headers = sign((SECRET,), "msg_1", datetime.now(UTC), body)
    webhooks = OpenAI(api_key="none", webhook_secret=SECRET).webhooks
    webhooks.verify_signature(body, headers)
    Webhook(SECRET).verify(body, headers)
    with pytest.raises(InvalidWebhookSignatureError):
        webhooks.verify_signature(body.replace("dead", "succeeded"), headers)


def test_an_event_tells_how_the_job_ended_and_nothing_of_its_receiver() -> None:
    """Failure and metadata are there; the URL is not."""
    event = build_event("msg_1", ENDED)
    assert (event.type, event.data.id) == ("job.failed", ENDED.job)
    assert (event.data.metadata, event.data.failure) == (ENDED.metadata, ENDED.failure)
    assert "secret-path" not in event.model_dump_json()


def test_openais_client_knows_the_event_of_a_batch() -> None:
    """The event has the client's own type, and names the batch and its tenant."""
    told = DeliverySpec.model_validate(
        {
            "job": "batch_1",
            "state": JobState.SUCCEEDED,
            "event": "batch.completed",
            "at": int(NOW.timestamp() * 1000),
            "url": "https://claims.test/",
            "tenant": "acme",
        }
    )
    body = build_event("msg_1", told).model_dump_json(exclude_none=True)
    headers = sign((SECRET,), "msg_1", datetime.now(UTC), body)
    event = OpenAI(api_key="none", webhook_secret=SECRET).webhooks.unwrap(body, headers)
    assert (event.type, event.data.id) == ("batch.completed", "batch_1")
    assert json.loads(body)["data"]["tenant"] == "acme"
