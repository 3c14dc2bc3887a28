"""Files, models and single chats over HTTP, as OpenAI's client sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import openai
import pytest

from ledger.errors import LedgerUnavailableError
from ledger.repeated_requests import Posts
from schemas.states import JobState
from settings.fleet import FleetSettings
from settings.sections.openai import OpenAiSettings
from tests.fixtures.batch_scene import MODEL, BatchScene, batch_scene, chat_line
from tests.fixtures.servers import Buckets
from tests.fixtures.waiting import until

HAIL: Any = [{"role": "user", "content": "Hail broke a skylight."}]
SLOW: Any = [{"role": "user", "content": "docfleet-fault: slow 60"}]


async def _only_job(scene: BatchScene) -> str:
    """The one chat job that there is, once it is there."""
    async with asyncio.timeout(20):
        while True:
            found = [key async for key in scene.redis.scan_iter("docfleet:record:job_*")]
            if found:
                return str(found[0]).removeprefix("docfleet:record:")
            await asyncio.sleep(0.02)


async def test_a_chat_is_answered_through_the_queue(batches: BatchScene) -> None:
    """The chat is a job of high priority, with a result like any other."""
    async with batches.working():
        answer = await batches.client.chat.completions.create(model=MODEL, messages=HAIL)
    assert answer.choices[0].message.content == "Hail broke a skylight."
    job = await batches.ledger.job(answer.id.replace("chatcmpl-", "job_"))
    assert job is not None
    assert (job.state, job.priority) == (JobState.SUCCEEDED, "high")


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"stream": True}, "invalid_request", "streaming is not served"),
        ({"model": "gpt-9"}, "model_not_found", "gpt-9"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "invalid_request", "tools"),
        ({"n": 2}, "invalid_request", "`n`"),
        (
            {"extra_body": {"response_format": {"type": "json_schema", "json_schema": {
                "name": "a", "schema": {"type": "object", "properties": {"a": {
                    "type": "number", "multipleOf": 3}}}}}}},
            "invalid_request",
            "multipleOf",
        ),
    ],
)  # fmt: skip
async def test_what_is_not_served_is_refused_before_there_is_a_job(
    batches: BatchScene, changes: dict[str, Any], code: str, words: str
) -> None:
    """With the place, in OpenAI's shape."""
    asked: dict[str, Any] = {"model": MODEL, "messages": HAIL, **changes}
    with pytest.raises((openai.BadRequestError, openai.NotFoundError)) as caught:
        await batches.client.chat.completions.create(**asked)
    assert caught.value.code == code
    assert words in caught.value.message
    assert (await batches.ledger.depth()).closed == {}


async def test_a_deadline_is_said_with_the_job_that_goes_on(batches: BatchScene) -> None:
    """504, which the client does not send again by itself."""
    with pytest.raises(openai.APIStatusError) as caught:
        await batches.client.chat.completions.create(
            model=MODEL, messages=HAIL, extra_headers={"x-docfleet-deadline": "0.2"}
        )
    assert caught.value.status_code == 504
    assert caught.value.response.headers["x-should-retry"] == "false"
    job_id = await _only_job(batches)
    assert job_id in caught.value.message
    assert await batches.ledger.state(job_id) is JobState.QUEUED


async def test_a_client_that_goes_away_cancels_its_chat(batches: BatchScene) -> None:
    """Nobody would read the answer."""
    asking = asyncio.create_task(batches.client.chat.completions.create(model=MODEL, messages=SLOW))
    job_id = await _only_job(batches)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    async with asyncio.timeout(20):
        while await batches.ledger.state(job_id) is not JobState.CANCELLED:
            await asyncio.sleep(0.02)


