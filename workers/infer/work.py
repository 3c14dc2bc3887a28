"""The work of one attempt: the tasks of a job, the facts of its document, and how to run a task."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.claim import Claim
from schemas.document import Prepared
from schemas.job import JobSpec
from schemas.result import TaskResult
from schemas.task import NamedTask


@dataclass(frozen=True, slots=True)
class Work:
    """All that one attempt has to run.

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


class Runner(Protocol):
    """Runs one kind of jobs on the engine: tasks on a document, or chats."""

    async def work(self, claim: Claim, spec: JobSpec) -> Work:
        """Load what an attempt needs.

        Raises:
            StageError: It cannot be had, or is not served.
        """
