"""The HTTP API over real HTTP, on a real Valkey and a real SeaweedFS."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from ledger import keys
from ledger.ledger import Ledger
from producer.http.app import create_app
from schemas.failure import Failure, FailureCode
from schemas.job import JOB_ID, Job
from schemas.result import JobResult
from settings.errors import SettingsError
from settings.fleet import FleetSettings
from tests.fixtures.hand_worker import claim, kill, succeed, task_result
from tests.fixtures.http_api import PDF, TEXT, problem_of, serving, submit
from tests.fixtures.servers import Buckets


async def test_a_submit_is_accepted_and_found_again(
    api: aiohttp.ClientSession, ledger: Ledger
) -> None:
    """202 with the job and its place; everything that was asked for stands in the ledger."""
    asked = {
        **PDF,
        "priority": "high",
        "metadata": {"claim": "HM-1"},
        "callback": {"url": "https://claims.example/docfleet"},
    }
    job = await submit(api, asked)
    assert JOB_ID.fullmatch(job["id"])
    assert (job["state"], job["attempts"]) == ("queued", 0)
    async with api.get(f"/v1/jobs/{job['id']}") as answer:
        assert (answer.status, await answer.json()) == (200, job)
    kept = await ledger.job(job["id"])
    assert kept is not None
    assert kept.public() == Job.model_validate(job).public()
    assert kept.document.uri == PDF["document"]["uri"]
    assert str(kept.callback and kept.callback.url) == "https://claims.example/docfleet"
    assert (kept.priority, kept.metadata, kept.tasks) == (
        "high",
        {"claim": "HM-1"},
        ("fnol", "summary"),
    )


async def test_inline_text_becomes_a_document_in_the_work_bucket(
    api: aiohttp.ClientSession, s3: Buckets
) -> None:
    """Stored once under its sha256, as plain text, and nothing lands where drops do."""
    first, second = await submit(api, TEXT), await submit(api, TEXT)
    text = TEXT["document"]["text"].encode()
    key = f"documents/default/{hashlib.sha256(text).hexdigest()}.txt"
    assert first["document"]["uri"] == second["document"]["uri"] == f"s3://{s3.work}/{key}"
    stored = s3.client.get_object(Bucket=s3.work, Key=key)
    assert stored["Body"].read() == text
    assert stored["ContentType"] == "text/plain"
    assert s3.client.list_objects_v2(Bucket=s3.incoming)["KeyCount"] == 0


async def test_an_idempotency_key_makes_one_job_of_one_request(
    api: aiohttp.ClientSession, ledger: Ledger
) -> None:
    """However many come at once; another request under the key is refused."""
    jobs = await asyncio.gather(
        *(submit(api, TEXT, **{"Idempotency-Key": "order 1"}) for _ in range(20))
    )
    assert len({job["id"] for job in jobs}) == 1
    (queue,) = (await ledger.depth()).queues
    assert queue.in_line + queue.dispatched == 1
    async with api.post("/v1/jobs", json=PDF, headers={"Idempotency-Key": "order 1"}) as answer:
        await problem_of(answer, 422, "idempotency-conflict")
    other = await submit(api, TEXT, **{"Idempotency-Key": "order 2"})
    assert other["id"] != jobs[0]["id"]


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ({**TEXT, "tasks": ["no-such"]}, "unknown-task", "fnol"),
        ({**TEXT, "tasks": []}, "invalid-request", "body.tasks"),
        ({**TEXT, "tasks": ["summary", "summary"]}, "invalid-request", "once"),
        ({**TEXT, "document": {}}, "invalid-request", "exactly one"),
        ({**TEXT, "document": {"text": "a", "uri": "s3://b/k"}}, "invalid-request", "exactly one"),
        ({**TEXT, "document": {"uri": "http://b/k"}}, "invalid-request", "s3://bucket/key"),
        ({**TEXT, "document": {"text": "a \ud800"}}, "invalid-request", "body: Invalid JSON"),
        ({**TEXT, "callback": {"url": "nonsense"}}, "invalid-request", "body.callback.url"),
        ({**TEXT, "proirity": "high"}, "invalid-request", "body.proirity"),
        ({**TEXT, "metadata": {"a": "b" * 513}}, "invalid-request", "body.metadata.a"),
    ],
)
async def test_a_request_that_cannot_be_taken_is_a_problem_that_says_why(
    api: aiohttp.ClientSession, ledger: Ledger, body: Any, kind: str, words: str
) -> None:
    """422 with the place, and no job."""
    async with api.post("/v1/jobs", json=body) as answer:
        assert words in (await problem_of(answer, 422, kind))["detail"]
    assert (await ledger.depth()).queues == ()


async def test_a_refusal_does_not_repeat_the_document(api: aiohttp.ClientSession) -> None:
    """A problem may end in a log; a customer's document must not."""
    body = {"document": {"text": "secret", "uri": 7}, "tasks": [{"secret": 1}]}
    async with api.post("/v1/jobs", json=body) as answer:
        await problem_of(answer, 422, "invalid-request")
        assert "secret" not in await answer.text()