async def test_a_batch_whose_answer_was_lost_is_not_made_twice(
    batches: BatchScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis goes away half-way, and OpenAI's client sends the request again by itself."""
    remember = Posts.remember
    asked = []

    async def fails_once(posts: Posts, tenant: str, digest: str, record_id: str) -> None:
        asked.append(record_id)
        if len(asked) == 2:  # the first one is of the file
            raise LedgerUnavailableError("away")
        await remember(posts, tenant, digest, record_id)

    monkeypatch.setattr(Posts, "remember", fails_once)
    file = await batches.client.files.create(file=("a", chat_line("1").encode()), purpose="batch")
    made = await batches.client.with_options(max_retries=2).batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    assert len(asked) == 3
    assert [one.id async for one in batches.client.batches.list()] == [made.id]


async def test_a_client_that_comes_again_gets_a_job_of_its_own(batches: BatchScene) -> None:
    """The first one runs until its worker hears that it is cancelled."""
    again = batches.client.with_options(default_headers={"x-stainless-retry-count": "1"})
    asking = asyncio.create_task(batches.client.chat.completions.create(model=MODEL, messages=SLOW))
    job_id = await _only_job(batches)
    assert await batches.ledger.claim(job_id, "w2", 60) is not None
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await until(lambda: batches.redis.hexists(f"docfleet:record:{job_id}", "cancel"))

    async def forgotten() -> bool:
        return not await batches.redis.keys("docfleet:posted:*")

    await until(forgotten)
    asking = asyncio.create_task(again.chat.completions.create(model=MODEL, messages=SLOW))
    async with asyncio.timeout(20):
        while len(await batches.redis.keys("docfleet:record:job_*")) < 2:
            await asyncio.sleep(0.02)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


async def test_a_chat_that_fails_says_why(batches: BatchScene) -> None:
    """The failure's code is the error's."""
    refused: Any = [{"role": "user", "content": "docfleet-fault: request-refused"}]
    async with batches.working():
        with pytest.raises(openai.BadRequestError) as caught:
            await batches.client.chat.completions.create(model=MODEL, messages=refused)
    assert caught.value.code == "engine.refused"


async def test_models_are_the_base_models(batches: BatchScene) -> None:
    """Each can be asked for by name; another is 404."""
    assert [model.id async for model in batches.client.models.list()] == [MODEL]
    assert (await batches.client.models.retrieve(MODEL)).owned_by == "docfleet"
    with pytest.raises(openai.NotFoundError):
        await batches.client.models.retrieve("gpt-9")


async def test_a_file_comes_back_as_it_went_in(batches: BatchScene, s3: Buckets) -> None:
    """Larger than a part of an upload and a block of a download, byte by byte."""
    data = bytes(range(256)) * 4096 * 20
    file = await batches.client.files.create(
        file=("ü 1.jsonl", data),
        purpose="batch",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert (file.bytes, file.purpose) == (len(data), "batch")
    assert file.expires_at == file.created_at + 3600
    content = await batches.client.files.content(file.id)
    assert content.content == data
    stored = s3.client.head_object(Bucket=s3.work, Key=f"files/{file.id}")
    assert stored["ContentLength"] == len(data)


async def test_a_deleted_file_is_gone_at_once_and_its_object_soon(
    batches: BatchScene, s3: Buckets
) -> None:
    """404 for its owner; a worker deletes the object."""
    file = await batches.client.files.create(file=("a.jsonl", b"{}"), purpose="batch")
    assert (await batches.client.files.delete(file.id)).deleted
    with pytest.raises(openai.NotFoundError):
        await batches.client.files.content(file.id)
    assert [one async for one in batches.client.files.list()] == []
    async with batches.working("batch"), asyncio.timeout(20):
        while s3.client.list_objects_v2(Bucket=s3.work, Prefix="files/")["KeyCount"]:
            await asyncio.sleep(0.05)


async def test_a_file_that_is_too_large_is_refused_and_nothing_of_it_stays(
    settings: FleetSettings, s3: Buckets
) -> None:
    """While it is read."""
    small = settings.model_copy(update={"openai": OpenAiSettings(file_bytes=1000)})
    async with batch_scene(small) as scene:
        with pytest.raises(openai.APIStatusError) as caught:
            await scene.client.files.create(file=("a.jsonl", b" " * 1001), purpose="batch")
    assert (caught.value.status_code, caught.value.code) == (413, "file_too_large")
    assert s3.client.list_objects_v2(Bucket=s3.work)["KeyCount"] == 0


async def test_an_upload_that_comes_again_makes_one_file(batches: BatchScene) -> None:
    """The client says that it got no answer."""
    made = [
        await batches.client.files.create(
            file=("a.jsonl", b"{}"),
            purpose="batch",
            extra_headers={"x-stainless-retry-count": str(retry)},
        )
        for retry in (0, 1, 0)
    ]
    assert made[0].id == made[1].id != made[2].id


async def test_files_are_listed_page_by_page(batches: BatchScene) -> None:
    """In either order."""
    create = batches.client.files.create
    made = [(await create(file=("a.jsonl", b"{}"), purpose="batch")).id for _ in range(5)]
    files = batches.client.files
    assert [file.id async for file in files.list(limit=2)] == made[::-1]
    assert [file.id async for file in files.list(limit=2, order="asc")] == made


@pytest.mark.parametrize("purpose", ["fine-tune", "assistants"])
async def test_only_files_of_batches_are_taken(batches: BatchScene, purpose: Any) -> None:
    """400 that names the purpose."""
    with pytest.raises(openai.BadRequestError) as caught:
        await batches.client.files.create(file=("a.jsonl", b"{}"), purpose=purpose)
    assert caught.value.param == "purpose"


async def _client_of(scene: BatchScene, tenant: str) -> openai.AsyncOpenAI:
    """A client with a key of its own."""
    body = {"label": tenant, "tenant": tenant, "scopes": ["submit", "read"]}
    made: Any = await scene.client.post("/keys", body=body, cast_to=object)
    return scene.client.with_options(api_key=made["key"])


async def test_a_tenant_never_sees_anothers_files_and_batches(batches: BatchScene) -> None:
    """Not in lists, and not by id: the same answer as for what was never there."""
    mine, theirs = [await _client_of(batches, tenant) for tenant in ("acme", "globex")]
    file = await mine.files.create(file=("a.jsonl", chat_line("1").encode()), purpose="batch")
    window: Any = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}
    batch = await mine.batches.create(input_file_id=file.id, **window)
    assert [one.id async for one in mine.batches.list()] == [batch.id]
    assert [one async for one in theirs.files.list()] == []
    assert [one async for one in theirs.batches.list()] == []
    asked: list[Callable[[], Awaitable[Any]]] = [
        lambda: theirs.files.retrieve(file.id),
        lambda: theirs.files.content(file.id),
        lambda: theirs.files.delete(file.id),
        lambda: theirs.batches.create(input_file_id=file.id, **window),
        lambda: theirs.batches.retrieve(batch.id),
        lambda: theirs.batches.cancel(batch.id),
        lambda: theirs.files.retrieve(batch.id),
        lambda: theirs.files.delete(batch.id),
        lambda: theirs.batches.create(input_file_id=batch.id, **window),
    ]
    for ask in asked:
        with pytest.raises(openai.NotFoundError):
            await ask()


@pytest.mark.parametrize(
    ("boundary", "more", "words"),
    [
        ("b", 0, "ends before its last boundary"),
        ("b" * 5000, 0, "cannot be read"),
        ("b", 20, "more than 16 fields"),
    ],
)
async def test_a_form_that_is_cut_off_or_has_no_end_of_fields_makes_no_file(
    batches: BatchScene, s3: Buckets, boundary: str, more: int, words: str
) -> None:
    """Half of its lines would be a batch of their own, and millions of fields fill the memory."""
    fields = {
        "purpose": "batch",
        **{f"f{number}": "" for number in range(more)},
        "file": chat_line("1"),
    }
    body = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    url = f"{batches.client.base_url}files"
    headers = {
        "Authorization": f"Bearer {batches.client.api_key}",
        "Content-Type": f"multipart/form-data; boundary={boundary}",
    }
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(url, data=body.encode()) as answer,
    ):
        told = await answer.json()
    assert (answer.status, told["error"]["code"]) == (400, "invalid_form")
    assert words in told["error"]["message"]
    assert s3.client.list_objects_v2(Bucket=s3.work)["KeyCount"] == 0


@pytest.mark.parametrize("body", ["[" * 40_000, '{"model": "\\ud800"}', "[]", "{"])
async def test_a_body_that_is_no_json_object_is_refused(batches: BatchScene, body: str) -> None:
    """However it is none."""
    with pytest.raises(openai.BadRequestError) as caught:
        await batches.client.post("/chat/completions", content=body.encode(), cast_to=object)
    assert caught.value.code == "invalid_json"


@pytest.mark.parametrize(
    ("api_key", "headers", "error"),
    [
        ("docfleet_wrong", {}, openai.AuthenticationError),
        (None, {"Docfleet-Tenant": "no tenant"}, openai.BadRequestError),
    ],
)
async def test_a_refusal_at_the_door_is_one_that_the_client_understands(
    batches: BatchScene,
    api_key: str | None,
    headers: dict[str, str],
    error: type[openai.APIStatusError],
) -> None:
    """Code and message, as of every other error."""
    client = batches.client if api_key is None else batches.client.with_options(api_key=api_key)
    with pytest.raises(error) as caught:
        await client.models.list(extra_headers=headers)
    assert caught.value.code in {"unauthorized", "invalid-request"}
    assert caught.value.type == "invalid_request_error"
