"""The work of one attempt: a job's tasks, its document's facts, and the way to run a task."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ledger.claim import Claim
from schemas.document import Prepared
from schemas.job import JobSpec
from schemas.result import ScorecardResult, TaskResult
from schemas.task import NamedTask
from workers.infer.answer import Answer


def _no_scorecards(_: Mapping[str, TaskResult]) -> dict[str, ScorecardResult]:
    return {}


@dataclass(frozen=True, slots=True)
class Work:
    """Work of one attempt.

    Attributes:
        tasks: In the order of the result.
        facts: The document, as the result shows it.
        run: Run one task, under an id that no request in flight has. Raises StageError for a
            failure that may pass, and GateClosedError when the engine is gone and did not get the
            task.
        gather: Make the results of the job's scorecards from those of its tasks.
    """

    tasks: Sequence[NamedTask]
    facts: Prepared
    run: Callable[[NamedTask, str], Awaitable[TaskResult]]
    gather: Callable[[Mapping[str, TaskResult]], dict[str, ScorecardResult]] = _no_scorecards


@dataclass(frozen=True, slots=True)
class Answers:
    """Usable answers of the engine to single questions, for tasks that ask several.

    Attributes:
        by_task: By name and version of the task, then by digest of the question.
    """

    by_task: dict[str, dict[str, Answer]] = field(default_factory=dict)

    def of(self, task: NamedTask) -> dict[str, Answer]:
        """Return the answers of this version of a task."""
        return self.by_task.setdefault(f"{task.name}@{task.version}", {})


class Runner(Protocol):
    """Runs one kind of jobs on the engine: tasks on a document, or chats."""

    async def work(self, claim: Claim, spec: JobSpec, answers: Answers) -> Work:
        """Load the inputs of an attempt.

        Args:
            claim: Claim of the attempt.
            spec: The job.
            answers: Answers of earlier attempts, to which new ones are added.

        Raises:
            StageError: The inputs cannot be read, or the request is not served.
            PostponedError: The attempt has to wait for others.
        """
