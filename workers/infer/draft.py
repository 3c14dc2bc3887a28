"""The draft of a task's result: gathered from the engine's answers while the task runs."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.failure import Failure, FailureCode
from schemas.result import Evidence, TaskResult, TaskStatus, Usage
from schemas.task import NamedTask
from schemas.value_type import TypedValue, ValueType
from workers.engine.protocol import GREEDY, EngineAnswer, Sampling
from workers.errors import StageError
from workers.infer.output import OutputError
from workers.models.adapter import Adapter


@dataclass(slots=True)
class TaskDraft:
    """Draft of a task's result, filled while the task runs.

    Attributes:
        task: The task.
        unread_pages: Pages of the document that nothing could read.
        parts: Attachments that pages belong to, by page number.
        adapter: Runs the task instead of the base model alone.
        sampling: How the engine chooses tokens.
        usage: Tokens of all answers, refused ones included.
        seconds: Time that the answers took in the engine.
        pages_read: Pages that the data comes from.
        lost_pages: Pages of windows that have no usable answer.
        evidence: By JSON pointer of a leaf value of the data.
        confidence: From 0 to 1, by JSON pointer of a leaf value of the data.
        was_truncated: True when an answer was cut off and asked for again.
        needs_review: Findings of the task's review rule.
        alternatives: Values of other windows, by JSON pointer.
        typed: Values as their types write them, by JSON pointer.
        untyped: Types that other values should have, by JSON pointer.
        mapped: The data in the customer's form.
    """

    task: NamedTask
    unread_pages: Sequence[int] = ()
    adapter: Adapter | None = None
    sampling: Sampling = GREEDY
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0
    pages_read: Sequence[int] = ()
    lost_pages: Sequence[int] = ()
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    confidence: Mapping[str, float] = field(default_factory=dict)
    was_truncated: bool = False
    needs_review: Sequence[str] = ()
    alternatives: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    typed: Mapping[str, TypedValue] = field(default_factory=dict)
    untyped: Mapping[str, ValueType] = field(default_factory=dict)
    mapped: Any = None
    parts: Mapping[int, str] = field(default_factory=dict)

    def named(self, pages: Iterable[int]) -> str:
        """Return numbers of pages, with the attachments that they belong to."""
        names = ((number, self.parts.get(number)) for number in pages)
        return ", ".join(f"{number} ({name})" if name else str(number) for number, name in names)

    def count(self, answer: EngineAnswer) -> None:
        """Add the tokens and seconds of an answer."""
        self.usage += answer.usage
        self.seconds += answer.seconds

    def lose(self, answers: Sequence[Any], pages: Iterable[Sequence[int]]) -> None:
        """Record the pages of the windows whose answer is an error.

        Args:
            answers: Data or an OutputError, of each window.
            pages: Numbers of the pages of each window.

        Raises:
            OutputError: All of them are errors.
        """
        errors = [answer for answer in answers if isinstance(answer, OutputError)]
        if errors and len(errors) == len(answers):
            raise errors[0]
        self.lost_pages = tuple(
            sorted(
                {
                    page
                    for answer, numbers in zip(answers, pages, strict=True)
                    if isinstance(answer, OutputError)
                    for page in numbers
                }
            )
        )

    async def settled(self, data: Awaitable[Any]) -> TaskResult:
        """Await the task's data; a failure that would happen again is a result too.

        Raises:
            StageError: The failure may not happen again, or not in another pool.
        """
        try:
            found = await data
        except StageError as error:
            failure = error.failure
            if failure.transient or failure.code is FailureCode.DOCUMENT_TOO_LONG:
                raise
            raw_output = error.raw_output if isinstance(error, OutputError) else None
            return self.failed(failure, raw_output)
        return self._result(status=self._status(), data=found)

    def _status(self) -> TaskStatus:
        is_complete = not self.unread_pages and not self.lost_pages
        return TaskStatus.SUCCEEDED if is_complete else TaskStatus.INCOMPLETE

    def failed(self, failure: Failure, raw_output: str | None = None) -> TaskResult:
        """Return the result of a task for which nothing is left to try."""
        return self._result(
            status=TaskStatus.FAILED,
            failure=failure.model_copy(update={"task": self.task.name}),
            raw_output=raw_output,
        )

    def _result(self, **outcome: Any) -> TaskResult:
        adapter = self.adapter
        return TaskResult(
            version=self.task.version,
            kind=self.task.kind,
            adapter=adapter.shown() if adapter else None,
            sampling=self.sampling.shown(),
            usage=self.usage,
            seconds=self.seconds,
            pages_read=tuple(n for n in self.pages_read if n not in self.unread_pages),
            lost_pages=tuple(self.lost_pages),
            evidence=dict(self.evidence),
            confidence=dict(self.confidence),
            alternatives=dict(self.alternatives),
            typed=dict(self.typed),
            mapped=self.mapped,
            needs_review=tuple(self.needs_review),
            **outcome,
        )
