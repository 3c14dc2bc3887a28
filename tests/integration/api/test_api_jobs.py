"""Jobs over HTTP: listed, waited for and watched."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis

from ledger.ledger import Ledger
from producer.http.server import make_server
from schemas.failure import Failure, FailureCode
from schemas.states import JobState
from settings.fleet import FleetSettings
from settings.sections.tenants import TenantSettings
from tests.fixtures.hand_worker import claim, kill, succeed, task_result
from tests.fixtures.http_api import KEY, TEXT, problem_of, serving, submit
from tests.fixtures.servers import Buckets
from tests.fixtures.waiting import until

EMPTY = Failure.of(FailureCode.DOCUMENT_EMPTY, "Empty.")


async def _list(api: aiohttp.ClientSession, **query: Any) -> dict[str, Any]:
    async with api.get("/v1/jobs", params=query) as answer:
        assert answer.status == 200, await answer.text()
        page: dict[str, Any] = await answer.json()
        return page


async def _walk(api: aiohttp.ClientSession, **query: Any) -> list[str]:
    """The ids on all pages."""
    ids, cursor = [], None
    while True:
        page = await _list(api, **query, **({"cursor": cursor} if cursor else {}))
        ids += [job["id"] for job in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return ids


@pytest.mark.parametrize("limit", [1, 3, 7, 200])
async def test_pages_hold_every_job_once_the_newest_first(
    api: aiohttp.ClientSession, limit: int
) -> None:
    """Of one tenant and of all, however many were created in one millisecond."""
    asked = [
        submit(api, TEXT, **{"Docfleet-Tenant": tenant})
        for tenant in ("acme", "globex", "initech")
        for _ in range(7)
    ]
    jobs = sorted(
        await asyncio.gather(*asked),
        # In the order of texts, a whole second would come after its fractions.
        key=lambda job: (datetime.fromisoformat(job["created_at"]), job["id"]),
        reverse=True,
    )
    assert await _walk(api, limit=limit) == [job["id"] for job in jobs]
    acme = [job["id"] for job in jobs if job["tenant"] == "acme"]
    assert await _walk(api, limit=limit, tenant="acme") == acme


async def test_more_jobs_of_one_millisecond_than_are_read_at_once_are_all_listed(
    api: aiohttp.ClientSession, valkey_url: str
) -> None:
    """Their ids are what orders them then."""
    job = await submit(api, TEXT)
    async with Redis.from_url(valkey_url, decode_responses=True) as redis:
        record = await redis.hgetall(f"docfleet:record:{job['id']}")
        ids = [f"job_{number:024x}" for number in range(450)]
        async with redis.pipeline() as pipe:
            for job_id in ids:
                pipe.hset(f"docfleet:record:{job_id}", mapping={**record, "created": "5000"})
            pipe.zadd("docfleet:jobs:default", dict.fromkeys(ids, 5000))
            await pipe.execute()
    assert await _walk(api, limit=200) == [job["id"], *reversed(ids)]


async def test_filters_must_all_hold(api: aiohttp.ClientSession, ledger: Ledger) -> None:
    """State, task, document, tenant, time and metadata."""
    first = await submit(api, {**TEXT, "metadata": {"claim": "HM=1", "line": "home"}})
    second = await submit(api, {**TEXT, "tasks": ["fnol"], "metadata": {"claim": "HM-2"}})
    third = await submit(api, TEXT, **{"Docfleet-Tenant": "acme"})
    await kill(ledger, second["id"], EMPTY)
    for query, expected in (
        ({"state": "dead"}, [second]),
        ({"state": "queued"}, [third, first]),
        ({"task": "fnol"}, [second]),
        ({"task": "summary", "tenant": "acme"}, [third]),
        ({"metadata": "claim=HM=1"}, [first]),
        ({"metadata": ["claim=HM=1", "line=auto"]}, []),
        ({"state": "queued", "task": "fnol"}, []),
        ({"document": third["document"]["uri"]}, [third]),
        ({"document": second["document"]["uri"], "state": "queued"}, [first]),
        ({"tenant": "globex"}, []),
        ({"after": second["created_at"]}, [third, second]),
        ({"before": second["created_at"]}, [first]),
        ({"after": second["created_at"], "before": third["created_at"]}, [second]),
    ):
        found = [job["id"] for job in (await _list(api, **query))["data"]]
        assert found == [job["id"] for job in expected], query


@pytest.mark.parametrize(
    "query",
    [
        {"state": "done"},
        {"limit": 0},
        {"limit": 1001},
        {"cursor": "x"},
        {"cursor": "5-job_1"},
        {"cursor": "²-job_" + "0" * 24},
        {"before": "2025-01-01T00:00:00"},
        {"metadata": "claim"},
        {"tenant": "A"},
        {"colour": "red"},
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(
    api: aiohttp.ClientSession, query: dict[str, Any]
) -> None:
    """422, and never an empty page."""
    async with api.get("/v1/jobs", params=query) as answer:
        await problem_of(answer, 422, "invalid-request")


async def test_a_forgotten_job_is_listed_no_more(
    api: aiohttp.ClientSession, ledger: Ledger, valkey_url: str
) -> None:
    """Neither it nor, with the last one, its tenant takes room in Redis any more."""
    job_id = (await submit(api, TEXT, **{"Docfleet-Tenant": "acme"}))["id"]
    await kill(ledger, job_id, EMPTY)
    async with api.delete(f"/v1/dead-letters/{job_id}") as answer:
        assert answer.status == 204
    kept = await submit(api, TEXT)

    async def sweep() -> int:
        swept = await ledger.sweeps.run(
            every_seconds=0, lease_seconds=10, grace_seconds=10, losses=3, retention_seconds=0.001
        )
        return swept.forgotten

    async with asyncio.timeout(10):
        while await sweep() == 0:
            await asyncio.sleep(0.01)
    assert await _walk(api) == [kept["id"]]
    async with Redis.from_url(valkey_url, decode_responses=True) as redis:
        assert await redis.smembers("docfleet:indexed") == {"default"}
        assert await redis.exists("docfleet:jobs:acme") == 0


async def test_waiting_ends_when_the_state_changes(
    api: aiohttp.ClientSession, ledger: Ledger
) -> None:
    """The answer is the job as it is then; a job that has ended is answered at once."""
    job_id = (await submit(api, TEXT))["id"]

    async def wait() -> str:
        async with api.get(f"/v1/jobs/{job_id}", params={"wait": 10}) as answer:
            state: str = (await answer.json())["state"]
            return state

    many = [asyncio.create_task(wait()) for _ in range(40)]
    await asyncio.sleep(0.3)
    assert not any(one.done() for one in many)
    taken = await claim(ledger, job_id)
    assert set(await asyncio.wait_for(asyncio.gather(*many), 60)) == {"running"}
    late = asyncio.create_task(wait())
    await asyncio.sleep(0.3)
    await ledger.finish(taken, JobState.DEAD, failure=EMPTY)
    assert await asyncio.wait_for(late, 20) == "dead"
    assert await asyncio.wait_for(wait(), 20) == "dead"


async def test_waiting_ends_when_the_time_is_up(api: aiohttp.ClientSession) -> None:
    """With the job as it still is; more than a minute is refused."""
    job_id = (await submit(api, TEXT))["id"]
    async with api.get(f"/v1/jobs/{job_id}", params={"wait": 0.2}) as answer:
        assert (await answer.json())["state"] == "queued"
    for wait in ("61", "-1", "nan", "x"):
        async with api.get(f"/v1/jobs/{job_id}", params={"wait": wait}) as answer:
            await problem_of(answer, 422, "invalid-request")


async def _events(answer: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Id and data of each event until the stream ends."""
    assert answer.content_type == "text/event-stream"
    fields: dict[str, str] = {}
    async for line in answer.content:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            fields[name] = value
        elif "data" in fields:
            assert fields["event"] == "progress"
            yield fields["id"], json.loads(fields["data"])
            fields = {}


