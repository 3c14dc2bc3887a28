"""The page of failure codes."""

from __future__ import annotations

from pathlib import Path

from docfleet.commands.texts.failure_page import failure_page
from schemas.failure import FAILURES, FailureCode

PAGE = Path(__file__).parents[3] / "docs" / "failures.md"


def test_the_page_in_the_docs_is_in_step_with_the_code() -> None:
    """`make schemas` writes it again."""
    assert PAGE.read_text(encoding="utf-8") == "\n".join(failure_page()) + "\n"


def test_the_page_has_a_row_of_four_cells_for_each_code() -> None:
    """Code, class, meaning and remedy."""
    rows = [line for line in failure_page() if line.startswith("| `")]
    cells = [row.strip("|").split("|") for row in rows]
    assert {len(row) for row in cells} == {4}
    assert [row[0].strip(" `") for row in cells] == list(FailureCode)
    assert [row[3].strip() for row in cells] == [info.remedy for info in FAILURES.values()]
