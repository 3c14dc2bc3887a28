"""The HTTP API's routes to the dead letters, on a real Valkey and a real SeaweedFS."""

from __future__ import annotations

import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from docfleet.stack.ports import Ports
from docfleet.stack.valkey import redis_url, valkey_part
from ledger import keys
from ledger.ledger import Ledger
from schemas.dead_letter import DeadLetter, Redrive
from schemas.document import DocumentRef
from schemas.failure import Failure, FailureCode
from schemas.ids import new_job_id
from schemas.job import Job, JobSpec, KeptCallback
from schemas.states import JobState
from settings.fleet import FleetSettings
from tests.fixtures.hand_worker import claim, kill, succeed, task_result
from tests.fixtures.http_api import problem_of, serving
from tests.fixtures.servers import Buckets, running

EMPTY = Failure.of(FailureCode.DOCUMENT_EMPTY, "0 bytes.")
NO_MEMORY = Failure.of(FailureCode.ENGINE_OUT_OF_MEMORY, "Alone.")
LETTERS = "/v1/dead-letters"


async def _submitted(ledger: Ledger, *, callback: bool = False, **spec: Any) -> str:
    job_id = new_job_id()
    url = KeptCallback.model_validate({"url": "http://claims.test/"}) if callback else None
    asked = {"tasks": ("fnol",), **spec}
    document = DocumentRef(uri="s3://incoming/claim.pdf")
    await ledger.submit(job_id, JobSpec(document=document, callback=url, **asked))
    return job_id


async def _dead(ledger: Ledger, failure: Failure = EMPTY, **spec: Any) -> str:
    job_id = await _submitted(ledger, **spec)
    await kill(ledger, job_id, failure)
    return job_id


async def _dead_delivery(ledger: Ledger) -> str:
    job_id = await _dead(ledger, callback=True)
    delivery_id = f"msg_{job_id.removeprefix('job_')}_dead"
    await kill(ledger, delivery_id, Failure.of(FailureCode.DELIVERY_REFUSED, "500"))
    return delivery_id


async def _partial(ledger: Ledger, bucket: str) -> str:
    job_id = await _submitted(ledger, tasks=("fnol", "summary"))
    failed = Failure.of(FailureCode.OUTPUT_INVALID, "It is no JSON.", "summary")
    tasks = {"fnol": task_result({}), "summary": task_result(failure=failed)}
    await succeed(ledger, bucket, job_id, tasks)
    return job_id


async def _list(api: aiohttp.ClientSession, **query: str | int) -> dict[str, Any]:
    async with api.get(LETTERS, params=query) as answer:
        assert answer.status == 200, await answer.text()
        page: dict[str, Any] = await answer.json()
        assert page.keys() == {"object", "data", "next_cursor"}
        assert page["object"] == "list"
        return page


async def test_a_dead_letter_is_listed_and_read_as_the_ledger_has_it(
    api: aiohttp.ClientSession, ledger: Ledger
) -> None:
    """The same in both places, without what is not set."""
    job_id = await _dead(ledger)
    letter = await ledger.dead_letters.get(job_id)
    assert letter is not None
    page = await _list(api)
    assert page == {"object": "list", "data": [letter.public()], "next_cursor": None}
    assert DeadLetter.model_validate(page["data"][0]) == letter
    async with api.get(f"{LETTERS}/{job_id}") as answer:
        assert (answer.status, await answer.json()) == (200, letter.public())


async def test_pages_lead_to_each_dead_letter_once(
    api: aiohttp.ClientSession, ledger: Ledger
) -> None:
    """By the cursor of the page before; one that is none is refused."""
    jobs = {await _dead(ledger) for _ in range(5)}
    first = await _list(api, limit=2)
    second = await _list(api, limit=2, cursor=first["next_cursor"])
    third = await _list(api, limit=2, cursor=second["next_cursor"])
    assert third["next_cursor"] is None
    found = [letter["id"] for page in (first, second, third) for letter in page["data"]]
    assert (len(found), set(found)) == (5, jobs)
    for wrong in ("nonsense", "9" * 200):
        async with api.get(LETTERS, params={"cursor": wrong}) as answer:
            await problem_of(answer, 422, "invalid-request")


async def test_a_list_holds_what_meets_all_conditions(
    api: aiohttp.ClientSession, ledger: Ledger
) -> None:
    """Code, task, tenant, kind and age."""
    empty = await _dead(ledger)
    acme = await _dead(ledger, NO_MEMORY, tenant="acme", tasks=("summary",))
    letter = await ledger.dead_letters.get(acme)
    assert letter is not None
    later = (letter.dead_since + timedelta(hours=1)).isoformat()
    for query, expected in [
        ({"code": "document.empty"}, {empty}),
        ({"task": "summary"}, {acme}),
        ({"tenant": "acme"}, {acme}),
        ({"kind": "delivery"}, set()),
        ({"kind": "job", "code": "document.empty", "tenant": "acme"}, set()),
        ({"before": later}, {empty, acme}),
        ({"after": later}, set()),
    ]:
        assert {one["id"] for one in (await _list(api, **query))["data"]} == expected


