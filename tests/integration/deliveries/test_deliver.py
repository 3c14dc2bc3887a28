"""Deliveries over real HTTP: retries, the log, what events carry, and what spares a receiver."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from ledger import keys
from schemas.dead_letter import Redrive
from schemas.document import DocumentRef, Prepared
from schemas.failure import FailureCode
from schemas.job import DEFAULT_TENANT
from schemas.states import JobState
from settings.sections.callbacks import CallbackSettings
from tests.fixtures.deliver_scene import (
    CALLBACK_SECRET,
    SETTINGS,
    DeliverScene,
    TestReceiver,
    delivering,
    receiving,
    verified_by_openai,
)
from tests.fixtures.hand_worker import task_result
from tests.fixtures.servers import Buckets

HOUR_MS = 3_600_000


async def test_nothing_that_a_document_says_leaves_in_an_event_unless_asked_for(
    scene: DeliverScene, receiver: TestReceiver, s3: Buckets
) -> None:
    """Thin says where the result lies; full carries what each task made."""
    uri = _put_result(s3, {"claimant": "Jane Roe"})
    await scene.end_job(receiver.url, result_uri=uri)
    await scene.end_job(receiver.url, result_uri=uri, payload="full")
    await scene.settled()
    thin, full = sorted(receiver.arrivals, key=lambda one: len(one.body))
    assert "Jane" not in thin.body
    assert thin.event["data"]["result_uri"] == uri
    assert full.event["data"]["tasks"]["fnol"]["data"] == {"claimant": "Jane Roe"}
    assert verified_by_openai(full, CALLBACK_SECRET)


async def test_an_event_says_which_document_and_why_somebody_should_look(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """A failed drop can be told from another by it."""
    document = DocumentRef(
        uri="s3://incoming/fnol/HM-1/a.pdf", etag="e1", version_id="v1", metadata={"claim": "HM-1"}
    )
    prepared = Prepared(
        text_uri="s3://work/a", sha256="5" * 64, media_type="text/plain", size=1, pages=1, tokens=1
    )
    await scene.end_job(receiver.url, document=document, prepared=prepared, review=["fnol: odd"])
    unversioned = document.model_copy(update={"version_id": None})
    await scene.end_job(receiver.url, state=JobState.DEAD, document=unversioned)
    await scene.settled()
    ended, dead = (one.event["data"] for one in receiver.arrivals)
    assert ended["document"] == {
        "uri": "s3://incoming/fnol/HM-1/a.pdf",
        "version": "v1",
        "sha256": "5" * 64,
        "metadata": {"claim": "HM-1"},
    }
    assert (ended["schema_version"], ended["needs_review"]) == ("1", ["fnol: odd"])
    assert dead["document"]["version"] == "e1"
    assert dead["document"]["uri"] == document.uri
    assert "sha256" not in dead["document"]
    assert dead["needs_review"] == []


def _put_result(s3: Buckets, data: Any) -> str:
    tasks = {"fnol": task_result(data).model_dump(mode="json")}
    body = {
        "job_id": "job_" + "0" * 24, "state": "succeeded", "tenant": "default", "metadata": {},
        "document": {"uri": "s3://incoming/a.pdf", "sha256": "0", "media_type": "text/plain",
                     "size": 1, "pages": 1, "tokens": 1},
        "tasks": tasks, "pool": "cpu", "worker": "w", "usage": {},
        "engine": {"kind": "scripted", "version": "0", "model": "m", "model_sha256": "0"},
        "timings": {"submitted_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:00Z",
                    "infer_seconds": 0},
    }  # fmt: skip
    s3.client.put_object(Bucket=s3.results, Key="r.json", Body=json.dumps(body).encode())
    return f"s3://{s3.results}/r.json"


async def test_a_full_event_leaves_out_what_is_too_large_or_gone(
    valkey_url: str, receiver: TestReceiver, s3: Buckets
) -> None:
    """And says so; the event itself arrives."""
    uri = _put_result(s3, {"text": "x" * 5000})
    small = SETTINGS.model_copy(update={"full_bytes": 1000})
    async with delivering(valkey_url, small) as scene:
        await scene.end_job(receiver.url, result_uri=uri, payload="full")
        missing = f"s3://{s3.results}/no.json"
        await scene.end_job(receiver.url, result_uri=missing, payload="full")
        await scene.settled()
    for arrival in receiver.arrivals:
        assert arrival.event["data"]["tasks_omitted"] is True
        assert "tasks" not in arrival.event["data"]
    assert len(receiver.arrivals) == 2


async def test_every_attempt_is_in_the_log_with_status_latency_and_the_first_kilobyte(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """Those that failed, the one that did not, and why no answer came."""
    receiver.answers(500, "x" * 3000)
    await scene.end_job(receiver.url)
    await scene.settled()
    receiver.answers(204)
    await scene.pass_time()
    (delivery,) = await scene.settled()
    assert delivery.state is JobState.SUCCEEDED
    failed, taken = delivery.history
    assert failed.answer is not None
    assert failed.failure is not None
    assert (failed.answer.status, failed.answer.text) == (500, "x" * 1024)
    assert failed.failure.code is FailureCode.DELIVERY_REFUSED
    assert taken.answer is not None
    assert (taken.answer.status, taken.failure, taken.number) == (204, None, 2)
    assert 0 <= taken.answer.latency_ms < 5000
    assert failed.at < taken.at
    job_id = await scene.end_job("http://127.0.0.1:1/")
    await scene.settled()
    unreachable, *_ = await scene.deliveries()
    assert unreachable.job_id == job_id
    assert unreachable.history[0].answer is not None
    assert unreachable.history[0].answer.status is None
    assert "Connect" in unreachable.history[0].answer.text


async def test_retry_after_is_honoured_up_to_a_day(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """In seconds or as a date, of a receiver that is throttling; nonsense is not."""
    date = (datetime.now(UTC) + timedelta(hours=2)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    for status, said, least, most in (
        (429, "600", 600, 721),
        (503, date, 7000, 8641),
        (429, "999999999", 86_400, 103_681),
        (429, "soon", 5, 7),
        (429, "Mon, 16 Nov 2026 13:32:02 +99999999999999999999", 5, 7),
        (500, "600", 5, 7),
    ):
        receiver.answers(status, retry_after=said)
        await scene.end_job(receiver.url)
        newest = (await scene.settled())[0]
        assert newest.due_at is not None
        wait = (newest.due_at - newest.history[0].at).total_seconds()
        assert least - 1 <= wait <= most + 5, (status, said, wait)
        await scene.ledger.deliveries.get(newest.id)
        receiver.answers(204)
        await scene.pass_time()
        await scene.settled()


async def test_events_of_one_job_are_numbered(scene: DeliverScene, receiver: TestReceiver) -> None:
    """Dead, then redriven and cancelled: the second event comes after the first, and says so."""
    job_id = await scene.end_job(receiver.url, state=JobState.DEAD)
    await scene.settled()
    await scene.ledger.dead_letters.redrive(job_id, Redrive())
    await scene.ledger.cancel(job_id)
    await scene.settled()
    assert [(one.event["type"], one.event["data"]["sequence"]) for one in receiver.arrivals] == [
        ("job.failed", 1),
        ("job.cancelled", 2),
    ]


async def test_a_private_receiver_is_refused_at_once_and_told_as_a_dead_letter(
    valkey_url: str, s3: Buckets, receiver: TestReceiver
) -> None:
    """By a worker whose allow-list does not name its network; nothing is sent."""
    assert s3.results
    async with delivering(valkey_url, CallbackSettings()) as scene:
        await scene.end_job(receiver.url)
        (delivery,) = await scene.settled()
        assert delivery.state is JobState.DEAD
        assert delivery.failure is not None
        assert delivery.failure.code is FailureCode.DELIVERY_FORBIDDEN
        assert "allow_networks" in delivery.failure.remedy
        assert receiver.arrivals == []


async def test_a_receiver_that_is_down_for_an_hour_gets_every_event(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """In at most the scheduled attempts; after it, nothing is left and nothing is dead."""
    schedule = SETTINGS.schedule_seconds
    endpoint = await scene.endpoint(receiver)
    receiver.answers(503)
    jobs = [await scene.end_job() for _ in range(20)]
    clock = 0.0
    for wait in schedule:
        clock += wait
        if clock > 3600:
            break
        await scene.settled_or_behind()
        await scene.pass_time()
    await scene.settled_or_behind()
    receiver.answers(204)
    receiver.arrivals.clear()
    for _ in range(60):
        await scene.pass_time()
        if all(one.state.closed for one in await scene.settled_or_behind()):
            break
    deliveries = await scene.deliveries()
    assert {one.state for one in deliveries} == {JobState.SUCCEEDED}
    assert sorted(arrival.event["data"]["id"] for arrival in receiver.arrivals) == sorted(jobs)
    assert all(len(one.history) <= len(schedule) + 1 for one in deliveries)
    assert (await scene.endpoints.get(DEFAULT_TENANT, endpoint.id)).state == "enabled"


async def test_a_receiver_never_has_more_under_way_than_its_bound(
    scene: DeliverScene,
) -> None:
    """Neither an endpoint with a bound of its own nor a callback, however many wait."""

    async def slow() -> web.Response:
        await asyncio.sleep(0.05)
        return web.Response(status=204)

    async with receiving() as narrow, receiving() as plain:
        narrow.answer = plain.answer = slow
        await scene.endpoint(narrow, concurrency=3)
        for _ in range(60):
            await scene.end_job(plain.url)
        await scene.settled()
        assert narrow.most_at_once <= 3
        assert plain.most_at_once <= 8
        assert len(narrow.arrivals) == len(plain.arrivals) == 60


async def test_a_broken_circuit_spares_a_dead_receiver_and_holds_no_place(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """Five failures in a row, then nothing until the break is over, then one that tries."""
    receiver.answers(500)
    await scene.endpoint(receiver, concurrency=1)
    for _ in range(30):
        await scene.end_job()
    await scene.until(lambda: len(receiver.arrivals) >= 5)
    await scene.settled_or_behind()
    await scene.sweep()
    assert len(receiver.arrivals) == 5
    for member in await scene.redis.zrange(keys.BROKEN, 0, -1):
        await scene.redis.zadd(keys.BROKEN, {member: 1}, xx=True)
    await scene.sweep()
    await scene.settled_or_behind()
    assert len(receiver.arrivals) == 6
    (depth,) = [one for one in (await scene.ledger.depth()).queues if one.queue == "deliver"]
    assert (depth.in_line, depth.dispatched, depth.leased, depth.behind) == (0, 0, 0, 24)
