"""`[watch]`: watching of buckets."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from settings.sections.section import Section

_LIST_SECONDS = 5
_LIST_SECONDS_WITH_QUEUES = 300


def _list_seconds(watch: dict[str, Any]) -> float:
    return _LIST_SECONDS_WITH_QUEUES if watch.get("queues") else _LIST_SECONDS


class WatchSettings(Section):
    """Settings of the watcher."""

    queues: tuple[str, ...] = Field(
        default=(), description="URLs of SQS queues that carry the buckets' events."
    )
    poll_seconds: int = Field(
        default=20, ge=1, le=20, description="For which a queue is asked at a time."
    )
    list_seconds: float = Field(
        default_factory=_list_seconds,
        gt=0,
        description="Between two listings of a bucket; 5, or 300 where queues carry its events.",
    )
    full_list_seconds: float = Field(
        default=3_600,
        gt=0,
        description="Between two full listings of a bucket that has rules with `by-name`.",
    )
    manifest_wait_seconds: float = Field(
        default=86_400, gt=0, description="How long a manifest's documents may be on their way."
    )