async def test_only_the_key_opens_the_jobs(api: aiohttp.ClientSession) -> None:
    """No key, another key or another scheme: 401; health and metrics are open."""
    for sent in ("", "Bearer wrong", "Bearer ", "Basic test-key", "test-key"):
        async with api.get("/v1/jobs/x", headers={"Authorization": sent}) as answer:
            await problem_of(answer, 401, "unauthorized")
            assert answer.headers["WWW-Authenticate"] == "Bearer"
    async with api.get("/v1/jobs/x", headers={"Authorization": "bearer test-key"}) as answer:
        assert answer.status == 404
    for path in ("/healthz", "/metrics", "/openapi.json"):
        async with api.get(path, headers={"Authorization": ""}) as answer:
            assert answer.status == 200


async def test_a_result_is_there_when_the_job_has_ended(
    api: aiohttp.ClientSession, ledger: Ledger, s3: Buckets
) -> None:
    """404 with the state until then; after that the very object of the bucket."""
    job_id = (await submit(api, TEXT))["id"]
    async with api.get(f"/v1/jobs/{job_id}/result") as answer:
        assert (await problem_of(answer, 404, "no-result"))["state"] == "queued"
    made = await succeed(ledger, s3.results, job_id, {"summary": task_result({"summary": "Hail."})})
    async with api.get(f"/v1/jobs/{job_id}/result") as answer:
        assert answer.status == 200
        assert JobResult.model_validate_json(await answer.text()) == made
    async with api.get(f"/v1/jobs/{job_id}") as answer:
        assert (await answer.json())["result_uri"] == f"s3://{s3.results}/{job_id}.json"
    s3.client.delete_object(Bucket=s3.results, Key=f"{job_id}.json")
    async with api.get(f"/v1/jobs/{job_id}/result") as answer:
        assert "deleted" in (await problem_of(answer, 404, "no-result"))["detail"]


async def test_a_dead_letter_tells_its_failure_wherever_it_is_asked(
    api: aiohttp.ClientSession, ledger: Ledger
) -> None:
    """The job has it, and so has the problem in the result's place."""
    job_id = (await submit(api, PDF))["id"]
    failure = Failure.of(FailureCode.DOCUMENT_ENCRYPTED, "It asks for a password.")
    await kill(ledger, job_id, failure)
    async with api.get(f"/v1/jobs/{job_id}") as answer:
        job = await answer.json()
    assert (job["state"], job["attempts"]) == ("dead", 1)
    assert Failure.model_validate(job["failure"]) == failure
    async with api.get(f"/v1/jobs/{job_id}/result") as answer:
        told = await problem_of(answer, 404, "no-result")
    assert (told["state"], told["failure"]) == ("dead", job["failure"])


async def test_cancelling_says_what_became_of_the_job(
    api: aiohttp.ClientSession, ledger: Ledger
) -> None:
    """In line: cancelled at once. Running: its worker is told. Ended: 409."""
    waiting = (await submit(api, TEXT))["id"]
    for _ in range(2):
        async with api.post(f"/v1/jobs/{waiting}/cancel") as answer:
            assert (answer.status, (await answer.json())["state"]) == (200, "cancelled")
    running = (await submit(api, TEXT))["id"]
    await claim(ledger, running)
    async with api.post(f"/v1/jobs/{running}/cancel") as answer:
        assert (answer.status, (await answer.json())["state"]) == (200, "running")
    dead = (await submit(api, TEXT))["id"]
    await kill(ledger, dead, Failure.of(FailureCode.DOCUMENT_EMPTY, "Empty."))
    async with api.post(f"/v1/jobs/{dead}/cancel") as answer:
        assert (await problem_of(answer, 409, "job-closed"))["state"] == "dead"


@pytest.mark.parametrize("job_id", ["job_" + "0" * 24, "nonsense", "msg_" + "0" * 24, "%00"])
@pytest.mark.parametrize(("method", "tail"), [("GET", ""), ("GET", "/result"), ("POST", "/cancel")])
async def test_a_job_that_is_not_there_is_404(
    api: aiohttp.ClientSession, job_id: str, method: str, tail: str
) -> None:
    """Whatever the id looks like."""
    async with api.request(method, f"/v1/jobs/{job_id}{tail}") as answer:
        await problem_of(answer, 404, "unknown-job")


