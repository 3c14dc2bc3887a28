"""Webhooks in OpenAPI: the events that docfleet sends and for which it expects an answer."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter

from schemas.webhooks.event import BatchEvent, EndpointEvent, JobEvent, ReviewEvent

events = APIRouter()


@events.post(
    "job-ended",
    operation_id="jobEnded",
    summary="A job has ended",
    status_code=HTTPStatus.NO_CONTENT,
)
def job_ended(event: JobEvent) -> None:
    """Receive the end of a job, signed as Standard Webhooks says; answer with any 2xx."""


@events.post(
    "batch-ended",
    operation_id="batchEnded",
    summary="A batch has ended",
    status_code=HTTPStatus.NO_CONTENT,
)
def batch_ended(event: BatchEvent) -> None:
    """Receive the end of a batch, in the form that OpenAI's clients read."""


@events.post(
    "review-completed",
    operation_id="reviewCompleted",
    summary="A result was accepted or corrected",
    status_code=HTTPStatus.NO_CONTENT,
)
def review_completed(event: ReviewEvent) -> None:
    """Sent to those that were told of the job's end, signed like every event."""


@events.post(
    "endpoint-event",
    operation_id="endpointEvent",
    summary="A test, or another endpoint was disabled",
    status_code=HTTPStatus.NO_CONTENT,
)
def endpoint_event(event: EndpointEvent) -> None:
    """Receive an event of an endpoint, signed like every event; answer with any 2xx."""
