"""The messages that others may build on, and their JSON Schemas."""

from __future__ import annotations

from typing import Any

from schemas.contract import Contract
from schemas.dead_letter import DeadLetter
from schemas.failure import Failure
from schemas.job import Job, JobRequest
from schemas.result import JobResult
from schemas.task import Task
from schemas.webhooks.delivery import Delivery
from schemas.webhooks.endpoint import Endpoint
from schemas.webhooks.event import BatchEvent, EndpointEvent, JobEvent

PUBLIC: dict[str, type[Contract]] = {
    "job-request": JobRequest,
    "job": Job,
    "result": JobResult,
    "failure": Failure,
    "event": JobEvent,
    "batch-event": BatchEvent,
    "endpoint-event": EndpointEvent,
    "endpoint": Endpoint,
    "delivery": Delivery,
    "dead-letter": DeadLetter,
    "task": Task,
}
"""By the name of the schema's file."""


def public_schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema, draft 2020-12, of each public message as it is sent."""
    return {
        name: {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **model.model_json_schema(mode="serialization"),
        }
        for name, model in PUBLIC.items()
    }
