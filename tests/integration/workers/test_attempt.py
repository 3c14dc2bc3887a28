"""Attempts: how work ends, written to a real ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine

import pytest
from redis.asyncio import Redis

from ledger import keys
from ledger.claim import Claim
from ledger.fleet.beat import RevokedLease
from ledger.ledger import Ledger
from schemas.document import DocumentRef
from schemas.failure import FailureCode
from schemas.ids import new_job_id
from schemas.job import Job, JobSpec
from schemas.states import JobState
from settings.sections.lease import LeaseSettings
from workers.errors import StageError
from workers.outcome import Finished, Outcome
from workers.runtime.attempts import Attempts

Work = Callable[[Claim], Coroutine[None, None, Outcome]]


class Scene:
    """One worker whose stage does what the test says."""

    queue = "prepare"
    capacity = most = 4
    engine = None

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.attempts = Attempts(ledger, "w1", LeaseSettings(attempts=2), {"prepare": self})
        self.begun = asyncio.Event()

    async def start(self) -> None:
        """Nothing to load."""

    async def stop(self) -> None:
        """Nothing to let go."""

    async def run(self, claim: Claim) -> Outcome:
        """Do the work of the test."""
        self.begun.set()
        return await self.work(claim)

    async def job(self, work: Work) -> str:
        """Submit a job whose attempts will do this work."""
        self.work = work
        job_id = new_job_id()
        await self.ledger.submit(
            job_id, JobSpec(document=DocumentRef(uri="s3://b/k"), tasks=("t",))
        )
        return job_id

    async def outcome(self, job_id: str) -> Job:
        """Return the ledger's view of the job."""
        job = await self.ledger.job(job_id)
        assert job is not None
        return job


@pytest.fixture
async def scene(valkey_url: str) -> AsyncIterator[Scene]:
    """A worker on an empty Redis."""
    ledger = Ledger(valkey_url)
    yield Scene(ledger)
    await ledger.close()


async def _for_ever(_: Claim) -> Outcome:
    await asyncio.Event().wait()
    raise AssertionError


async def test_work_that_succeeds_closes_its_job(scene: Scene) -> None:
    """The outcome is the record's end."""

    async def work(_: Claim) -> Outcome:
        return Finished(JobState.SUCCEEDED, result_uri="s3://results/x.json")

    job_id = await scene.job(work)
    await scene.attempts.run("prepare", job_id)
    assert (await scene.outcome(job_id)).state is JobState.SUCCEEDED
    assert scene.attempts.claims == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StageError(FailureCode.STORAGE_UNAVAILABLE, "503"), FailureCode.STORAGE_UNAVAILABLE),
        (ValueError("a defect"), FailureCode.WORKER_ERROR),
        (MemoryError(), FailureCode.WORKER_ERROR),
    ],
)
async def test_a_transient_failure_waits_with_its_attempt_in_the_history(
    scene: Scene, error: Exception, code: FailureCode
) -> None:
    """A failure without a code of its own is `worker.error`, and no exception escapes."""

    async def work(_: Claim) -> Outcome:
        raise error

    job_id = await scene.job(work)
    await scene.attempts.run("prepare", job_id)
    job = await scene.outcome(job_id)
    assert job.state is JobState.WAITING
    assert job.due_at is not None
    assert [(entry.number, entry.failure.code) for entry in job.history] == [(1, code)]


async def test_an_outage_of_the_store_is_charged_to_no_job(scene: Scene, redis: Redis) -> None:
    """More attempts than a stage may use; each stands in the history."""

    async def work(_: Claim) -> Outcome:
        raise StageError(FailureCode.STORAGE_UNAVAILABLE, "it breaks off", outage_seconds=0)

    job_id = await scene.job(work)
    for _ in range(3):
        await scene.attempts.run("prepare", job_id)
        job = await scene.outcome(job_id)
        assert (job.state, job.attempts) == (JobState.WAITING, 0)
        await redis.zadd(keys.WAITING, {job_id: 1}, xx=True)
        await scene.ledger.sweeps.run(
            every_seconds=0, lease_seconds=10, grace_seconds=10, losses=3, retention_seconds=60
        )
    assert [entry.charged for entry in job.history] == [False] * 3


async def test_an_error_without_a_code_is_told_by_its_place_and_not_by_its_words(
    scene: Scene,
) -> None:
    """Its words may be a document's, and failures travel in events."""

    async def work(_: Claim) -> Outcome:
        raise KeyError("PATIENT Jane Doe")

    job_id = await scene.job(work)
    await scene.attempts.run("prepare", job_id)
    failure = (await scene.outcome(job_id)).history[0].failure
    assert failure is not None
    assert f"KeyError at {__name__}:" in failure.message
    assert "Jane" not in failure.message


async def test_a_permanent_failure_is_a_dead_letter_at_once(scene: Scene) -> None:
    """Trying again cannot help an encrypted document."""

    async def work(_: Claim) -> Outcome:
        raise StageError(FailureCode.DOCUMENT_ENCRYPTED, "It asks for a password.")

    job_id = await scene.job(work)
    await scene.attempts.run("prepare", job_id)
    job = await scene.outcome(job_id)
    assert job.state is JobState.DEAD
    assert job.failure is not None
    assert "without a password" in job.failure.remedy


@pytest.mark.parametrize(
    ("interrupt", "state", "attempts"),
    [
        (
            lambda a: a.let_go([RevokedLease(a.claims[0].token, cancelled=True)]),
            JobState.CANCELLED,
            1,
        ),
        (
            lambda a: a.let_go([RevokedLease(a.claims[0].token, cancelled=False)]),
            JobState.RUNNING,
            1,
        ),
        (lambda a: a.give_all_back(), JobState.QUEUED, 0),
    ],
    ids=["cancelled", "lease lost", "drained"],
)
async def test_an_interrupted_attempt_stops_and_ends_as_its_reason_says(
    scene: Scene,
    interrupt: Callable[[Attempts], None],
    state: JobState,
    attempts: int,
) -> None:
    """Cancelled: closed. Lease lost: nothing is written. Drained: back in line, uncharged."""
    job_id = await scene.job(_for_ever)
    running = asyncio.create_task(scene.attempts.run("prepare", job_id))
    await scene.begun.wait()
    interrupt(scene.attempts)
    await running
    job = await scene.outcome(job_id)
    assert (job.state, job.attempts) == (state, attempts)


async def test_a_worker_that_accepts_no_more_leaves_the_job_unclaimed(scene: Scene) -> None:
    """The sweep will find the message lost and another worker will get the job."""
    job_id = await scene.job(_for_ever)
    scene.attempts.accepting = False
    await scene.attempts.run("prepare", job_id)
    assert (await scene.outcome(job_id)).state is JobState.QUEUED
