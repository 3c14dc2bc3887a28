"""A tenant's share of the ledger: a tenant that fills its own takes nothing from the others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from redis.asyncio import Redis

from ledger import keys
from ledger.errors import TenantShareError
from ledger.ledger import Ledger
from schemas.document import DocumentRef
from schemas.ids import new_endpoint_id, new_job_id
from schemas.job import JobSpec, KeptCallback
from schemas.openai.batch import BatchSpec
from schemas.openai.file import FilePurpose, FileSpec, new_file_id
from schemas.quota import Quota

LARGE = {f"{n:02}" + "k" * 62: "v" * 512 for n in range(16)}
"""The most metadata that a job may have."""


@pytest.fixture
async def scarce(redis: Redis) -> AsyncIterator[Redis]:
    """A Redis with some memory left above what it uses."""
    before = str((await redis.config_get("maxmemory"))["maxmemory"])
    used = (await redis.info("memory"))["used_memory"]
    await redis.config_set("maxmemory", used + 24 * 2**20)
    yield redis
    await redis.config_set("maxmemory", before)


async def submit(ledger: Ledger, tenant: str, quota: Quota, **more: object) -> str:
    """Submit a large job; gives its id."""
    document = DocumentRef(uri="s3://incoming/a.pdf")
    spec = JobSpec(document=document, tasks=("fnol",), tenant=tenant, metadata=LARGE, **more)
    job_id = new_job_id()
    await ledger.submit(job_id, spec, quota=quota)
    return job_id


async def fill(ledger: Ledger, tenant: str, quota: Quota) -> list[str]:
    """Submit until no more is taken, and let the fleet measure its memory; gives the jobs' ids."""
    jobs: list[str] = []
    with suppress(TenantShareError):
        while len(jobs) < 2_000:
            jobs.append(await submit(ledger, tenant, quota))
            await sweep(ledger, retention=3600)
    return jobs


async def sweep(ledger: Ledger, *, retention: float) -> None:
    """Let the fleet look at its memory, and forget what ended so long ago."""
    await ledger.sweeps.run(
        every_seconds=0,
        lease_seconds=10,
        grace_seconds=10,
        losses=3,
        retention_seconds=retention,
    )


async def stored(redis: Redis, tenant: str) -> int:
    """Return the counted bytes of a tenant's records."""
    return int(await redis.hget(keys.STORED, tenant) or 0)


async def test_a_tenant_that_fills_its_share_leaves_the_others_theirs(
    ledger: Ledger, scarce: Redis
) -> None:
    """Its jobs count until they are forgotten; another's submits never meet a full ledger."""
    half = Quota(stored=0.25)
    jobs = await fill(ledger, "acme", half)
    assert len(jobs) > 100
    with pytest.raises(TenantShareError, match=r"tenant acme take .*`max_stored_bytes`"):
        await submit(ledger, "acme", half)
    await submit(ledger, "globex", half)
    for job_id in jobs:
        await ledger.cancel(job_id)
    with pytest.raises(TenantShareError):
        await submit(ledger, "acme", half)
    await submit(ledger, "globex", half)
    while await stored(scarce, "acme"):
        await sweep(ledger, retention=-1)
    await submit(ledger, "acme", half)


async def test_what_is_counted_is_what_redis_says_that_it_takes(
    ledger: Ledger, redis: Redis
) -> None:
    """To within a fifth, for what makes records large: metadata, deliveries, histories."""
    before = (await redis.info("memory"))["used_memory"]
    callback = KeptCallback.model_validate({"url": "https://claims.example/in"})
    for _ in range(200):
        job_id = await submit(ledger, "acme", Quota(), callback=callback)
        await ledger.cancel(job_id)
    taken = (await redis.info("memory"))["used_memory"] - before
    assert 0.8 < await stored(redis, "acme") / taken < 1.2


async def test_everything_that_a_tenant_stores_is_counted_and_forgotten(
    ledger: Ledger, redis: Redis
) -> None:
    """Files, batches, endpoints, and deliveries that jobs bring about; nothing is left over."""
    tight = Quota(stored=2_500)
    file = FileSpec(
        uri="s3://work/f", filename="f", bytes=1, purpose=FilePurpose.BATCH, tenant="acme"
    )
    file_id = new_file_id()
    await ledger.files.create(file_id, file, 3600, tight)
    endpoint = {"url": "https://claims.example", "events": "", "payload": "thin"}
    endpoint_id = new_endpoint_id()
    await ledger.endpoints.create(endpoint_id, "acme", endpoint, [], tight)
    two = await stored(redis, "acme")
    assert two > 1_000
    batch = BatchSpec(
        input_file_id=file_id,
        input_uri="s3://work/f",
        endpoint="/v1/chat/completions",
        completion_window="24h",
        tenant="acme",
        output_seconds=60,
    )
    for refused in (
        ledger.batches.create("batch_1", batch, tight),
        ledger.files.create(new_file_id(), file, 3600, tight),
        ledger.endpoints.create(new_endpoint_id(), "acme", endpoint, [], tight),
        submit(ledger, "acme", tight),
    ):
        with pytest.raises(TenantShareError):
            await refused
    assert await stored(redis, "acme") == two
    assert await ledger.batches.create("batch_1", batch)
    job_id = await submit(ledger, "acme", Quota())
    alone = await stored(redis, "acme")
    await ledger.cancel(job_id)
    assert await stored(redis, "acme") > alone + 5_000  # the delivery has the metadata, too
    before = await stored(redis, "acme")
    await ledger.endpoints.delete(endpoint_id)
    assert 0 < await stored(redis, "acme") < before
