"""A job that named an object too early, and the upload that it waited for: one job, not two."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from ledger import keys
from ledger.ledger import Ledger
from producer.client import Client, connect
from schemas.dead_letter import Redrive
from schemas.failure import Failure, FailureCode
from schemas.job import DocumentSource, Job, JobRequest
from schemas.queues import PREPARE_QUEUE
from schemas.states import JobState
from settings.fleet import FleetSettings
from settings.sections.rules import RuleSettings
from tests.fixtures.drop_scene import drop, until_jobs, watching
from tests.fixtures.servers import Buckets

KEY = "late.pdf"
REST = RuleSettings(tasks=("document-class", "summary"))
OWN = RuleSettings(prefix="late", tasks=("fnol",))


@pytest.fixture
async def client(settings: FleetSettings) -> AsyncIterator[Client]:
    """A client of this test's fleet."""
    async with connect(settings) as client:
        yield client


async def _dead(client: Client, ledger: Ledger, s3: Buckets, *tasks: str) -> str:
    """A job that died because its document was not there."""
    source = DocumentSource(uri=f"s3://{s3.incoming}/{KEY}")
    job = await client.submit(JobRequest(document=source, tasks=tasks or ("fnol",)))
    await _die(ledger, job.id, FailureCode.DOCUMENT_MISSING)
    return job.id


async def _die(ledger: Ledger, job_id: str, code: FailureCode) -> None:
    claim = await ledger.claim(job_id, "w1", 30, queue=PREPARE_QUEUE)
    assert claim is not None
    await ledger.finish(claim, JobState.DEAD, failure=Failure.of(code, "Nothing lies there."))


def _with(settings: FleetSettings, *rules: RuleSettings) -> FleetSettings:
    return settings.model_copy(update={"rules": rules})


async def _job(client: Client, job_id: str) -> Job:
    return await client.job(job_id)


@pytest.mark.parametrize("first", ["watcher", "redrive"])
async def test_an_upload_that_a_dead_job_waits_for_is_its_document_and_no_second_job(
    settings: FleetSettings,
    s3: Buckets,
    valkey_url: str,
    client: Client,
    ledger: Ledger,
    first: str,
) -> None:
    """The order does not matter; a later overwriting version is a drop of its own."""
    job_id = await _dead(client, ledger, s3)
    if first == "redrive":
        drop(s3, KEY)
        await client.dead_letters.redrive(job_id, Redrive())
    async with watching(_with(settings, REST)), watching(_with(settings, REST)):
        if first == "watcher":
            drop(s3, KEY)
        drop(s3, "other.pdf")
        specs = await until_jobs(valkey_url, 2)
        job = await _job(client, job_id)
        assert (job.state, job.redrives) == (JobState.QUEUED, 1)
        assert job.document.etag
        assert specs[job_id].document == job.document
        drop(s3, KEY, b"another claim")
        await until_jobs(valkey_url, 3)
    async with watching(_with(settings, REST)):
        await until_jobs(valkey_url, 3)


async def test_a_rule_that_names_the_key_makes_its_own_job_unless_the_other_does_all_of_it(
    settings: FleetSettings, s3: Buckets, valkey_url: str, client: Client, ledger: Ledger
) -> None:
    """The tasks that a rule asks for are run."""
    other = await _dead(client, ledger, s3, "summary")
    drop(s3, KEY)
    async with watching(_with(settings, OWN)):
        await until_jobs(valkey_url, 2)
    assert (await _job(client, other)).state is JobState.DEAD
    await client.dead_letters.drop(other)
    more = await _dead_again(client, ledger, s3)
    drop(s3, KEY, b"another claim")
    async with watching(_with(settings, OWN)):
        await until_jobs(valkey_url, 3)
    assert (await _job(client, more)).redrives == 1


async def _dead_again(client: Client, ledger: Ledger, s3: Buckets) -> str:
    s3.client.delete_object(Bucket=s3.incoming, Key=KEY)
    return await _dead(client, ledger, s3, "fnol", "summary")


@pytest.mark.parametrize("why", ["dropped", "of another tenant", "died of something else"])
async def test_a_job_that_does_not_wait_for_a_drop_does_not_get_it(
    settings: FleetSettings,
    s3: Buckets,
    valkey_url: str,
    client: Client,
    ledger: Ledger,
    why: str,
) -> None:
    """The drop is a job of its own."""
    job_id = await _dead(client, ledger, s3)
    rule = REST
    if why == "dropped":
        await client.dead_letters.drop(job_id)
    elif why == "of another tenant":
        rule = REST.model_copy(update={"tenant": "acme"})
    else:
        await client.dead_letters.redrive(job_id, Redrive())
        await _die(ledger, job_id, FailureCode.DOCUMENT_CORRUPT)
    before = (await _job(client, job_id)).state
    drop(s3, KEY)
    async with watching(_with(settings, rule)):
        await until_jobs(valkey_url, 2)
    assert (await _job(client, job_id)).state is before


async def test_of_a_job_that_is_forgotten_nothing_is_left(
    s3: Buckets, client: Client, ledger: Ledger, redis: Redis
) -> None:
    """Neither what it waited for nor what it got."""
    job_id = await _dead(client, ledger, s3)
    awaited = keys.AWAITED.format(tenant="default")
    assert await redis.hvals(awaited) == [job_id]
    drop(s3, KEY)
    await client.dead_letters.redrive(job_id, Redrive())
    assert await redis.exists(awaited) == 0
    assert len(await redis.keys(keys.ADOPTED.format(id="*"))) == 1
    await client.cancel(job_id)
    await redis.zadd(keys.ENDED, {job_id: 1})
    await ledger.sweeps.run(
        every_seconds=0, lease_seconds=10, grace_seconds=10, losses=3, retention_seconds=60
    )
    assert await redis.exists(keys.record(job_id)) == 0
    assert await redis.keys(keys.ADOPTED.format(id="*")) == []
