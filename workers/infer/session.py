"""A session: the questions of one run of a task, and their usable answers."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from schemas.failure import FailureCode
from schemas.task import Task
from workers.engine.gated import GatedEngine
from workers.engine.protocol import EngineRequest
from workers.errors import StageError
from workers.infer.answer import Answer
from workers.infer.bounds import Bounds, bounded
from workers.infer.confidence import value_confidence
from workers.infer.draft import TaskDraft
from workers.infer.output import OutputError, parse_output
from workers.infer.prompt import build_messages
from workers.infer.repair import repaired
from workers.metrics import count_repair, step

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """One question about a text.

    Attributes:
        key: Name of the question among those of its task.
        text: The text to show.
        instructions: Instructions for the text.
        schema: JSON Schema of the answer.
        max_tokens: Maximum tokens of the answer.
    """

    key: str
    text: str
    instructions: str
    schema: Mapping[str, Any]
    max_tokens: int

    @property
    def digest(self) -> str:
        """Return the sha256 of everything that decides the answer."""
        parts = [self.text, self.instructions, json.dumps(self.schema)]
        return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Asker:
    """The attempt that asks.

    Attributes:
        request_id: Beginning of the ids of its requests.
        tenant: Tenant whose cached prompts it may use.
        alone: True when each request has to run alone.
    """

    request_id: str
    tenant: str
    alone: bool = False


class Session:
    """Puts the questions of one task to the engine, several at once within a limit.

    Args:
        engine: Shared by everything that runs on it.
        task: The task.
        draft: Counts the tokens of the answers.
        asker: The attempt.
        at_once: Maximum requests at once, so that a long document leaves room for others.
        answers: Answers of earlier attempts by digest of the question; new ones are added.
    """

    def __init__(
        self,
        engine: GatedEngine,
        task: Task,
        draft: TaskDraft,
        asker: Asker,
        *,
        at_once: int,
        answers: MutableMapping[str, Answer],
    ) -> None:
        self.task = task
        self.draft = draft
        self._engine = engine
        self._asker = asker
        self._slots = asyncio.Semaphore(at_once)
        self._answers = answers

    def question(self, key: str, text: str) -> Question:
        """Return the task's own question about a text."""
        return Question(
            key=key,
            text=text,
            instructions=self.task.instructions,
            schema=self.task.output_schema,
            max_tokens=self.task.limits.max_output_tokens,
        )

    async def ask(self, question: Question) -> Answer:
        """Return the first usable answer.

        Raises:
            StageError: There is no usable answer.
            GateClosedError: The engine is gone.
        """
        digest = question.digest
        if digest not in self._answers:
            async with self._slots:
                self._answers[digest] = await self._usable(question)
        return self._answers[digest]

    async def ask_all(self, questions: Sequence[Question]) -> list[Answer | OutputError]:
        """Ask several questions; return an error in place of each unusable answer.

        Raises:
            StageError: The engine failed; finished answers are kept.
            GateClosedError: The engine is gone.
        """

        async def one(question: Question) -> Answer | OutputError:
            try:
                return await self.ask(question)
            except OutputError as error:
                return error

        found = await asyncio.gather(*map(one, questions), return_exceptions=True)
        usable: list[Answer | OutputError] = []
        for answer in found:
            if isinstance(answer, BaseException) and not isinstance(answer, OutputError):
                raise answer
            usable.append(answer)
        return usable

    async def _usable(self, question: Question) -> Answer:
        limits = self.task.limits
        own_id = self._asker.request_id
        bounds = Bounds.of(question.text, tokens=question.max_tokens)
        request = EngineRequest(
            request_id=f"{own_id}:{question.key}" if question.key else own_id,
            messages=build_messages(question.text, question.instructions),
            schema=bounded(question.schema, bounds),
            max_tokens=question.max_tokens,
            adapter=self.draft.adapter,
            sampling=self.draft.sampling,
            with_tokens=True,
            tenant=self._asker.tenant,
        )
        unusable: OutputError | None = None
        for number in range(limits.repairs + 1):
            if unusable is not None:
                log.info("answer repaired", code=unusable.failure.code)
                count_repair()
                request = repaired(request, unusable, number)
            try:
                answer = await self._engine.ask(
                    request,
                    seconds=limits.timeout_seconds,
                    task=self.task.name,
                    alone=self._asker.alone,
                )
            except StageError as error:
                if unusable is not None and error.failure.code is FailureCode.DOCUMENT_TOO_LONG:
                    break  # no room for a repair: the answer's own error counts
                raise
            self.draft.count(answer)
            try:
                with step("validate"):
                    # In a thread: a large answer takes a second, and leases must be renewed
                    # meanwhile.
                    data = await asyncio.to_thread(parse_output, answer, question.schema)
                    return Answer(data, value_confidence(answer.text, answer.tokens))
            except OutputError as error:
                unusable = error
                if error.failure.code is FailureCode.OUTPUT_TRUNCATED:
                    self.draft.was_truncated = True
        raise unusable or AssertionError("a task is asked at least once")
