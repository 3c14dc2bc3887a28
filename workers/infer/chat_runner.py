"""A chat job: its request, read from its line, and the completion that comes of it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from pydantic import ValidationError

from ledger.claim import Claim
from ledger.record import moment
from schemas.document import DocumentRef, Prepared
from schemas.failure import FailureCode
from schemas.ids import JOB_PREFIX
from schemas.json_schema.validator import answer_validator
from schemas.openai.batch_line import BatchLine
from schemas.openai.chat import CHAT_TASK, CHAT_VERSION, ChatRequest, ChatRequestError, chat_request
from schemas.openai.usage import usage_of
from schemas.result import AdapterVersion, TaskResult, TaskStatus
from schemas.task import TaskKind
from settings.chat_models import ChatModels
from storage.objects import ObjectStore
from workers.engine.ask import ask
from workers.engine.gate import Gate
from workers.engine.protocol import Engine, EngineAnswer, EngineRequest, Sampling
from workers.errors import StageError
from workers.infer.output import OutputError, parse_output
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


def is_chat(tasks: Sequence[str]) -> bool:
    """Whether a job of these tasks is a chat."""
    return tuple(tasks) == (CHAT_TASK,)


class ChatRunner:
    """Runs chats on one engine, behind the same gate as tasks.

    Args:
        engine: Started.
        gate: Shared by all that the engine runs.
        adapters: Verified.
        models: What names stand for.
        base: The pool's base model, as fleet.toml names it.
        seconds: How long one answer may take.
        line_bytes: The most that a request may have.
    """

    def __init__(
        self,
        engine: Engine,
        gate: Gate,
        adapters: TaskAdapters,
        models: ChatModels,
        *,
        base: str,
        seconds: float,
        line_bytes: int,
    ) -> None:
        self._engine = engine
        self._gate = gate
        self._adapters = adapters
        self._models = models
        self._base = base
        self._seconds = seconds
        self._line_bytes = line_bytes

    async def read(self, store: ObjectStore, document: DocumentRef) -> tuple[ChatRequest, Prepared]:
        """The request of a chat job, and what results say of its document.

        Raises:
            StageError: It cannot be had, or is not served.
        """
        with step("fetch"):
            data = await fetch_document(store, document, max_bytes=self._line_bytes)
        try:
            line = BatchLine.model_validate_json(data)
            # In a thread: a large schema takes a second, in which leases have to be renewed.
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

    async def run(
        self, request: ChatRequest, claim: Claim, request_id: str, *, alone: bool
    ) -> TaskResult:
        """The completion; a permanent failure is a result too.

        Args:
            request: What to do.
            claim: The attempt's.
            request_id: Unique among the requests in flight.
            alone: Whether the engine may run nothing beside it.

        Raises:
            StageError: Something failed that may not fail the next time, or not elsewhere.
            GateClosedError: The engine is gone, and the chat had not reached it.
        """
        async with self._gate.passage(alone=alone):
            started = monotonic()
            said: dict[str, Any] = {}
            try:
                adapter = self._adapter(request.model)
                if adapter is not None:
                    said["adapter"] = AdapterVersion(name=adapter.name, sha256=adapter.sha256)
                answer = await ask(
                    self._engine,
                    self._gate,
                    engine_request(request, request_id, adapter),
                    seconds=self._seconds,
                    task=CHAT_TASK,
                )
                said["usage"] = answer.usage
                with step("validate"):
                    check_answer(request, answer)
                said |= {
                    "status": TaskStatus.SUCCEEDED,
                    "data": completion(request, claim, answer),
                }
            except StageError as error:
                code = error.failure.code
                if error.failure.transient or code is FailureCode.DOCUMENT_TOO_LONG:
                    raise
                if isinstance(error, OutputError):
                    said["raw_output"] = error.raw_output
                said |= {"status": TaskStatus.FAILED, "failure": error.failure}
            seconds = monotonic() - started
        return TaskResult(version=CHAT.version, kind=CHAT.kind, seconds=seconds, **said)

    def _adapter(self, name: str) -> Adapter | None:
        model = self._models.get(name)
        if model is None or (model.adapter is None and model.base != self._base):
            raise StageError(
                FailureCode.REQUEST_INVALID, f"This pool serves no model {name!r}.", CHAT_TASK
            )
        return None if model.adapter is None else self._adapters.at(model.adapter)


def engine_request(request: ChatRequest, request_id: str, adapter: Adapter | None) -> EngineRequest:
    """A chat in the engine's words."""
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
    )


def check_answer(request: ChatRequest, answer: EngineAnswer) -> None:
    """Raise OutputError unless an answer that is complete satisfies its schema.

    One that max_tokens cut off, or a stop sequence, is what was asked for: `finish_reason` says
    the one, and who sets the other knows.
    """
    if request.output_schema is None or answer.finish_reason == "length" or request.stop:
        return
    parse_output(answer, answer_validator(request.output_schema))


def completion(request: ChatRequest, claim: Claim, answer: EngineAnswer) -> dict[str, Any]:
    """The body of a `chat.completion`."""
    return {
        "id": f"chatcmpl-{claim.id.removeprefix(JOB_PREFIX)}",
        "object": "chat.completion",
        "created": int(moment(claim.claimed_ms).timestamp()),
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