async def test_events_tell_each_state_until_the_end(
    api: aiohttp.ClientSession, ledger: Ledger
) -> None:
    """The stream ends with the job; a client that reconnects gets only news, or is told to stop."""
    job_id = (await submit(api, TEXT))["id"]
    path = f"/v1/jobs/{job_id}/events"
    async with asyncio.timeout(30), api.get(path) as answer:
        events = _events(answer)
        _, queued = await anext(events)
        taken = await claim(ledger, job_id)
        last, running = await anext(events)
        await ledger.finish(taken, JobState.DEAD, failure=EMPTY)
        end, dead = await anext(events)
        assert [event async for event in events] == []
    assert [event["state"] for event in (queued, running, dead)] == ["queued", "running", "dead"]
    assert {event["id"] for event in (queued, running, dead)} == {job_id}
    assert dead["failure"]["code"] == "document.empty"
    async with api.get(path, headers={"Last-Event-ID": last}) as answer:
        assert [event async for event in _events(answer)] == [(end, dead)]
    async with api.get(path, headers={"Last-Event-ID": end}) as answer:
        assert answer.status == 204


async def test_a_server_that_stops_lets_its_waiters_go(settings: FleetSettings) -> None:
    """At once, and with an answer."""
    server = make_server(settings, "127.0.0.1", 0)
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started, "for the API")
    async with aiohttp.ClientSession(server.url, headers=KEY) as api:
        job_id = (await submit(api, TEXT))["id"]

        async def wait() -> int:
            async with api.get(f"/v1/jobs/{job_id}", params={"wait": 60}) as answer:
                await answer.read()
                return answer.status

        async def watch() -> list[Any]:
            async with api.get(f"/v1/jobs/{job_id}/events") as answer:
                return [event async for event in _events(answer)]

        waiting, watching = asyncio.create_task(wait()), asyncio.create_task(watch())
        while len(server.server_state.tasks) < 2:
            await asyncio.sleep(0.01)
        server.should_exit = True
        assert await asyncio.wait_for(waiting, 6) == 200
        assert len(await asyncio.wait_for(watching, 6)) == 1
    await running


