"""A job's progress as server-sent events: each change, a heartbeat between them, then the end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from time import monotonic

from producer.client import Client
from producer.errors import UnknownJobError
from schemas.job import Job
from schemas.job_filter import JobProgress, Standing

_HEARTBEAT_SECONDS = 15
"""Proxies give up on a connection that says nothing for a minute or so."""
_STREAM_SECONDS = 300
"""After that the client comes again, with a key that still has to be good."""
_RETRY = "retry: 1000\n\n"


def event_id(job: Job) -> str:
    """What tells a job's progress from any other progress of it."""
    return "-".join(map(str, (Standing.of(job).state, job.stage, job.attempts, job.redrives)))


async def job_events(client: Client, job: Job, last_event_id: str | None) -> AsyncIterator[str]:
    """The events of a job from now on, until it is closed or the stream's time is up.

    Args:
        client: What is asked.
        job: As it is now.
        last_event_id: What the reader saw last; that is not told again.
    """
    yield _RETRY
    if event_id(job) != last_event_id:
        yield _event(job)
    give_up_at = monotonic() + _STREAM_SECONDS
    while not job.state.closed and client.observer.open and (left := give_up_at - monotonic()) > 0:
        pause = min(left, _HEARTBEAT_SECONDS)
        if not await client.observer.changed(job.id, Standing.of(job), pause):
            yield ": still here\n\n"
            continue
        try:
            job = await client.job(job.id)
        except UnknownJobError:
            return
        yield _event(job)


def _event(job: Job) -> str:
    told = JobProgress(
        id=job.id,
        state=job.state,
        stage=job.stage,
        attempts=job.attempts,
        updated_at=job.updated_at,
        failure=job.failure,
    )
    data = json.dumps(told.model_dump(mode="json", exclude_none=True))
    return f"event: progress\nid: {event_id(job)}\ndata: {data}\n\n"
