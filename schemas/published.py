"""The messages that others may build on, and their JSON Schemas."""

from __future__ import annotations

from typing import Any

from schemas.adapter import AdapterEntry
from schemas.contract import Contract
from schemas.dead_letter import DeadLetter
from schemas.failure import Failure
from schemas.job import Job, JobRequest
from schemas.profile import Mix, Profile
from schemas.result import JobResult
from schemas.review import Correction, Review
from schemas.task import Task
from schemas.webhooks.delivery import Delivery
from schemas.webhooks.endpoint import Endpoint
from schemas.webhooks.event import BatchEvent, EndpointEvent, JobEvent, ReviewEvent

ACCEPTED = frozenset({"job-request", "mix", "profile", "task"})
"""Messages that docfleet reads: an unknown key in them is an error."""

PUBLIC: dict[str, type[Contract]] = {
    "job-request": JobRequest,
    "job": Job,
    "result": JobResult,
    "failure": Failure,
    "event": JobEvent,
    "batch-event": BatchEvent,
    "endpoint-event": EndpointEvent,
    "review-event": ReviewEvent,
    "review": Review,
    "correction": Correction,
    "endpoint": Endpoint,
    "delivery": Delivery,
    "dead-letter": DeadLetter,
    "task": Task,
    "profile": Profile,
    "mix": Mix,
    "adapter": AdapterEntry,
}
"""By the name of the schema's file."""


def public_schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema, draft 2020-12, of each public message as it is sent.

    Those that docfleet sends are open: later versions add fields.
    """
    schemas: dict[str, dict[str, Any]] = {}
    for name, model in PUBLIC.items():
        schema = model.model_json_schema(mode="serialization")
        schemas[name] = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **(schema if name in ACCEPTED else _opened(schema)),
        }
    return schemas


def _opened(schema: Any) -> Any:
    """Return a schema whose objects may have further properties."""
    if isinstance(schema, list):
        return [_opened(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _opened(part)
        for key, part in schema.items()
        if not (key == "additionalProperties" and part is False)
    }
