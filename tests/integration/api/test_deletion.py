"""Deleting jobs and documents over HTTP: nothing of them is left, and no one else's goes."""

from __future__ import annotations

import hashlib
from typing import Any

import aiohttp
from redis.asyncio import Redis

from ledger.ledger import Ledger
from schemas.document import Prepared
from schemas.failure import Failure, FailureCode
from schemas.queues import infer_queue
from schemas.states import JobState
from settings.fleet import FleetSettings
from settings.sections.rules import RuleSettings
from tests.fixtures.drop_scene import drop, until_jobs, watching
from tests.fixtures.hand_worker import claim, kill, prepare, succeed, task_result
from tests.fixtures.http_api import TEXT, problem_of, submit
from tests.fixtures.servers import Buckets

EMPTY = Failure.of(FailureCode.DOCUMENT_EMPTY, "Empty.")
CALLED_BACK = TEXT | {"callback": {"url": "http://claims.test/hook"}, "metadata": {"claim": "X-9"}}


async def _keys_that_name(valkey_url: str, *words: str) -> list[str]:
    """All keys of the ledger that have one of these words in their name or their value."""
    async with Redis.from_url(valkey_url, decode_responses=True) as redis:
        said = {str(key): await _value(redis, key) async for key in redis.scan_iter("docfleet:*")}
    return sorted(key for key, value in said.items() if any(w in f"{key}{value}" for w in words))


async def _value(redis: Redis, key: str) -> Any:
    match await redis.type(key):
        case "hash":
            return await redis.hgetall(key)
        case "zset":
            return await redis.zrange(key, 0, -1)
        case "set":
            return await redis.smembers(key)
        case "list":
            return await redis.lrange(key, 0, -1)
        case "stream":
            return ""  # the audit log keeps its line
        case _:
            return await redis.get(key)


def _objects(s3: Buckets, bucket: str) -> list[str]:
    return [one["Key"] for one in s3.client.list_objects_v2(Bucket=bucket).get("Contents", ())]


async def _ended(
    api: aiohttp.ClientSession, ledger: Ledger, s3: Buckets, settings: FleetSettings, **headers: str
) -> dict[str, Any]:
    """A job that was prepared and has a result, with its text where it says."""
    job = await submit(api, TEXT if headers else CALLED_BACK, **headers)
    text = f"s3://{settings.work_bucket}/text/v3/{job['tenant']}/{'1' * 64}.json"
    s3.client.put_object(Bucket=settings.work_bucket, Key=text.split("/", 3)[3], Body=b"hail")
    prepared = Prepared(
        text_uri=text, sha256="1" * 64, media_type="text/plain", size=1, pages=1, tokens=1
    )
    await ledger.advance(await claim(ledger, job["id"]), infer_queue("cpu"), prepared)
    await succeed(ledger, s3.results, job["id"], {"summary": task_result({"summary": "x"})})
    return job


async def test_nothing_is_left_of_a_deleted_job_but_its_line_in_the_audit_log(
    api: aiohttp.ClientSession,
    ledger: Ledger,
    s3: Buckets,
    settings: FleetSettings,
    valkey_url: str,
) -> None:
    """Text, result, record and the callback that had not been sent; the document stays."""
    job = await _ended(api, ledger, s3, settings)
    other = await submit(api, TEXT)
    for name in (job["id"], other["id"]):
        s3.client.put_object(Bucket=s3.results, Key=f"corrections/{name}-1.json", Body=b"{}")
    assert len(await _keys_that_name(valkey_url, job["id"][4:], "X-9")) > 3
    async with api.delete(f"/v1/jobs/{job['id']}") as answer:
        assert answer.status == 204, await answer.text()
    assert await _keys_that_name(valkey_url, job["id"][4:], "X-9") == [
        f"docfleet:deleted:{job['id']}"
    ]
    assert _objects(s3, s3.results) == [f"corrections/{other['id']}-1.json"]
    assert [key.partition("/")[0] for key in _objects(s3, settings.work_bucket)] == ["documents"]
    async with api.get(f"/v1/jobs/{job['id']}") as answer:
        await problem_of(answer, 404, "unknown-job")
    async with api.get("/v1/audit", params={"tenant": "default"}) as answer:
        line = (await answer.json())["data"][0]
    assert (line["action"], line["target"], line["tenant"]) == ("job.deleted", job["id"], "default")
    assert (await ledger.job(other["id"])) is not None
    async with api.delete(f"/v1/jobs/{job['id']}") as answer:
        await problem_of(answer, 404, "unknown-job")