@pytest.mark.parametrize(
    "query",
    ["code=nonsense", "kind=x", "task=A", "before=yesterday", "before=2025-05-03T12:00:00",
     "limit=0", "limit=1001", "tsak=fnol"],
)  # fmt: skip
async def test_a_condition_that_makes_no_sense_is_refused(
    api: aiohttp.ClientSession, query: str
) -> None:
    """With its place; a misspelt one does not widen the list."""
    async with api.get(f"{LETTERS}?{query}") as answer:
        problem = await problem_of(answer, 422, "invalid-request")
        assert f"query.{query.partition('=')[0]}" in problem["detail"]


@pytest.mark.parametrize("body", [None, {}])
async def test_a_dead_job_is_redriven_with_or_without_a_body(
    api: aiohttp.ClientSession, ledger: Ledger, body: Any
) -> None:
    """202 with the job as it is now."""
    job_id = await _dead(ledger)
    async with api.post(f"{LETTERS}/{job_id}/redrive", json=body) as answer:
        assert answer.status == 202, await answer.text()
        job = Job.model_validate(await answer.json())
    assert (job.id, job.state, job.redrives, job.failure) == (job_id, JobState.QUEUED, 1, None)
    assert (await _list(api))["data"] == []


async def test_a_redrive_carries_pool_and_versions(
    api: aiohttp.ClientSession, ledger: Ledger
) -> None:
    """Its next claim has them."""
    job_id = await _dead(ledger)
    how = Redrive(pool="cpu", versions={"fnol": "7"})
    async with api.post(f"{LETTERS}/{job_id}/redrive", json=how.model_dump()) as answer:
        assert answer.status == 202
    held = await claim(ledger, job_id)
    assert (held.pool, held.versions) == ("infer.cpu", {"fnol": "7"})


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ({"pool": "nope"}, "unknown-pool", "has: cpu"),
        ({"versions": {"nope": "1"}}, "unknown-task", "known are"),
        ({"poool": "cpu"}, "invalid-request", "body.poool"),
    ],
)
@pytest.mark.parametrize(
    "path", ["dead-letters/{}/redrive", "jobs/{}/redrive", "dead-letters/redrive"]
)
async def test_a_redrive_that_cannot_be_done_so_changes_nothing(
    api: aiohttp.ClientSession, ledger: Ledger, path: str, body: Any, kind: str, words: str
) -> None:
    """422 that says what there is."""
    job_id = await _dead(ledger)
    async with api.post(f"/v1/{path.format(job_id)}", json=body) as answer:
        assert words in (await problem_of(answer, 422, kind))["detail"]
    assert [one["id"] for one in (await _list(api))["data"]] == [job_id]


async def test_a_delivery_is_redriven_by_its_id(api: aiohttp.ClientSession, ledger: Ledger) -> None:
    """A delivery is no job: the answer has its id and its state."""
    delivery_id = await _dead_delivery(ledger)
    async with api.post(f"{LETTERS}/{delivery_id}/redrive") as answer:
        assert answer.status == 202
        assert await answer.json() == {"id": delivery_id, "state": "queued"}
    assert await ledger.dead_letters.get(delivery_id) is None


@pytest.mark.parametrize("path", [f"{LETTERS}/{{}}/redrive", "/v1/jobs/{}/redrive"])
async def test_a_partially_succeeded_job_is_redriven_through_both_doors(
    api: aiohttp.ClientSession, ledger: Ledger, s3: Buckets, path: str
) -> None:
    """Its result stays where it is until then."""
    job_id = await _partial(ledger, s3.results)
    async with api.post(path.format(job_id)) as answer:
        assert answer.status == 202
        job = await answer.json()
    assert (job["state"], job["redrives"]) == ("queued", 1)
    assert job["result_uri"] == f"s3://{s3.results}/{job_id}.json"


async def test_many_are_redriven_by_a_filter_and_counted(
    api: aiohttp.ClientSession, ledger: Ledger
) -> None:
    """The others stay; with no condition all that are left go too."""
    await ledger.heartbeat("hand", 300, {"prepare": 400}, [])
    for _ in range(250):
        await _dead(ledger, NO_MEMORY)
    other = await _dead(ledger)
    body = {"code": "engine.out_of_memory", "pool": "cpu"}
    async with api.post(f"{LETTERS}/redrive", json=body) as answer:
        assert (answer.status, await answer.json()) == (200, {"redriven": 250})
    assert [one["id"] for one in (await _list(api))["data"]] == [other]
    async with api.post(f"{LETTERS}/redrive", json={}) as answer:
        assert await answer.json() == {"redriven": 1}
    async with api.post(f"{LETTERS}/redrive") as answer:
        await problem_of(answer, 422, "invalid-request")


