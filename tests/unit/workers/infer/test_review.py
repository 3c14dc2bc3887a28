"""A result says why a person should look at it, or nothing."""

from __future__ import annotations

from schemas.result import Evidence, Match
from schemas.task import ReviewRule, Task, TaskKind
from workers.infer.draft import TaskDraft
from workers.infer.review import review_reasons

TASK = Task(
    name="t",
    version="1",
    kind=TaskKind.EXTRACTION,
    instructions="Read.",
    output_schema={"type": "object"},
)


def _draft() -> TaskDraft:
    draft = TaskDraft(TASK, unread_pages=(2, 5))
    draft.lost_pages = (7,)
    draft.parts = {1: "letter.pdf", 5: "mail.eml/photo.heic"}
    draft.was_truncated = True
    draft.evidence = {
        "/a": Evidence(match=Match.UNGROUNDED),
        "/b": Evidence(page=1, start=0, end=1, quote="b", match=Match.EXACT),
    }
    draft.confidence = {"/a": 0.9, "/b": 0.3}
    draft.alternatives = {"/b": ("c",)}
    return draft


def test_each_finding_names_its_place() -> None:
    """A pointer for a value, else the document."""
    assert review_reasons(ReviewRule(below=0.5), _draft()) == (
        "document: unread pages 2, 5 (mail.eml/photo.heic)",
        "document: no usable answer about pages 7",
        "document: an answer was cut off and asked for again",
        "/a: ungrounded",
        "/b: pages disagree",
        "/b: confidence 0.30 is below 0.5",
    )


def test_a_rule_that_asks_for_nothing_finds_nothing() -> None:
    """Each finding can be turned off."""
    rule = ReviewRule(
        ungrounded=False, conflicting=False, truncated=False, unread_pages=False
    )  # fmt: skip
    assert review_reasons(rule, _draft()) == ()


def test_a_sound_result_needs_no_review() -> None:
    """By the rule that tasks have by default."""
    assert review_reasons(ReviewRule(), TaskDraft(TASK)) == ()
