"""The roles that a worker process can serve."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Role of a worker."""

    PREPARE = "prepare"
    """Reads documents, on CPU."""
    INFER = "infer"
    """Runs tasks, on an engine."""
    DELIVER = "deliver"
    """Sends webhooks."""
    BATCH = "batch"
    """Makes jobs of a batch's lines, and files of what they come to."""
