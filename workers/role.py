"""Roles of a worker process."""

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
    """Turns a batch's lines into jobs, and their results into files."""
