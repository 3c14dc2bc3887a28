"""Reasons for a review: the findings of a task's rule on one result. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.result import Match
from schemas.task import ReviewRule
from workers.infer.draft import TaskDraft


def review_reasons(rule: ReviewRule, draft: TaskDraft) -> tuple[str, ...]:
    """Return why a person should look at a task's result, in the order of its values.

    Args:
        rule: The task's rule.
        draft: The complete draft, with data.

    Returns:
        Each as `place: finding`; the place is a JSON pointer or `document`.
    """
    return (*_of_document(rule, draft), *_of_values(rule, draft))


def _of_document(rule: ReviewRule, draft: TaskDraft) -> Iterator[str]:
    if rule.unread_pages and draft.unread_pages:
        yield f"document: unread pages {draft.named(draft.unread_pages)}"
    if rule.unread_pages and draft.lost_pages:
        yield f"document: no usable answer about pages {draft.named(draft.lost_pages)}"
    if rule.truncated and draft.was_truncated:
        yield "document: an answer was cut off and asked for again"


def _of_values(rule: ReviewRule, draft: TaskDraft) -> Iterator[str]:
    if rule.ungrounded:
        for pointer, place in draft.evidence.items():
            if place.match is Match.UNGROUNDED:
                yield f"{pointer}: ungrounded"
    if rule.conflicting:
        for pointer in draft.alternatives:
            yield f"{pointer}: pages disagree"
    if rule.untyped:
        for pointer, kind in draft.untyped.items():
            yield f"{pointer}: no {kind}"
    below = 0 if rule.below is None else rule.below
    for pointer, confidence in draft.confidence.items():
        if confidence < below:
            yield f"{pointer}: confidence {confidence:.2f} is below {below:g}"
