"""Names of Celery queues and tasks: how work is addressed to machines."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

PoolName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
"""Part of a queue's name and, in capitals, of a variable's."""

PREPARE_QUEUE = "prepare"
DELIVER_QUEUE = "deliver"
BATCH_QUEUE = "batch"
INFER_PREFIX = "infer."

CELERY_TASK_PREFIX = "docfleet."
"""The Celery task of a queue is this prefix and the queue's role."""


def infer_queue(pool: str) -> str:
    """The queue of a pool's workers."""
    return INFER_PREFIX + pool


def celery_task(role: str) -> str:
    """The name under which workers of a role register their Celery task."""
    return CELERY_TASK_PREFIX + role
