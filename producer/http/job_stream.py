"""A job's progress as server-sent events: each change, heartbeats between them, and the end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from time import monotonic

from ledger.errors import LedgerError
from producer.access.principal import Principal
from producer.client import Client
from producer.errors import UnauthorizedError, UnknownJobError
from schemas.job import Job
from schemas.job_filter import JobPosition, JobProgress

_HEARTBEAT_SECONDS = 15
"""Seconds between heartbeats: proxies close a connection that is silent for about a minute."""
_STREAM_SECONDS = 300
"""Maximum seconds of a stream. The client then reconnects, and its key is verified again."""
_LOOK_SECONDS = 3
"""Seconds between two checks that the reader's key still works."""
_RETRY = "retry: 1000\n\n"


def event_id(job: Job) -> str:
    """Return an id that differs for each progress of a job."""
    return "-".join(map(str, (JobPosition.of(job).state, job.stage, job.attempts, job.redrives)))


async def job_events(
    client: Client, job: Job, last_event_id: str | None, reader: Principal
) -> AsyncIterator[str]:
    """Yield the events of a job from now on, until it is closed or the stream's time is up.

    Redis failing ends the stream, too.

    Args:
        client: Reads the job.
        job: The job as it is now.
        last_event_id: The last event that the reader saw; it is not repeated.
        reader: The reader; the stream ends when its key is revoked.
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
            except (UnknownJobError, LedgerError):
                return  # after an outage the client connects again
            yield _event(job)
            heard_at = now
        elif now - heard_at >= _HEARTBEAT_SECONDS:
            yield ": still here\n\n"
            heard_at = now


async def job_after(client: Client, job: Job, reader: Principal, seconds: float) -> Job:
    """Wait for a change of a job's state; return the job.

    Args:
        client: Reads the job.
        job: The job as it is now.
        reader: The reader, whose key has to work.
        seconds: Maximum seconds to wait.

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
