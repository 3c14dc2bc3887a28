"""A job's progress as server-sent events: each change, a heartbeat between them, then the end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from time import monotonic

from producer.access.principal import Principal
from producer.client import Client
from producer.errors import UnauthorizedError, UnknownJobError
from schemas.job import Job
from schemas.job_filter import JobPosition, JobProgress

_HEARTBEAT_SECONDS = 15
"""Proxies give up on a connection that says nothing for a minute or so."""
_STREAM_SECONDS = 300
"""After that the client comes again, with a key that still has to be good."""
_LOOK_SECONDS = 3
"""Between two looks whether the reader's key still works."""
_RETRY = "retry: 1000\n\n"


def event_id(job: Job) -> str:
    """Return an id that tells a job's progress from any other progress of it."""
    return "-".join(map(str, (JobPosition.of(job).state, job.stage, job.attempts, job.redrives)))


async def job_events(
    client: Client, job: Job, last_event_id: str | None, reader: Principal
) -> AsyncIterator[str]:
    """The events of a job from now on, until it is closed or the stream's time is up.

    Args:
        client: What is asked.
        job: As it is now.
        last_event_id: What the reader saw last; that is not told again.
        reader: Has to have a key that works; the stream ends when it is revoked.
    """
    yield _RETRY
    if event_id(job) != last_event_id:
        yield _event(job)
    now = heard_at = monotonic()
    give_up_at = now + _STREAM_SECONDS
    while not job.state.closed and client.observer.open and now < give_up_at:
        pause = min(give_up_at - now, _LOOK_SECONDS)
        is_changed = await client.observer.changed(job.id, JobPosition.of(job), pause)
        now = monotonic()
        if not await client.keyring.works(reader):
            return
        if is_changed:
            try:
                job = await client.job(job.id)
            except UnknownJobError:
                return
            yield _event(job)
            heard_at = now
        elif now - heard_at >= _HEARTBEAT_SECONDS:
            yield ": still here\n\n"
            heard_at = now


async def job_after(client: Client, job: Job, reader: Principal, seconds: float) -> Job:
    """Wait for a change of a job's state; gives the job as it is then.

    Args:
        client: What is asked.
        job: As it is now.
        reader: Has to have a key that works.
        seconds: How long to wait at most.

    Raises:
        UnauthorizedError: The reader's key was revoked.
    """
    give_up_at = monotonic() + seconds
    while not job.state.closed and client.observer.open and (left := give_up_at - monotonic()) > 0:
        pause = min(left, _LOOK_SECONDS)
        is_changed = await client.observer.changed(job.id, JobPosition.of(job), pause)
        if not await client.keyring.works(reader):
            raise UnauthorizedError("the key was revoked")
        if is_changed:
            return await client.job(job.id, reader.tenant)
    return job


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
