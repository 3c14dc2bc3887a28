"""Evidence on the corpus: truths are found on their pages, and planted values are ungrounded.

`python -m bench.evidence` measures the same on many more documents.
"""

from __future__ import annotations

import pytest

from bench.evidence import holds, run
from corpus.part import Part

CLAIM = 0.99


@pytest.mark.parametrize("part", list(Part))
def test_evidence_of_the_corpus_holds_what_is_claimed(part: Part) -> None:
    """At least 99 % of the truths stand on their page, and of planted values nowhere."""
    for rendering, counts in run(part, count=2, seed=11).items():
        for claim in ("held", "planted"):
            found = counts.figure(claim)
            assert found.count > 150
            assert found.value is not None
            assert found.value >= CLAIM, (rendering, counts.misses)


@pytest.mark.parametrize(
    ("value", "is_held"),
    [
        ("AB-1234", True),
        ("ab 1234", True),
        ("AB-1235", False),
        ("04/03/2025", True),
        ("April 4, 2025", False),
        ("$1,200.50", True),
        ("200.50", False),
        ("Ann Poe", True),
        ("Ann Roe", False),
    ],
)
def test_what_a_document_holds_is_told_without_the_locator(value: str, *, is_held: bool) -> None:
    """Whatever is planted must not be there."""
    text = "Policy AB-1234 of Ann Poe.\nApril 3, 2025: paid 1200.50\n"
    assert holds(text, value) is is_held
