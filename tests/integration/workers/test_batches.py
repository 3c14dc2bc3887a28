"""Batches, as OpenAI's client sees them: on a real ledger and a real store."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import openai
import pytest

from ledger.errors import LeaseLostError
from ledger.openai.batches import line_job_id
from schemas.dead_letter import Redrive
from schemas.failure import Failure, FailureCode
from schemas.openai.batch import BatchError
from schemas.queues import BATCH_QUEUE
from schemas.states import JobState
from schemas.webhooks.event import EventType
from settings.fleet import FleetSettings
from settings.sections.openai import OpenAiSettings
from settings.sections.tenants import TenantSettings
from tests.fixtures.batch_scene import BatchScene, batch_scene, chat_line
from tests.fixtures.servers import Buckets
from tests.fixtures.waiting import until
from workers.batch.line import RawLine, ReadLine, read_line
from workers.errors import StageError

SCHEMA = {
    "type": "object",
    "properties": {"thing": {"type": "string", "maxLength": 20}},
    "required": ["thing"],
    "additionalProperties": False,
}


def _lines(count: int, **changes: Any) -> list[str]:
    return [chat_line(f"c-{n}", f"Claim {n}.", **changes) for n in range(count)]


async def test_every_line_is_answered_once_in_the_order_of_the_file(batches: BatchScene) -> None:
    """The answers in one file, the refused and the failed in another; counts and usage add up."""
    lines = _lines(20)
    lines[3] = chat_line("c-3", tools=[])
    lines[5] = chat_line("c-5", "docfleet-fault: request-refused")
    batch = await batches.batch(lines, metadata={"month": "May"})
    assert (batch.status, batch.object, batch.metadata) == ("validating", "batch", {"month": "May"})
    async with batches.working():
        batch = await batches.until(batch)
    assert batch.status == "completed"
    counts = batch.request_counts
    assert counts is not None
    assert (counts.total, counts.completed, counts.failed) == (20, 18, 2)
    output = await batches.lines(batch.output_file_id)
    assert [line["custom_id"] for line in output] == [
        f"c-{n}" for n in range(20) if n not in {3, 5}
    ]
    first = output[0]["response"]
    assert (first["status_code"], first["body"]["object"]) == (200, "chat.completion")
    assert first["body"]["choices"][0]["message"]["content"] == "Claim 0."
    errors = {line["custom_id"]: line for line in await batches.lines(batch.error_file_id)}
    assert errors.keys() == {"c-3", "c-5"}
    refused, failed = (errors[name]["response"]["body"]["error"] for name in ("c-3", "c-5"))
    assert (refused["code"], refused["param"]) == ("request.invalid", "tools")
    assert failed["code"] == "engine.refused"
    assert batch.usage is not None
    total = sum(line["response"]["body"]["usage"]["total_tokens"] for line in output)
    assert batch.usage.total_tokens == total
    times = (batch.created_at, batch.in_progress_at, batch.finalizing_at, batch.completed_at)
    assert list(times) == sorted(time for time in times if time is not None)


async def test_a_line_is_a_job_of_low_priority_that_names_its_batch(batches: BatchScene) -> None:
    """The job can be found, and its result is in the results bucket."""
    batch = await batches.batch(_lines(1))
    async with batches.working():
        await batches.until(batch)
    job = await batches.ledger.job(line_job_id(batch.id, 1))
    assert job is not None
    assert (job.state, job.tasks, job.priority) == (JobState.SUCCEEDED, ("chat",), "low")
    assert job.batch_id == batch.id
    assert job.result_uri == f"s3://{batches.settings.results_bucket}/{job.id}.json"


async def test_guided_answers_satisfy_their_schema(batches: BatchScene) -> None:
    """The answers are checked like those of chat completions."""
    wrapped = {"name": "loss", "strict": True, "schema": SCHEMA}
    guided = {"type": "json_schema", "json_schema": wrapped}
    batch = await batches.batch(_lines(3, response_format=guided))
    async with batches.working():
        batch = await batches.until(batch)
    for line in await batches.lines(batch.output_file_id):
        content = line["response"]["body"]["choices"][0]["message"]["content"]
        assert list(json.loads(content)) == ["thing"]


@pytest.mark.parametrize(
    ("bad", "code", "param"),
    [
        ("{nonsense", "invalid_json_line", None),
        ('["a"]', "invalid_line", None),
        ('{"custom_id": "b", "url": "/v1/chat/completions"}', "invalid_line", "body"),
        (chat_line(""), "invalid_line", "custom_id"),
        (chat_line("c-0"), "duplicate_custom_id", "custom_id"),
        (chat_line("b").replace("chat/completions", "embeddings"), "invalid_url", "url"),
        (chat_line("b").replace("POST", "GET"), "invalid_method", "method"),
        (chat_line("b", stream=True), "streaming_not_supported", "body.stream"),
        (chat_line("b", model="gpt-9"), "model_not_found", "body.model"),
    ],
)
async def test_a_file_that_cannot_be_meant_so_fails_as_a_whole_and_nothing_of_it_runs(
    batches: BatchScene, bad: str, code: str, param: str | None
) -> None:
    """With the number of the line, counted as an editor counts."""
    batch = await batches.batch([*_lines(1), "", bad])
    async with batches.working():
        batch = await batches.until(batch)
    assert (batch.status, batch.output_file_id, batch.error_file_id) == ("failed", None, None)
    assert batch.failed_at is not None
    assert batch.errors is not None
    assert batch.errors.data is not None
    (error,) = batch.errors.data
    assert (error.code, error.line, error.param) == (code, 3, param)
    assert await batches.ledger.job(line_job_id(batch.id, 1)) is None


@pytest.mark.parametrize("data", [b"", b"\n\n \r\n"])
async def test_a_file_without_requests_fails(batches: BatchScene, data: bytes) -> None:
    """The error says that the file is empty."""
    batch = await batches.batch(data)
    async with batches.working():
        batch = await batches.until(batch)
    assert batch.errors is not None
    assert batch.errors.data is not None
    assert batch.errors.data[0].code == "empty_file"


async def test_a_file_with_too_many_requests_fails(settings: FleetSettings) -> None:
    """The limit is said."""
    few = settings.model_copy(update={"openai": OpenAiSettings(batch_lines=3)})
    async with batch_scene(few) as scene:
        batch = await scene.batch(_lines(4))
        async with scene.working():
            batch = await scene.until(batch)
        assert batch.errors is not None
        assert batch.errors.data is not None
        assert batch.errors.data[0].code == "too_many_requests"


async def test_a_mark_at_the_head_and_foreign_line_ends_are_taken(batches: BatchScene) -> None:
    """Editors on Windows write such files."""
    data = b"\xef\xbb\xbf" + "\r\n".join(_lines(3)).encode() + b"\r\n"
    batch = await batches.batch(data)
    async with batches.working():
        batch = await batches.until(batch)
    assert (await batches.answers(batch)).keys() == {"c-0", "c-1", "c-2"}


async def test_a_file_of_many_blocks_is_read_line_by_line(batches: BatchScene) -> None:
    """Lines lie across the ends of blocks, and each job's document is its own line."""
    padding = "word " * 20_000
    lines = [chat_line(f"c-{n}", f"Claim {n}. {padding}", max_tokens=2) for n in range(60)]
    batch = await batches.batch(lines)
    async with batches.working():
        batch = await batches.until(batch)
    # Too long for the pool's context: each is refused, with its own numbers.
    errors = await batches.lines(batch.error_file_id)
    assert [line["custom_id"] for line in errors] == [f"c-{n}" for n in range(60)]
    codes = {line["response"]["body"]["error"]["code"] for line in errors}
    assert codes == {"document.too_long"}