async def test_a_job_that_has_not_ended_is_refused_and_can_be_cancelled_first(
    api: aiohttp.ClientSession, ledger: Ledger
) -> None:
    """In line, running and waiting."""
    job = await submit(api, TEXT)
    async with api.delete(f"/v1/jobs/{job['id']}") as answer:
        await problem_of(answer, 409, "job-open")
    held = await claim(ledger, job["id"])
    async with api.delete(f"/v1/jobs/{job['id']}") as answer:
        told = await problem_of(answer, 409, "job-open")
        assert "running" in told["detail"]
    await ledger.release(held, wait_seconds=60, charge=True)
    async with api.delete(f"/v1/jobs/{job['id']}") as answer:
        await problem_of(answer, 409, "job-open")
    await ledger.cancel(job["id"])
    async with api.delete(f"/v1/jobs/{job['id']}") as answer:
        assert answer.status == 204


async def test_a_dead_letter_goes_from_the_dead_letters_too(
    api: aiohttp.ClientSession, ledger: Ledger, valkey_url: str
) -> None:
    """With the count of its code."""
    job = await submit(api, TEXT)
    await prepare(ledger, job["id"], infer_queue("cpu"))
    await kill(ledger, job["id"], EMPTY)
    async with api.delete(f"/v1/jobs/{job['id']}") as answer:
        assert answer.status == 204
    async with Redis.from_url(valkey_url) as redis:
        assert await redis.exists("docfleet:dead", "docfleet:dead_codes", "docfleet:stored") == 0


async def test_a_document_goes_with_all_jobs_of_its_tenant_and_of_no_other(
    api: aiohttp.ClientSession, ledger: Ledger, s3: Buckets, settings: FleetSettings
) -> None:
    """One that was uploaded goes itself; while a job is open nothing goes."""
    mine = [await _ended(api, ledger, s3, settings, **{"Docfleet-Tenant": "acme"}) for _ in "ab"]
    theirs = await _ended(api, ledger, s3, settings, **{"Docfleet-Tenant": "zenith"})
    uri = mine[0]["document"]["uri"]
    acme = {"Docfleet-Tenant": "acme"}
    open_job = await submit(api, TEXT, **acme)
    async with api.delete("/v1/documents", params={"uri": uri}, headers=acme) as answer:
        await problem_of(answer, 409, "job-open")
    assert (await ledger.job(mine[0]["id"])) is not None
    await ledger.cancel(open_job["id"])
    async with api.delete("/v1/documents", params={"uri": uri}, headers=acme) as answer:
        assert (answer.status, await answer.json()) == (200, {"deleted_jobs": 3})
    assert [await ledger.job(job["id"]) for job in mine] == [None, None]
    assert (await ledger.job(theirs["id"])) is not None
    assert not any("/acme/" in key for key in _objects(s3, settings.work_bucket))
    assert sum("/zenith/" in key for key in _objects(s3, settings.work_bucket)) == 2
    async with api.delete("/v1/documents", params={"uri": uri}, headers=acme) as answer:
        await problem_of(answer, 404, "unknown-document")
    for query in ({}, {"uri": uri, "sha256": "0" * 64}):
        async with api.delete("/v1/documents", params=query) as answer:
            await problem_of(answer, 422, "invalid-request")


async def test_a_document_can_be_named_by_its_sha256(
    api: aiohttp.ClientSession, ledger: Ledger, s3: Buckets, settings: FleetSettings
) -> None:
    """An upload that no job names, and jobs that know theirs."""
    await _ended(api, ledger, s3, settings)
    async with api.delete("/v1/documents", params={"sha256": "1" * 64}) as answer:
        assert (answer.status, await answer.json()) == (200, {"deleted_jobs": 1})
    async with api.post("/v1/documents", data=b"never used") as answer:
        assert answer.status == 201
    digest = hashlib.sha256(b"never used").hexdigest()
    async with api.delete("/v1/documents", params={"sha256": digest}) as answer:
        assert (answer.status, await answer.json()) == (200, {"deleted_jobs": 0})
    assert digest not in str(_objects(s3, settings.work_bucket))


async def test_a_drop_that_still_lies_in_its_bucket_does_not_become_a_deleted_job_again(
    api: aiohttp.ClientSession,
    ledger: Ledger,
    s3: Buckets,
    settings: FleetSettings,
    valkey_url: str,
) -> None:
    """A watcher that starts anew and finds it leaves it alone."""
    ruled = settings.model_copy(update={"rules": (RuleSettings(tasks=("fnol",)),)})
    drop(s3, "a.pdf")
    async with watching(ruled):
        (job_id,) = await until_jobs(valkey_url, 1)
    await ledger.cancel(job_id)
    async with api.delete(f"/v1/jobs/{job_id}") as answer:
        assert answer.status == 204
    async with watching(ruled):
        drop(s3, "b.pdf")
        (left,) = await until_jobs(valkey_url, 1)
    assert left != job_id
    job = await ledger.job(left)
    assert job is not None
    assert (job.state, job.document.uri[-5:]) == (JobState.QUEUED, "b.pdf")
