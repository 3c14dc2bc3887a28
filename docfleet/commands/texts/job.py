"""Text of a job on a terminal. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator

from schemas.failure import Failure
from schemas.job import Attempt, Job
from schemas.result import JobResult

_ROW = "{:<10}{}"


def job_line(job: Job, name: str) -> str:
    """Return one line: id, state, and the failure, the result's URI or the document.

    Args:
        job: The job.
        name: The user's name for the document.
    """
    if job.failure:
        detail = failure_text(job.failure)
    else:
        detail = " -> ".join(filter(None, [name, job.result_uri]))
    return f"{job.id}  {job.state}  {detail}"


def failure_text(failure: Failure) -> str:
    """Return one line: code, message and remedy."""
    return f"{failure.code}: {sentence(failure.message)} {sentence(failure.remedy)}"


def task_lines(result: JobResult) -> Iterator[str]:
    """Return each task's outcome: its JSON, or its failure."""
    for name, task in result.tasks.items():
        text = failure_text(task.failure) if task.failure else ""
        yield f"{name}: {text or json.dumps(task.data, indent=2, ensure_ascii=False)}"


def scorecard_lines(result: JobResult) -> Iterator[str]:
    """Return each scorecard: its aggregate, and a line for each indicator."""
    for name, card in result.scorecards.items():
        whole = card.aggregate
        percent = "no points" if whole.percent is None else f"{whole.percent:.1f} %"
        verdict = f", {whole.verdict}" if whole.verdict else ""
        missing = f", without {', '.join(whole.missing)}" if whole.missing else ""
        yield f"{name}: {percent}{verdict}{missing}"
        for indicator, found in card.indicators.items():
            points = "failed" if found.score is None else f"{found.score:g}"
            quote = f"  {found.quote.quote!r}" if found.quote and found.quote.quote else ""
            yield f"  {indicator:<28}{points:>6}  {found.verdict or ''}{quote}"


def job_rows(job: Job) -> Iterator[str]:
    """Return all facts of a job, one row each."""
    yield f"{job.id}  {job.state}"
    yield _ROW.format("document", job.document.name or job.document.uri)
    yield _ROW.format("tasks", ", ".join(job.tasks))
    yield _ROW.format("stage", f"{job.stage}, queue {job.queue}, attempts {job.attempts}")
    yield _ROW.format("submitted", job.created_at.isoformat(timespec="seconds"))
    if job.due_at:
        yield _ROW.format("due", job.due_at.isoformat(timespec="seconds"))
    if job.closed_at:
        yield _ROW.format("ended", job.closed_at.isoformat(timespec="seconds"))
    for entry in job.history:
        yield _ROW.format("attempt", f"{attempt_text(entry)} ({entry.worker})")
    if job.failure:
        yield _ROW.format("failure", failure_text(job.failure))
    if job.result_uri:
        yield _ROW.format("result", job.result_uri)


def attempt_text(attempt: Attempt) -> str:
    """Return the end of an attempt on one line."""
    if attempt.failure:
        return f"{attempt.failure.code}: {sentence(attempt.failure.message)}"
    status = attempt.answer.status if attempt.answer else None
    return f"acknowledged with {status}."


def sentence(text: str) -> str:
    """Return the text on one line, with a full stop."""
    words = " ".join(text.split())
    return words if words.endswith((".", "!", "?")) else f"{words}."
