"""Synchronous chats through the queue: submit a job, wait for its end, return its completion."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from ledger.errors import LedgerFullError, TenantQuotaError
from ledger.ledger import Ledger
from producer.openai.errors import NO_RETRY, OpenAiError
from schemas.document import DocumentRef
from schemas.failure import Failure
from schemas.ids import new_job_id, result_key
from schemas.job import CHAT_TASK, JobSpec, Priority
from schemas.openai.batch_line import BatchLine
from schemas.openai.chat import CHAT_ENDPOINT, ChatRequestError, chat_request
from schemas.openai.error import failure_answer
from schemas.result import MAX_RESULT_BYTES, JobResult
from schemas.states import JobState
from settings.chat_models import ChatModels
from settings.fleet import FleetSettings
from storage.objects import ObjectStore

_FIRST_LOOK_SECONDS = 0.01
_MOST_BETWEEN_LOOKS_SECONDS = 1.0
_LOOKING_SHARE = 20
"""Divisor of the waited time: a chat is polled more rarely the longer it waits, since hundreds
may wait."""
_OBJECT = TypeAdapter(dict[str, Any])


class AbandonedError(Exception):
    """The client of a chat no longer waits."""


class ReadChat(NamedTuple):
    """A chat that is served as it is written.

    Attributes:
        values: Its JSON.
        model: The model that it names.
    """

    values: dict[str, Any]
    model: str


def read_chat(body: bytes) -> ReadChat:
    """Read a request; a large schema takes a while.

    Args:
        body: JSON.

    Raises:
        OpenAiError: The request is not served.
    """
    values = _values(body)
    try:
        return ReadChat(values, chat_request(values).model)
    except ChatRequestError as error:
        raise OpenAiError(
            HTTPStatus.BAD_REQUEST, f"{error}.", code="invalid_request", param=error.param
        ) from error


class Chats:
    """Service for single chats.

    Args:
        settings: The fleet's.
        ledger: Holds their jobs.
        store: Holds requests and results.
        models: Models that can be asked.
    """

    def __init__(
        self, settings: FleetSettings, ledger: Ledger, store: ObjectStore, models: ChatModels
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._store = store
        self._models = models

    async def submit(self, chat: ReadChat, tenant: str, digest: str) -> str:
        """Submit a request as a job; return the job's id.

        Args:
            chat: The request.
            tenant: The owner of the chat.
            digest: Digest of the request, under which a repeated request finds the job.

        Raises:
            OpenAiError: The request is not served.
        """
        model = self._models.get(chat.model)
        if model is None:
            raise OpenAiError(
                HTTPStatus.NOT_FOUND,
                f"There is no model {chat.model!r}; GET /v1/models lists them.",
                code="model_not_found",
                param="model",
            )
        job_id = new_job_id()
        line = BatchLine(custom_id=job_id, url=CHAT_ENDPOINT, body=chat.values)
        uri = f"s3://{self._settings.work_bucket}/chats/{result_key(job_id)}"
        await self._store.put(uri, line.model_dump_json().encode(), media_type="application/json")
        spec = JobSpec(
            document=DocumentRef(uri=uri),
            tasks=(CHAT_TASK,),
            tenant=tenant,
            priority=Priority.HIGH,
        )
        await self._ledger.posts.remember(tenant, digest, job_id)
        quota = self._settings.quota(tenant)
        try:
            await self._ledger.submit(job_id, spec, pool=model.pool, quota=quota)
        except (LedgerFullError, TenantQuotaError):  # a refused request must leave nothing behind
            await self._ledger.posts.forget(tenant, digest)
            raise
        return job_id

    async def again(self, tenant: str, digest: str) -> str | None:
        """Return the job of the same request, if it exists and was not cancelled."""
        job_id = await self._ledger.posts.made(tenant, digest)
        if job_id is None:
            return None
        state = await self._ledger.state(job_id)
        return None if state in {None, JobState.CANCELLED} else job_id

    async def forget(self, tenant: str, digest: str) -> None:
        """Make the same request create a job of its own when it comes again."""
        await self._ledger.posts.forget(tenant, digest)

    async def completion(
        self, job_id: str, *, seconds: float, abandoned: Callable[[], Awaitable[bool]]
    ) -> Any:
        """Wait for a chat's completion.

        Args:
            job_id: The chat's job.
            seconds: Maximum seconds to wait.
            abandoned: Tells whether the client no longer waits; the job is then cancelled.

        Raises:
            OpenAiError: The chat failed, or had not ended when the time was up.
            AbandonedError: The client no longer waits.
        """
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + seconds
        while not (state := await self._ledger.state(job_id) or JobState.CANCELLED).closed:
            if await abandoned():
                await self._ledger.cancel(job_id)
                raise AbandonedError(job_id)
            left = give_up_at - loop.time()
            if left <= 0:
                raise OpenAiError(
                    HTTPStatus.GATEWAY_TIMEOUT,
                    f"{job_id} is still {state} after {seconds:g} s and goes on: "
                    f"GET /v1/jobs/{job_id}/result will have its completion.",
                    code="deadline_exceeded",
                    headers=NO_RETRY,
                )
            pause = max(_FIRST_LOOK_SECONDS, (seconds - left) / _LOOKING_SHARE)
            await asyncio.sleep(min(pause, left, _MOST_BETWEEN_LOOKS_SECONDS))
        return await self._ended(job_id, state)

    async def _ended(self, job_id: str, state: JobState) -> Any:
        if state is JobState.SUCCEEDED:
            uri = f"s3://{self._settings.results_bucket}/{result_key(job_id)}"
            data = await self._store.get(uri, max_bytes=MAX_RESULT_BYTES)
            return JobResult.model_validate_json(data).tasks[CHAT_TASK].data
        job = await self._ledger.job(job_id)
        if job is None or job.failure is None:
            raise OpenAiError(
                HTTPStatus.CONFLICT, f"{job_id} was cancelled.", code="cancelled", headers=NO_RETRY
            )
        raise _failed(job.failure)


def _failed(failure: Failure) -> OpenAiError:
    status, body = failure_answer(failure)
    return OpenAiError(status, body["error"]["message"], code=failure.code, headers=NO_RETRY)


def _values(body: bytes) -> Any:
    """Parse as strictly as the worker does: no half of a surrogate pair, no deep nesting."""
    try:
        return _OBJECT.validate_json(body)
    except ValidationError as error:
        words = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise OpenAiError(
            HTTPStatus.BAD_REQUEST, f"The body is no JSON object: {words}.", code="invalid_json"
        ) from error
