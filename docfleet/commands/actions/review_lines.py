"""Training and evaluation lines: what reviewers made of results, with the text that was read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from docfleet.commands.actions.stored_text import stored_text
from schemas.review import Review, ReviewFilter, ReviewState
from workers.infer.prompt import build_messages

if TYPE_CHECKING:
    from producer.client import Client
    from schemas.result import JobResult


async def review_lines(
    client: Client, which: ReviewFilter, task_name: str | None = None
) -> AsyncIterator[dict[str, Any]]:
    """Yield a line for each task of each completed review, the newest first.

    A line has `messages` (what the engine was asked, and the right answer) where the page text
    is still there and the task has the version that it had.

    Args:
        client: Of the stack.
        which: Conditions that all must hold.
        task_name: The only task that is asked for.
    """
    async for review in client.reviews.each(which):
        if not review.state.closed:
            continue
        result = await client.reviews.result(review)
        found = await stored_text(client, await client.job(review.job_id))
        text = found.text if found else None
        async for line in _lines(client, review, result):
            if task_name not in {None, line["task"]}:
                continue
            task = client.submitter.tasks.get(line["task"])
            if text is not None and task is not None and task.version == line["version"]:
                answer = json.dumps(line["truth"], ensure_ascii=False)
                asked = build_messages(text, task.instructions)
                line["messages"] = [*asked, {"role": "assistant", "content": answer}]
            yield line


async def _lines(
    client: Client, review: Review, result: JobResult
) -> AsyncIterator[dict[str, Any]]:
    correction = await client.reviews.correction(review)
    if correction is None and review.state is ReviewState.CORRECTED:
        return  # it was deleted from the bucket
    corrected = correction.tasks if correction else {}
    for name, task in result.tasks.items():
        if task.failure is not None and name not in corrected:
            continue
        changed = corrected[name].changed if name in corrected else {}
        yield {
            "job_id": review.job_id,
            "tenant": review.tenant,
            "task": name,
            "version": task.version,
            "kind": task.kind.value,
            "document": {"uri": review.document.uri, "sha256": result.document.sha256},
            "outcome": review.state.value,
            "reviewer": review.reviewer,
            "completed_at": review.completed_at.isoformat() if review.completed_at else None,
            "before": task.data,
            "truth": corrected[name].after if name in corrected else task.data,
            "changed": {place: value.model_dump() for place, value in changed.items()},
        }