async def test_a_delivery_is_no_job(
    api: aiohttp.ClientSession, ledger: Ledger, valkey_url: str
) -> None:
    """Its record cannot be read or cancelled through the jobs' routes."""
    job_id = (await submit(api, {**TEXT, "callback": {"url": "http://claims.test"}}))["id"]
    await ledger.cancel(job_id)
    async with Redis.from_url(valkey_url, decode_responses=True) as redis:
        records = [key async for key in redis.scan_iter("docfleet:record:msg_*")]
    (delivery,) = (key.removeprefix("docfleet:record:") for key in records)
    async with api.get(f"/v1/jobs/{delivery}") as answer:
        await problem_of(answer, 404, "unknown-job")
    async with api.post(f"/v1/jobs/{delivery}/cancel") as answer:
        await problem_of(answer, 404, "unknown-job")


async def test_the_default_callback_is_that_of_every_job_that_names_none(
    settings: FleetSettings,
) -> None:
    """And no other job's."""
    default = settings.model_copy(update={"callback_url": "https://claims.example/all"})
    async with serving(default) as api:
        job = await submit(api, TEXT)
        assert job["callback"] == {"url": "https://claims.example/all", "payload": "thin"}
        own = {"url": "https://claims.example/own"}
        assert (await submit(api, {**TEXT, "callback": own}))["callback"] == {
            **own,
            "payload": "thin",
        }


async def test_a_body_over_the_limit_is_refused_while_it_is_read(
    settings: FleetSettings, valkey_url: str
) -> None:
    """With and without a declared length; a stranger's body is not read at all."""
    limits = settings.limits.model_copy(update={"document_bytes": 1000})

    async def body(chunks: int) -> AsyncIterator[bytes]:
        for _ in range(chunks):
            yield b" " * 100

    json_type = {"content-type": "application/json"}
    async with serving(settings.model_copy(update={"limits": limits})) as api:
        async with api.post("/v1/jobs", data=b" " * 1001, headers=json_type) as answer:
            await problem_of(answer, 413, "body-too-large")
        async with api.post("/v1/jobs", data=body(11), headers=json_type) as answer:
            await problem_of(answer, 413, "body-too-large")
        async with api.post("/v1/jobs", data=body(10), headers=json_type) as answer:
            await problem_of(answer, 422, "invalid-request")
        form_type = {"content-type": "multipart/form-data; boundary=b"}
        for path in ("/v1/chat/completions", "/v1/endpoints"):  # what they read is read as a whole
            async with api.post(path, data=body(11), headers=form_type) as answer:
                assert answer.status == 413
        stranger = {**json_type, "Authorization": "Bearer wrong"}
        async with api.post("/v1/jobs", data=body(11), headers=stranger) as answer:
            await problem_of(answer, 401, "unauthorized")
    async with Redis.from_url(valkey_url) as redis:
        names = {name.decode() async for name in redis.scan_iter()}
        assert all(name.startswith("docfleet:audit") for name in names), names


async def test_metrics_count_what_stands_where(
    api: aiohttp.ClientSession, ledger: Ledger, valkey_url: str
) -> None:
    """In line, dispatched, leased, dead and closed, by the names that dashboards know."""
    jobs = [(await submit(api, TEXT))["id"] for _ in range(5)]
    await claim(ledger, jobs[0])
    await kill(ledger, jobs[1], Failure.of(FailureCode.DOCUMENT_EMPTY, "Empty."))
    await ledger.heartbeat("w1", 30, {"prepare": 2}, [])
    for event in ("started", "died", "started"):
        await ledger.engines.count("infer.cpu", event)
    async with Redis.from_url(valkey_url) as redis:
        await redis.set(keys.FULL, 1)
    async with api.get("/metrics") as answer:
        lines = (await answer.text()).splitlines()
        assert answer.content_type == "text/plain"
    for line in (
        'docfleet_queue_records{place="in_line",queue="prepare"} 0.0',
        'docfleet_queue_records{place="dispatched",queue="prepare"} 3.0',
        'docfleet_queue_records{place="leased",queue="prepare"} 1.0',
        'docfleet_queue_capacity{queue="prepare"} 2.0',
        'docfleet_queue_workers{queue="prepare"} 1.0',
        'docfleet_queue_head_age_seconds{queue="prepare"} 0.0',
        "docfleet_waiting_records 0.0",
        'docfleet_dead_letters{code="document.empty"} 1.0',
        'docfleet_opened_total{kind="job"} 5.0',
        'docfleet_closed_total{kind="job",state="dead"} 1.0',
        'docfleet_engines_started_total{queue="infer.cpu"} 2.0',
        'docfleet_engines_died_total{queue="infer.cpu"} 1.0',
        "docfleet_ledger_full 1.0",
    ):
        assert line in lines, "\n".join(lines)