async def test_cancelling_keeps_what_is_done(batches: BatchScene) -> None:
    """Waiting jobs are cancelled, running ones are stopped, and both are in the error file."""
    lines = [*_lines(3), *(chat_line(f"slow-{n}", "docfleet-fault: slow 60") for n in range(40))]
    batch = await batches.batch(lines)
    async with batches.working():
        async with asyncio.timeout(30):
            while (await batches.client.batches.retrieve(batch.id)).request_counts.completed < 3:  # type: ignore[union-attr]  # always there
                await asyncio.sleep(0.02)
        cancelling = await batches.client.batches.cancel(batch.id)
        assert cancelling.status == "cancelling"
        batch = await batches.until(batch)
    assert (batch.status, batch.cancelling_at is None) == ("cancelled", False)
    answers = await batches.answers(batch)
    assert len(answers) == 43
    assert [answers[f"c-{n}"]["response"]["status_code"] for n in range(3)] == [200] * 3
    assert {answers[f"slow-{n}"]["error"]["code"] for n in range(40)} == {"batch_cancelled"}
    again = await batches.client.batches.cancel(batch.id)
    assert again.status == "cancelled"


async def test_a_batch_can_be_cancelled_before_it_is_read(batches: BatchScene) -> None:
    """The batch has no files then."""
    batch = await batches.batch(_lines(3))
    await batches.client.batches.cancel(batch.id)
    async with batches.working():
        batch = await batches.until(batch)
    assert (batch.status, batch.output_file_id, batch.error_file_id) == ("cancelled", None, None)


