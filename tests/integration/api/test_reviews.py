"""Reviews over HTTP: listed, taken by one reviewer at a time, accepted, corrected and exported."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis

from docfleet.commands.actions.review_lines import review_lines
from ledger import keys
from ledger.ledger import Ledger
from producer.client import connect
from schemas.dead_letter import Redrive
from schemas.document import Page, PageText, Prepared
from schemas.failure import Failure, FailureCode
from schemas.queues import infer_queue
from schemas.result import TaskResult
from schemas.review import Correction, ReviewFilter
from schemas.webhooks.delivery import DeliverySpec
from settings.fleet import FleetSettings
from storage.s3 import S3Store
from tests.fixtures.hand_worker import claim, succeed, task_result
from tests.fixtures.http_api import TEXT, problem_of, submit
from tests.fixtures.servers import Buckets
from workers.deliver.signature import build_event
from workers.page_text import page_text_uri, store_page_text

REASONS = ("summary: /summary: ungrounded",)
SHA256 = "1" * 64
ACME = {"Docfleet-Tenant": "acme"}


async def _needing(
    api: aiohttp.ClientSession,
    ledger: Ledger,
    s3: Buckets,
    *,
    tasks: dict[str, TaskResult] | None = None,
    body: dict[str, Any] | None = None,
    **headers: str,
) -> dict[str, Any]:
    """A job whose result needs a review."""
    job = await submit(api, body or TEXT, **headers)
    made = tasks or {"summary": task_result({"summary": "Snow."})}
    await succeed(ledger, s3.results, job["id"], made, needs_review=REASONS)
    return job


async def _post(
    api: aiohttp.ClientSession, job: dict[str, Any], what: str, **body: Any
) -> dict[str, Any]:
    async with api.post(f"/v1/reviews/{job['id']}/{what}", json=body) as answer:
        assert answer.status == 200, await answer.text()
        review: dict[str, Any] = await answer.json()
        return review


async def _list(api: aiohttp.ClientSession, **query: Any) -> list[str]:
    """The ids of all pages."""
    ids: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        async with api.get("/v1/reviews", params={**query, **cursor}) as answer:
            assert answer.status == 200, await answer.text()
            page = await answer.json()
        ids += [review["job_id"] for review in page["data"]]
        if page["next_cursor"] is None:
            return ids
        cursor = {"cursor": page["next_cursor"]}


async def test_a_result_with_reasons_opens_a_review_and_one_without_opens_none(
    api: aiohttp.ClientSession, ledger: Ledger, s3: Buckets
) -> None:
    """It says why, of which document, and where the result lies."""
    job = await _needing(api, ledger, s3)
    fine = await submit(api, TEXT)
    await succeed(ledger, s3.results, fine["id"], {"summary": task_result({"summary": "Hail."})})
    async with api.get(f"/v1/reviews/{job['id']}") as answer:
        review = await answer.json()
    assert (review["state"], review["reasons"]) == ("open", list(REASONS))
    assert review["document"]["uri"] == job["document"]["uri"]
    assert review["result_uri"].endswith(f"{job['id']}.json")
    async with api.get(f"/v1/jobs/{job['id']}") as answer:
        assert (await answer.json())["needs_review"] == list(REASONS)
    async with api.get(f"/v1/reviews/{fine['id']}") as answer:
        await problem_of(answer, 404, "unknown-review")
    assert await _list(api) == [job["id"]]


@pytest.mark.parametrize("limit", [1, 2, 200])
async def test_pages_hold_every_review_of_a_tenant_once_the_newest_first(
    api: aiohttp.ClientSession, ledger: Ledger, s3: Buckets, limit: int
) -> None:
    """Of one tenant and of all, by state and by task."""
    mine = [(await _needing(api, ledger, s3, **ACME))["id"] for _ in range(3)]
    theirs = [(await _needing(api, ledger, s3))["id"] for _ in range(2)]
    assert await _list(api, limit=limit) == [*reversed(theirs), *reversed(mine)]
    assert await _list(api, limit=limit, tenant="acme") == mine[::-1]
    await _post(api, {"id": mine[1]}, "accept", reviewer="jane")
    assert await _list(api, limit=limit, tenant="acme", state="open") == [mine[2], mine[0]]
    assert await _list(api, limit=limit, state="accepted", task="summary") == [mine[1]]
    assert await _list(api, limit=limit, task="fnol") == []


async def test_one_reviewer_at_a_time_holds_a_review(
    api: aiohttp.ClientSession, ledger: Ledger, s3: Buckets, valkey_url: str
) -> None:
    """Of many who take it at once, one gets it; when the time is over, another may."""
    job = await _needing(api, ledger, s3)

    async def take(reviewer: str) -> int:
        body = {"reviewer": reviewer}
        async with api.post(f"/v1/reviews/{job['id']}/take", json=body) as answer:
            return answer.status

    statuses = await asyncio.gather(*(take(f"reviewer {number}") for number in range(8)))
    assert sorted(statuses) == [200] + [409] * 7
    holder = f"reviewer {statuses.index(200)}"
    assert await take(holder) == 200
    assert await _list(api, state="taken") == [job["id"]]
    for what, more in (("accept", {}), ("correct", {"values": {"summary": {"/summary": "x"}}})):
        body = {"reviewer": "somebody else", **more}
        async with api.post(f"/v1/reviews/{job['id']}/{what}", json=body) as answer:
            told = await problem_of(answer, 409, "review-taken")
            assert holder in told["detail"]
    async with Redis.from_url(valkey_url) as redis:
        await redis.hset(keys.record(job["id"]), "review_until", "1")
    assert await _list(api, state="open") == [job["id"]]
    assert await take("somebody else") == 200


async def test_a_correction_lies_beside_the_result_and_is_told_of(
    api: aiohttp.ClientSession, ledger: Ledger, s3: Buckets, valkey_url: str
) -> None:
    """Who, when, before and after; the result stays, and the review is closed."""
    body = TEXT | {"callback": {"url": "http://claims.test/hook"}}
    job = await _needing(api, ledger, s3, body=body)
    key = f"{job['id']}.json"
    before = s3.client.get_object(Bucket=s3.results, Key=key)["Body"].read()
    values = {"summary": {"/summary": 'Hail, "2 skylights"\n'}}
    review = await _post(api, job, "correct", reviewer="jane", values=values)
    assert (review["state"], review["reviewer"]) == ("corrected", "jane")
    place = review["correction_uri"].removeprefix(f"s3://{s3.results}/")
    correction = Correction.model_validate_json(
        s3.client.get_object(Bucket=s3.results, Key=place)["Body"].read()
    )
    changed = correction.tasks["summary"]
    assert (changed.before, changed.after) == ({"summary": "Snow."}, values_of(values))
    assert changed.changed["/summary"].before == "Snow."
    assert (correction.reviewer, correction.actor) == ("jane", "bootstrap")
    assert s3.client.get_object(Bucket=s3.results, Key=key)["Body"].read() == before
    for what in ("accept", "take"):
        async with api.post(f"/v1/reviews/{job['id']}/{what}", json={"reviewer": "joe"}) as answer:
            await problem_of(answer, 409, "review-closed")
    event = await _told(valkey_url, f"msg_{job['id'][4:]}_reviewed")
    assert (event["type"], event["data"]["id"]) == ("review.completed", job["id"])
    assert event["data"]["review"] == {
        "outcome": "corrected",
        "reviewer": "jane",
        "correction_uri": review["correction_uri"],
    }
    assert (event["data"]["sequence"], event["data"]["schema_version"]) == (2, "1")
    assert event["data"]["document"]["uri"] == job["document"]["uri"]
    async with api.get("/v1/audit", params={"tenant": "default"}) as answer:
        line = (await answer.json())["data"][0]
    assert (line["action"], line["target"]) == ("review.completed", job["id"])


def values_of(values: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Values by pointer as an object."""
    return {place[1:]: value for place, value in values["summary"].items()}


