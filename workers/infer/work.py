"""The work of one attempt: the tasks of a job, the facts of its document, and how to run a task."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ledger.claim import Claim
from schemas.document import Prepared
from schemas.job import JobSpec
from schemas.result import TaskResult
from schemas.task import NamedTask
from workers.infer.answer import Answer


@dataclass(frozen=True, slots=True)
class Work:
    """Work of one attempt.

    Attributes:
        tasks: In the order of the result.
        facts: The document, as the result describes it.
        run: Run one of the tasks, under an id that no request in flight has. Raises StageError for
            a failure that may not happen again, and GateClosedError where the engine is gone and
            the task had not reached it.
    """

    tasks: Sequence[NamedTask]
    facts: Prepared
    run: Callable[[NamedTask, str], Awaitable[TaskResult]]


@dataclass(frozen=True, slots=True)
class Answers:
    """Usable answers of the engine to single questions, of tasks that need several.

    Attributes:
        by_task: By name and version of the task, then by digest of the question.
    """

    by_task: dict[str, dict[str, Answer]] = field(default_factory=dict)

    def of(self, task: NamedTask) -> dict[str, Answer]:
        """Return a task's answers; another version's do not count."""
        return self.by_task.setdefault(f"{task.name}@{task.version}", {})


class Runner(Protocol):
    """Runs one kind of jobs on the engine: tasks on a document, or chats."""

    async def work(self, claim: Claim, spec: JobSpec, answers: Answers) -> Work:
        """Load what an attempt needs.

        Args:
            claim: The attempt's.
            spec: The job.
            answers: Answers that earlier attempts left, to which new ones are added.

        Raises:
            StageError: It cannot be had, or is not served.
            PostponedError: It has to wait for others.
        """
