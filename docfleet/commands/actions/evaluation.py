"""Action of `docfleet eval`: run a task on documents with truths, and make the report."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from docfleet.evaluation.report import Report, Subject, make_report
from docfleet.evaluation.run import Answer, run_task
from docfleet.evaluation.scoring import not_asked
from docfleet.evaluation.truths import find_cases
from producer.client import Client
from schemas.task import Task


@dataclass(frozen=True, slots=True)
class EvalOrder:
    """The user's order to score a task.

    Attributes:
        task: Its name.
        documents: A folder.
        truths: A folder.
        timeout_seconds: How long to wait for each document.
        seed: Of the intervals and of the halves.
        target_error: For the threshold; None names none.
    """

    task: str
    documents: Path
    truths: Path
    timeout_seconds: float
    seed: int
    target_error: float | None


async def run_evaluation(client: Client, order: EvalOrder) -> Report:
    """Run it.

    Raises:
        BadUsageError: A folder is missing, or a truth cannot be read.
        RequestError: The task is unknown. And other errors of the producer.
    """
    client.submitter.check_tasks([order.task])
    task = client.submitter.tasks[order.task]
    cases = await asyncio.to_thread(find_cases, order.documents, order.truths, task)
    with _progress() as progress:
        bar = progress.add_task(order.task, total=len(cases))
        answers = await run_task(
            client,
            task,
            cases,
            timeout_seconds=order.timeout_seconds,
            advance=lambda: progress.advance(bar),
        )
    unasked = {field for case in cases for field in not_asked(case.truth, task.output_schema)}
    return await asyncio.to_thread(
        make_report,
        _subject(task, answers),
        [answer.document for answer in answers],
        seed=order.seed,
        not_asked=sorted(unasked),
        target_error=order.target_error,
    )


def _subject(task: Task, answers: Sequence[Answer]) -> Subject:
    return Subject(
        task=task.name,
        version=task.version,
        kind=task.kind,
        adapter=next((one.adapter for one in answers if one.adapter), None),
        engine=next((one.engine for one in answers if one.engine), None),
    )


def _progress() -> Progress:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    )  # fmt: skip
    return Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())