async def _told(valkey_url: str, delivery_id: str) -> dict[str, Any]:
    async with Redis.from_url(valkey_url, decode_responses=True) as redis:
        spec = await redis.hget(keys.record(delivery_id), "spec")
    told = DeliverySpec.model_validate_json(str(spec))
    event: dict[str, Any] = json.loads(
        build_event(delivery_id, told).model_dump_json(exclude_none=True)
    )
    return event


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"fnol": {"/a": 1}}, "no such task"),
        ({"summary": {"/rows/0": 1}}, "leads nowhere"),
        ({"summary": {"/summary": 7}}, "/summary is not valid"),
        ({"summary": {"/more": "x"}}, "is not valid"),
        ({"summary": {"": []}}, "is not valid"),
        ({"summary": {"summary": "x"}}, "values"),
        ({"summary": {"/summary": "\ud800"}}, "no text"),
        ({"summary": {"/summary": float("nan")}}, "no text"),
        ({}, "values"),
    ],
)
async def test_a_correction_that_cannot_be_is_refused_and_the_review_stays(
    api: aiohttp.ClientSession, ledger: Ledger, s3: Buckets, values: Any, words: str
) -> None:
    """With the place; nothing is written."""
    job = await _needing(api, ledger, s3)
    body = {"reviewer": "jane", "values": values}
    async with api.post(f"/v1/reviews/{job['id']}/correct", json=body) as answer:
        told = await problem_of(answer, 422, "invalid-request")
        assert words in json.dumps(told)
    listed = s3.client.list_objects_v2(Bucket=s3.results, Prefix="corrections/")
    assert listed["KeyCount"] == 0
    await _post(api, job, "accept", reviewer="jane")


