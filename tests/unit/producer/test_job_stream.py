"""Streams of a job's progress, on a client that is made up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from ledger.errors import LedgerUnavailableError
from producer.access.principal import BOOTSTRAP
from producer.client import Client
from producer.errors import UnknownJobError
from producer.http.job_stream import event_id, job_events
from schemas.job import Job
from schemas.states import JobState


def _client(error: Exception) -> Client:
    """Return a client that sees each job change, and cannot read it."""

    async def yes(*_: Any) -> bool:
        return True

    async def read(_: str) -> Job:
        raise error

    observer = SimpleNamespace(open=True, changed=yes)
    made_up = SimpleNamespace(observer=observer, keyring=SimpleNamespace(works=yes), job=read)
    return cast("Client", made_up)


@pytest.mark.parametrize(
    "error", [LedgerUnavailableError("Redis does not answer"), UnknownJobError("job_1")]
)
async def test_a_job_that_cannot_be_read_any_more_ends_its_stream(error: Exception) -> None:
    """The client connects again, and hears what the matter is."""
    job = Job.model_construct(
        id="job_1", state=JobState.QUEUED, stage="prepare", attempts=0, redrives=0
    )
    told = [text async for text in job_events(_client(error), job, event_id(job), BOOTSTRAP)]
    assert [text.partition(":")[0] for text in told] == ["retry"]