@pytest.mark.parametrize("path", ["", "/events", "?wait=1"])
async def test_a_job_that_is_not_there_cannot_be_waited_for(
    api: aiohttp.ClientSession, path: str
) -> None:
    """404 at once."""
    async with api.get(f"/v1/jobs/job_{'0' * 24}{path}") as answer:
        await problem_of(answer, 404, "unknown-job")


async def test_a_tenant_over_its_quota_is_told_when_to_come_again(
    settings: FleetSettings,
) -> None:
    """429 with what the ledger says, and never more than clients wait for; others go on."""
    tenants = {"acme": TenantSettings(max_queued=1)}
    acme = {"Docfleet-Tenant": "acme"}
    async with serving(settings.model_copy(update={"tenants": tenants})) as api:
        for _ in range(3):  # two are out at once where no worker is known
            await submit(api, TEXT, **acme)
        async with api.post("/v1/jobs", json=TEXT, headers=acme) as answer:
            assert "may have 1" in (await problem_of(answer, 429, "tenant-quota"))["detail"]
            assert 1 <= int(answer.headers["Retry-After"]) <= 120
        await submit(api, TEXT)


async def test_a_tenant_that_fills_its_share_of_the_ledger_is_told_what_to_do(
    settings: FleetSettings,
) -> None:
    """507, for nothing is gained by coming again soon; chats too, and others go on."""
    tenants = {"acme": TenantSettings(max_stored_bytes=2_000)}
    acme = {"Docfleet-Tenant": "acme"}
    chat = {"model": "smollm2", "messages": [{"role": "user", "content": "Hi"}]}
    async with serving(settings.model_copy(update={"tenants": tenants})) as api:
        await submit(api, TEXT, **acme)
        async with api.post("/v1/jobs", json=TEXT, headers=acme) as answer:
            told = (await problem_of(answer, 507, "tenant-share"))["detail"]
        assert "[tenants.acme]" in told
        async with api.post("/v1/chat/completions", json=chat, headers=acme) as answer:
            assert (answer.status, answer.headers["x-should-retry"]) == (507, "false")
            assert (await answer.json())["error"]["code"] == "tenant-share"
        await submit(api, TEXT)


async def test_a_result_is_its_jobs_alone(
    api: aiohttp.ClientSession, ledger: Ledger, s3: Buckets
) -> None:
    """Listed jobs say where their results lie."""
    job_id = (await submit(api, TEXT))["id"]
    await succeed(ledger, s3.results, job_id, {"summary": task_result({"summary": "Hail."})})
    (listed,) = (await _list(api, state="succeeded"))["data"]
    assert listed["result_uri"] == f"s3://{s3.results}/{job_id}.json"