async def test_a_batch_that_has_ended_cannot_be_cancelled(batches: BatchScene) -> None:
    """409, which the client does not send again."""
    batch = await batches.batch(_lines(1))
    async with batches.working():
        await batches.until(batch)
    with pytest.raises(openai.ConflictError) as caught:
        await batches.client.batches.cancel(batch.id)
    assert caught.value.code == "batch_ended"
    assert caught.value.response.headers["x-should-retry"] == "false"


async def test_a_window_that_is_over_ends_the_batch_with_what_is_done(batches: BatchScene) -> None:
    """A window of seconds is kept to."""
    lines = [*_lines(3), chat_line("slow", "docfleet-fault: slow 60")]
    batch = await batches.batch(lines, "6s")
    async with batches.working():
        batch = await batches.until(batch)
    assert batch.status == "expired"
    assert batch.expired_at is not None
    answers = await batches.answers(batch)
    assert answers["slow"]["error"]["code"] == "batch_expired"
    assert answers["c-0"]["response"]["status_code"] == 200


async def test_the_reading_goes_on_where_it_was_when_a_worker_died(
    batches: BatchScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever that was: each line becomes one job."""
    monkeypatch.setattr("workers.batch.stage._LINES_AT_ONCE", 7)
    submit, calls = batches.ledger.batches.submit_lines, []

    async def dies_now_and_then(*args: Any, **kwargs: Any) -> str:
        answer = "" if len(calls) % 3 == 0 else await submit(*args, **kwargs)
        calls.append(answer)
        if len(calls) % 3:  # before it was written, or after
            raise LeaseLostError("as if the worker had died")
        return answer

    monkeypatch.setattr(batches.ledger.batches, "submit_lines", dies_now_and_then)
    batch = await batches.batch(_lines(50))
    async with batches.working():
        async with asyncio.timeout(60):
            while (await batches.client.batches.retrieve(batch.id)).status != "completed":
                # A lease that nobody works under ends.
                for record in await batches.redis.zrange(f"docfleet:leased:{BATCH_QUEUE}", 0, -1):
                    if record not in {claim.id for claim in batches.attempts.claims}:
                        await batches.redis.zadd(f"docfleet:leased:{BATCH_QUEUE}", {record: 1})
                await asyncio.sleep(0.01)
        batch = await batches.until(batch)
    assert len(calls) > 8
    assert (await batches.answers(batch)).keys() == {f"c-{n}" for n in range(50)}


async def test_files_that_were_half_written_when_a_worker_died_are_written_again(
    batches: BatchScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the same ids, and listed once."""
    write, broken = batches.batch_stage._files._keep, []

    async def fails_once(*args: Any) -> str:
        file_id = await write(*args)
        if not broken:
            broken.append(file_id)
            raise StageError(FailureCode.STORAGE_UNAVAILABLE, "As if the worker had died.")
        return file_id

    monkeypatch.setattr(batches.batch_stage._files, "_keep", fails_once)
    batch = await batches.batch([*_lines(3), chat_line("bad", n=2)])
    async with batches.working():
        batch = await batches.until(batch)
    assert batch.output_file_id == broken[0]
    assert len(await batches.answers(batch)) == 4
    listed = [file.id async for file in batches.client.files.list(purpose="batch_output")]
    assert sorted(listed) == sorted(filter(None, [batch.output_file_id, batch.error_file_id]))


async def test_a_tenant_at_its_quota_has_its_batch_fed_as_there_is_room(
    settings: FleetSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is refused, and the line is never longer than it may be."""
    monkeypatch.setattr("workers.batch.stage._LINES_AT_ONCE", 5)
    monkeypatch.setattr("workers.batch.stage._NO_ROOM_SECONDS", 0.05)
    bound = settings.model_copy(update={"tenants": {"default": TenantSettings(max_queued=10)}})
    async with batch_scene(bound) as scene:
        batch = await scene.batch(_lines(100))
        async with scene.working("batch"):
            async with asyncio.timeout(30):
                while (await scene.ledger.batches.get(batch.id)).written == 0:  # type: ignore[union-attr]  # it is there
                    await asyncio.sleep(0.02)
            await asyncio.sleep(0)
            assert await scene.redis.zcard("docfleet:line:infer.cpu:default~low") <= 10
        async with scene.working():
            batch = await scene.until(batch)
        assert len(await scene.answers(batch)) == 100


async def test_a_dead_line_can_be_redriven_while_its_batch_runs(batches: BatchScene) -> None:
    """The line is counted once, with its final outcome."""
    lines = [chat_line("bad", "docfleet-fault: request-refused"), *_lines(2)]
    batch = await batches.batch(lines)
    async with batches.working("batch"):
        batch = await batches.until(batch, "in_progress")
        async with asyncio.timeout(10):
            while (await batches.ledger.batches.get(batch.id)).jobs is None:  # type: ignore[union-attr]  # it is there
                await asyncio.sleep(0.02)
    bad = line_job_id(batch.id, 1)
    claim = await batches.ledger.claim(bad, "w0", 30)
    assert claim is not None
    failure = Failure.of(FailureCode.ENGINE_ERROR, "It failed.")
    await batches.ledger.finish(claim, JobState.DEAD, failure=failure)
    record = await batches.ledger.batches.get(batch.id)
    assert record is not None
    assert record.failed == 1
    await batches.ledger.dead_letters.redrive(bad, Redrive())
    record = await batches.ledger.batches.get(batch.id)
    assert record is not None
    assert record.failed == 0
    async with batches.working():
        batch = await batches.until(batch)
    counts = batch.request_counts
    assert counts is not None
    assert (counts.completed, counts.failed) == (2, 1)


async def test_the_end_is_told_of_with_an_event_that_openais_client_knows(
    batches: BatchScene,
) -> None:
    """A delivery of its own, of the batch and of no line."""
    callback = {"callback": {"url": "http://claims.test/"}}
    batch = await batches.batch(_lines(2), extra_body=callback)
    async with batches.working():
        batch = await batches.until(batch)
        await until(lambda: batches.redis.llen("deliver"))
    deliveries = [key async for key in batches.redis.scan_iter("docfleet:record:msg_*")]
    (delivery,) = deliveries
    spec = json.loads(await batches.redis.hget(delivery, "spec"))
    assert (spec["job"], spec["event"]) == (batch.id, EventType.BATCH_COMPLETED)


async def test_batches_are_listed_newest_first_page_by_page(batches: BatchScene) -> None:
    """The client reads the pages in its usual way."""
    made = [(await batches.batch(_lines(1))).id for _ in range(5)]
    listed = [batch.id async for batch in batches.client.batches.list(limit=2)]
    assert listed == made[::-1]
    page = await batches.client.batches.list(limit=2, after=made[2])
    assert ([batch.id for batch in page.data], page.has_more) == ([made[1], made[0]], False)


async def test_a_create_that_comes_again_makes_one_batch(batches: BatchScene) -> None:
    """The client says that it got no answer; a create that is new makes another one."""
    file = await batches.client.files.create(
        file=("a.jsonl", _lines(1)[0].encode()), purpose="batch"
    )
    made = [
        await batches.client.batches.create(
            input_file_id=file.id,
            endpoint="/v1/chat/completions",
            completion_window="24h",
            extra_headers={"x-stainless-retry-count": str(retry)},
        )
        for retry in (0, 1, 2, 0)
    ]
    assert made[0].id == made[1].id == made[2].id != made[3].id


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"input_file_id": "file-nope"}, "file-nope"),
        ({"endpoint": "/v1/embeddings"}, "endpoint"),
        ({"completion_window": "soon"}, "window"),
        ({"completion_window": "15d"}, "window"),
        ({"metadata": {"a": "b" * 513}}, "metadata"),
        ({"extra_body": {"colour": "red"}}, "colour"),
    ],
)
async def test_a_batch_that_cannot_be_made_is_refused_in_openais_words(
    batches: BatchScene, changes: dict[str, Any], words: str
) -> None:
    """An error object with a message that names the place."""
    file = await batches.client.files.create(file=("a.jsonl", b"{}"), purpose="batch")
    asked: dict[str, Any] = {
        "input_file_id": file.id,
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        **changes,
    }
    with pytest.raises((openai.BadRequestError, openai.NotFoundError)) as caught:
        await batches.client.batches.create(**asked)
    assert words in caught.value.message
    assert caught.value.type == "invalid_request_error"


async def test_an_unknown_batch_is_404(batches: BatchScene) -> None:
    """Also when another record has the id."""
    file = await batches.client.files.create(file=("a.jsonl", b"{}"), purpose="batch")
    for batch_id in ("batch_nope", file.id, "job_" + "0" * 24):
        with pytest.raises(openai.NotFoundError):
            await batches.client.batches.retrieve(batch_id)


async def test_an_input_file_that_is_deleted_stays_until_its_batch_has_ended(
    batches: BatchScene, s3: Buckets
) -> None:
    """The file is gone for its owner at once, and the batch goes on."""
    batch = await batches.batch(_lines(3))
    await batches.client.files.delete(batch.input_file_id)
    with pytest.raises(openai.NotFoundError):
        await batches.client.files.retrieve(batch.input_file_id)
    async with batches.working():
        batch = await batches.until(batch)
    assert (await batches.answers(batch)).keys() == {"c-0", "c-1", "c-2"}
    key = f"files/{batch.input_file_id}"
    assert s3.client.head_object(Bucket=s3.work, Key=key)["ContentLength"] > 0


async def test_a_tenants_costly_files_do_not_hold_another_tenants_batch_up(
    batches: BatchScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six of them take minutes to read; one line of another tenant is read meanwhile."""

    def slowly(raw: RawLine, *rest: Any) -> ReadLine | BatchError:
        if b"costly" in raw.data:
            time.sleep(0.05)  # what a large schema takes
        return read_line(raw, *rest)

    monkeypatch.setattr("workers.batch.input.read_line", slowly)
    acme = [chat_line(f"costly-{n}") for n in range(600)]
    as_acme = {"Docfleet-Tenant": "acme"}
    async with batches.working("batch"):
        costly = [await batches.batch(acme, extra_headers=as_acme) for _ in range(6)]
        one = await batches.batch([chat_line("one")])
        await batches.until(one, "in_progress")
        acmes = batches.client.with_options(default_headers=as_acme)
        found = [(await acmes.batches.retrieve(batch.id)).status for batch in costly]
    assert found == ["validating"] * 6
