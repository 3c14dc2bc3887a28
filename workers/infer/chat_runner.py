"""Chats: a request is read from its line and becomes a completion."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ledger.claim import Claim
from ledger.record import from_unix_ms
from schemas.document import DocumentRef, Prepared
from schemas.failure import FailureCode
from schemas.ids import JOB_PREFIX
from schemas.job import CHAT_TASK, JobSpec
from schemas.openai.batch_line import BatchLine
from schemas.openai.chat import (
    CHAT_VERSION,
    ChatRequest,
    ChatRequestError,
    JsonSchemaFormat,
    chat_request,
)
from schemas.openai.usage import usage_of
from schemas.result import TaskResult
from schemas.task import NamedTask, TaskKind
from settings.chat_models import ChatModels
from storage.objects import ObjectStore
from workers.engine.gated import GatedEngine
from workers.engine.protocol import EngineAnswer, EngineRequest, Sampling
from workers.errors import StageError
from workers.infer.draft import TaskDraft
from workers.infer.output import parse_output
from workers.infer.work import Answers, Work
from workers.metrics import step
from workers.models.adapter import Adapter
from workers.models.adapter_registry import TaskAdapters
from workers.objects import fetch_document

MEDIA_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class ChatTask:
    """The one task of a chat job, as results name it."""

    name: str = CHAT_TASK
    version: str = CHAT_VERSION
    kind: TaskKind = TaskKind.CHAT


CHAT = ChatTask()


class ChatRunner:
    """Runs chats on the engine that tasks run on; see Runner.

    Args:
        engine: Shared with the tasks.
        store: Holds the requests.
        adapters: Verified adapters.
        models: Adapters and base models by name.
        base: The pool's base model, as fleet.toml names it.
        seconds: Maximum seconds for one answer.
        line_bytes: Maximum size of a request.
    """

    def __init__(
        self,
        engine: GatedEngine,
        store: ObjectStore,
        adapters: TaskAdapters,
        models: ChatModels,
        *,
        base: str,
        seconds: float,
        line_bytes: int,
    ) -> None:
        self._engine = engine
        self._store = store
        self._adapters = adapters
        self._models = models
        self._base = base
        self._seconds = seconds
        self._line_bytes = line_bytes

    async def work(self, claim: Claim, spec: JobSpec, answers: Answers) -> Work:  # noqa: ARG002  # a chat is one question
        """Read the request of a chat job; see Runner."""
        request, facts = await self._read(spec.document)
        if isinstance(request.response_format, JsonSchemaFormat):
            schema = request.response_format.json_schema.json_schema
            await self._engine.admit(schema, tenant=spec.tenant, task=CHAT_TASK)

        async def run(task: NamedTask, request_id: str) -> TaskResult:
            draft = TaskDraft(task)
            return await draft.settled(
                self._completion(draft, request, claim, request_id, spec.tenant)
            )

        return Work([CHAT], facts, run)

    async def _read(self, document: DocumentRef) -> tuple[ChatRequest, Prepared]:
        with step("fetch"):
            data = await fetch_document(self._store, document, max_bytes=self._line_bytes)
        try:
            line = BatchLine.model_validate_json(data)
            # In a thread: a large schema takes a second, and leases must be renewed meanwhile.
            request = await asyncio.to_thread(chat_request, line.body)
        except ValidationError as error:
            raise StageError(
                FailureCode.REQUEST_INVALID, "The line is no request.", CHAT_TASK
            ) from error
        except ChatRequestError as error:
            raise StageError(FailureCode.REQUEST_INVALID, f"{error}.", CHAT_TASK) from error
        facts = Prepared(
            text_uri=document.uri,
            sha256=hashlib.sha256(data).hexdigest(),
            media_type=MEDIA_TYPE,
            size=len(data),
            pages=1,
            tokens=0,
        )
        return request, facts

    async def _completion(
        self, draft: TaskDraft, request: ChatRequest, claim: Claim, request_id: str, tenant: str
    ) -> dict[str, Any]:
        draft.adapter = self._adapter(request.model)
        question = engine_request(request, request_id, draft.adapter, tenant)
        draft.sampling = question.sampling
        answer = await self._engine.ask(
            question,
            seconds=self._seconds,
            task=CHAT_TASK,
            alone=claim.suspect,
        )
        draft.count(answer)
        with step("validate"):
            await asyncio.to_thread(check_answer, request, answer)
        return completion(request, claim, answer)

    def _adapter(self, name: str) -> Adapter | None:
        model = self._models.get(name)
        if model is None or (model.adapter is None and model.base != self._base):
            raise StageError(
                FailureCode.REQUEST_INVALID, f"This pool serves no model {name!r}.", CHAT_TASK
            )
        return None if model.adapter is None else self._adapters.at(model.adapter)


def engine_request(
    request: ChatRequest, request_id: str, adapter: Adapter | None, tenant: str
) -> EngineRequest:
    """Return a chat as a request to the engine."""
    return EngineRequest(
        request_id=request_id,
        messages=[message.plain() for message in request.messages],
        schema=request.output_schema,
        max_tokens=request.output_tokens,
        adapter=adapter,
        sampling=Sampling(
            temperature=request.temperature,
            top_p=request.top_p,
            seed=request.seed,
            stop=request.stop,
            frequency_penalty=request.frequency_penalty,
            presence_penalty=request.presence_penalty,
        ),
        tenant=tenant,
    )


def check_answer(request: ChatRequest, answer: EngineAnswer) -> None:
    """Raise OutputError unless an answer that is complete satisfies its schema.

    Skip validation when `max_tokens` or a stop sequence may have cut the answer.
    """
    if request.output_schema is None or answer.finish_reason == "length" or request.stop:
        return
    parse_output(answer, request.output_schema)


def completion(request: ChatRequest, claim: Claim, answer: EngineAnswer) -> dict[str, Any]:
    """Return the body of a `chat.completion`."""
    return {
        "id": f"chatcmpl-{claim.id.removeprefix(JOB_PREFIX)}",
        "object": "chat.completion",
        "created": int(from_unix_ms(claim.claimed_ms).timestamp()),
        "model": request.model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": answer.text, "refusal": None},
                "logprobs": None,
                "finish_reason": answer.finish_reason,
            }
        ],
        "usage": usage_of(answer.usage),
    }