async def test_a_tenants_key_reviews_its_own_results_alone(
    api: aiohttp.ClientSession, ledger: Ledger, s3: Buckets
) -> None:
    """Those of others are as good as not there."""
    job = await _needing(api, ledger, s3)
    scopes = ["read", "operate"]
    asked = {"label": "acme", "tenant": "acme", "scopes": scopes}
    async with api.post("/v1/keys", json=asked) as answer:
        secret = (await answer.json())["key"]
    key = {"Authorization": f"Bearer {secret}"}
    async with api.get("/v1/reviews", headers=key) as answer:
        assert (await answer.json())["data"] == []
    for what in ("take", "accept"):
        async with api.post(
            f"/v1/reviews/{job['id']}/{what}", json={"reviewer": "jane"}, headers=key
        ) as answer:
            await problem_of(answer, 404, "unknown-review")


async def test_a_redrive_ends_the_review_of_the_result_that_it_replaces(
    api: aiohttp.ClientSession, ledger: Ledger, s3: Buckets
) -> None:
    """And so does a deletion."""
    failed = task_result(failure=Failure.of(FailureCode.OUTPUT_INVALID, "No."))
    tasks = {"summary": task_result({"summary": "Snow."}), "fnol": failed}
    body = TEXT | {"tasks": ["summary", "fnol"]}
    job = await _needing(api, ledger, s3, tasks=tasks, body=body)
    other = await _needing(api, ledger, s3)
    await ledger.dead_letters.redrive(job["id"], Redrive())
    assert await _list(api) == [other["id"]]
    async with api.delete(f"/v1/jobs/{other['id']}") as answer:
        assert answer.status == 204
    assert await _list(api) == []


async def test_completed_reviews_are_lines_to_train_and_to_evaluate_with(
    api: aiohttp.ClientSession, ledger: Ledger, s3: Buckets, settings: FleetSettings
) -> None:
    """What was read, what the engine gave, what is right; with what it was asked where known."""
    store = S3Store()
    text = PageText(
        sha256=SHA256,
        media_type="text/plain",
        size=1,
        pages=(Page(number=1, text="Hail broke «two» skylights.", start=0),),
    )
    uri = page_text_uri(settings.work_bucket, "default", SHA256)
    await store_page_text(store, uri, text)
    store.close()
    prepared = Prepared(
        text_uri=uri, sha256=SHA256, media_type="text/plain", size=1, pages=1, tokens=9
    )
    await _needing(api, ledger, s3)  # open: no line
    corrected, accepted = await submit(api, TEXT), await submit(api, TEXT)
    for job in (corrected, accepted):
        await ledger.advance(await claim(ledger, job["id"]), infer_queue("cpu"), prepared)
        made = {"summary": task_result({"summary": "Snow."})}
        await succeed(ledger, s3.results, job["id"], made, needs_review=REASONS)
    values = {"summary": {"/summary": "Hail."}}
    await _post(api, corrected, "correct", reviewer="jane", values=values)
    await _post(api, accepted, "accept", reviewer="joe")
    async with connect(settings) as client:
        lines = [line async for line in review_lines(client, ReviewFilter())]
        assert not [line async for line in review_lines(client, ReviewFilter(), "fnol")]
    right, wrong = lines
    assert (right["job_id"], right["outcome"], right["truth"]) == (
        accepted["id"],
        "accepted",
        {"summary": "Snow."},
    )
    assert (wrong["before"], wrong["truth"]) == ({"summary": "Snow."}, {"summary": "Hail."})
    assert wrong["changed"] == {"/summary": {"before": "Snow.", "after": "Hail."}}
    assert wrong["reviewer"] == "jane"
    roles = [message["role"] for message in wrong["messages"]]
    assert roles == ["system", "user", "assistant"]
    assert "«two» skylights" in wrong["messages"][1]["content"]
    assert json.loads(wrong["messages"][2]["content"]) == {"summary": "Hail."}