async def test_a_dead_letter_is_dropped(api: aiohttp.ClientSession, ledger: Ledger) -> None:
    """204; the job counts as cancelled and cannot be redriven any more."""
    job_id = await _dead(ledger)
    async with api.delete(f"{LETTERS}/{job_id}") as answer:
        assert (answer.status, await answer.text()) == (204, "")
    async with api.get(f"/v1/jobs/{job_id}") as answer:
        assert (await answer.json())["state"] == "cancelled"
    async with api.post(f"{LETTERS}/{job_id}/redrive") as answer:
        assert (await problem_of(answer, 409, "not-dead"))["state"] == "cancelled"


@pytest.mark.parametrize(("method", "tail"), [("POST", "/redrive"), ("DELETE", "")])
async def test_a_record_that_is_not_dead_is_409_and_says_what_it_is(
    api: aiohttp.ClientSession, ledger: Ledger, method: str, tail: str
) -> None:
    """Read as a dead letter, it is not there."""
    job_id = await _submitted(ledger)
    async with api.request(method, f"{LETTERS}/{job_id}{tail}") as answer:
        problem = await problem_of(answer, 409, "not-dead")
    assert problem["state"] == "queued"
    async with api.get(f"{LETTERS}/{job_id}") as answer:
        problem = await problem_of(answer, 404, "unknown-dead-letter")
    assert "it is queued" in problem["detail"]


@pytest.mark.parametrize("letter_id", ["job_" + "0" * 24, "msg_x", "nonsense", "%00", "%ff"])
@pytest.mark.parametrize(("method", "tail"), [("GET", ""), ("POST", "/redrive"), ("DELETE", "")])
async def test_a_dead_letter_that_is_not_there_is_404(
    api: aiohttp.ClientSession, letter_id: str, method: str, tail: str
) -> None:
    """Whatever the id looks like."""
    async with api.request(method, f"{LETTERS}/{letter_id}{tail}") as answer:
        await problem_of(answer, 404, "unknown-dead-letter")


@pytest.mark.parametrize("job_id", ["job_" + "0" * 24, "nonsense"])
async def test_a_job_that_is_not_there_cannot_be_redriven(
    api: aiohttp.ClientSession, job_id: str
) -> None:
    """404, as with the other routes of a job."""
    async with api.post(f"/v1/jobs/{job_id}/redrive") as answer:
        await problem_of(answer, 404, "unknown-job")


async def test_only_the_key_opens_the_dead_letters(
    api: aiohttp.ClientSession, ledger: Ledger
) -> None:
    """401, and nothing is changed."""
    job_id = await _dead(ledger)
    for method, path in (
        ("GET", LETTERS),
        ("GET", f"{LETTERS}/{job_id}"),
        ("POST", f"{LETTERS}/redrive"),
        ("POST", f"{LETTERS}/{job_id}/redrive"),
        ("POST", f"/v1/jobs/{job_id}/redrive"),
        ("DELETE", f"{LETTERS}/{job_id}"),
    ):
        async with api.request(method, path, headers={"Authorization": "Bearer no"}) as answer:
            await problem_of(answer, 401, "unauthorized")
    assert await ledger.dead_letters.get(job_id) is not None


async def test_a_backlog_that_fills_redis_is_503_before_redis_is_full(
    api: aiohttp.ClientSession, valkey_url: str, ledger: Ledger
) -> None:
    """The sweep's mark refuses submits and nothing else: dead letters can be redriven."""
    job_id = await _dead(ledger)
    async with Redis.from_url(valkey_url) as redis:
        await redis.set(keys.FULL, 1)
    body = {"document": {"uri": "s3://claims/a.pdf"}, "tasks": ["fnol"]}
    async with api.post("/v1/jobs", json=body) as answer:
        problem = await problem_of(answer, 503, "backlog-full")
        assert int(answer.headers["Retry-After"]) > 0
    assert "80 % of its maxmemory" in problem["detail"]
    async with api.post(f"{LETTERS}/{job_id}/redrive") as answer:
        assert answer.status == 202


async def test_a_redis_that_hangs_is_503_and_no_hanging(
    settings: FleetSettings, tmp_path: Path
) -> None:
    """Redis accepts connections and answers nothing; the API goes on and finds it again."""
    port = Ports(tmp_path / "ports.json").choose("redis")
    url = SecretStr(redis_url(port, "secret"))
    with running(valkey_part(tmp_path, port=port, password="secret")) as valkey:
        async with serving(settings.model_copy(update={"redis_url": url})) as api:
            valkey.send_signal(signal.SIGSTOP)
            try:
                async with api.get(LETTERS) as answer:
                    problem = await problem_of(answer, 503, "ledger-unavailable")
            finally:
                valkey.send_signal(signal.SIGCONT)
            assert "does not answer" in problem["detail"]
            assert (await _list(api))["data"] == []