async def test_hundreds_of_submits_at_once_are_all_accepted(
    api: aiohttp.ClientSession, ledger: Ledger
) -> None:
    """There are more submits than connections to Redis: the later ones wait."""
    jobs = await asyncio.gather(*(submit(api, PDF) for _ in range(300)))
    assert len({job["id"] for job in jobs}) == 300
    (queue,) = (await ledger.depth()).queues
    assert queue.in_line + queue.dispatched == 300


async def test_without_redis_everything_says_503_and_when_to_come_again(
    settings: FleetSettings, unused_tcp_port: int
) -> None:
    """The API itself lives on."""
    nowhere = SecretStr(f"redis://127.0.0.1:{unused_tcp_port}/0")
    async with serving(settings.model_copy(update={"redis_url": nowhere})) as api:
        for method, path in (
            ("POST", "/v1/jobs"),
            ("GET", "/v1/jobs/job_" + "0" * 24),
            ("GET", "/healthz"),
            ("GET", "/metrics"),
        ):
            async with api.request(method, path, json=PDF) as answer:
                await problem_of(answer, 503, "ledger-unavailable")
                assert 0 < int(answer.headers["Retry-After"]) <= 120


async def test_a_full_redis_is_503_and_the_jobs_it_holds_can_still_be_seen(
    api: aiohttp.ClientSession, valkey_url: str
) -> None:
    """A submit is refused; nothing is dropped to make room."""
    job = await submit(api, PDF)
    async with Redis.from_url(valkey_url) as redis:
        before = str((await redis.config_get("maxmemory"))["maxmemory"])
        await redis.config_set("maxmemory", 1)
        try:
            async with api.post("/v1/jobs", json=PDF) as answer:
                await problem_of(answer, 503, "backlog-full")
                assert "Retry-After" in answer.headers
            async with api.get(f"/v1/jobs/{job['id']}") as answer:
                assert answer.status == 200
        finally:
            await redis.config_set("maxmemory", before)


async def test_without_the_object_store_inline_text_is_503(
    settings: FleetSettings, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text could not be stored; nothing is submitted."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{unused_tcp_port}")
    async with serving(settings) as api, api.post("/v1/jobs", json=TEXT) as answer:
        await problem_of(answer, 503, "storage-unavailable")


@pytest.mark.parametrize("key", [None, SecretStr("")])
def test_the_api_does_not_start_without_a_key(
    settings: FleetSettings, key: SecretStr | None
) -> None:
    """The API would serve anybody."""
    with pytest.raises(SettingsError, match="DOCFLEET_API_KEY"):
        create_app(settings.model_copy(update={"api_key": key}))


async def test_openapi_documents_the_jobs_the_problems_and_the_webhook(
    api: aiohttp.ClientSession,
) -> None:
    """Each reference leads somewhere, and each operation has a name of its own."""
    async with api.get("/openapi.json") as answer:
        schema, text = await answer.json(), await answer.text()
    assert {
        operation["operationId"] for path in schema["paths"].values() for operation in path.values()
    } >= {"submitJob", "getJob", "getResult", "cancelJob", "getHealth", "getMetrics"}
    operations = [op for path in schema["paths"].values() for op in path.values()]
    assert len({op["operationId"] for op in operations}) == len(operations)
    assert "post" in schema["webhooks"]["job-ended"]
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= schema["components"]["schemas"].keys()
    assert {"Job", "JobRequest", "JobResult", "JobEvent", "Problem", "DeadLetter"} <= named


async def test_health_names_the_queues_that_no_worker_serves(
    api: aiohttp.ClientSession, ledger: Ledger
) -> None:
    """The API is well, and says so with 200, whether its workers are or not."""

    async def health() -> dict[str, Any]:
        async with api.get("/healthz") as answer:
            assert answer.status == 200
            told: dict[str, Any] = await answer.json()
            return told

    every = ["prepare", "infer.cpu", "batch", "deliver"]
    assert await health() == {"status": "degraded", "queues_without_workers": every}
    await ledger.heartbeat("w1", 60, dict.fromkeys(every[1:], 1), [])
    assert (await health())["queues_without_workers"] == ["prepare"]
    await ledger.heartbeat("w2", 60, {"prepare": 2}, [])
    assert await health() == {"status": "ok"}
    await ledger.heartbeat("w2", 0.2, {"prepare": 2}, [])
    async with asyncio.timeout(10):  # nobody sweeps here: the lease ends by itself
        while (await health())["status"] == "ok":
            await asyncio.sleep(0.05)
    assert await health() == {"status": "degraded", "queues_without_workers": ["prepare"]}
    (prepare,) = [one for one in (await ledger.depth()).queues if one.queue == "prepare"]
    assert (prepare.workers, prepare.capacity) == (0, 0)
    await ledger.heartbeat("w1", 60, {"infer.cpu": 1, "batch": 1, "deliver": 0}, [])
    assert (await health())["queues_without_workers"] == ["prepare", "deliver"]
