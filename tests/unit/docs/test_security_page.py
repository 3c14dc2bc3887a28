"""The threat model: each threat names the test that shows its defence, and the test is there."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "security.md"
HEADER = "| threat | defence | test |\n| --- | --- | --- |\n"
NOTHING_TO_TEST = "there is no such code"


def test_each_threat_names_a_test_that_is_there() -> None:
    """A defence that nobody tries out is a hope."""
    tables = [part.partition("\n\n")[0] for part in PAGE.read_text().split(HEADER)[1:]]
    rows = [row for table in tables for row in table.splitlines()]
    assert len(rows) > 35
    for row in rows:
        _, _, _, tests, _ = row.split("|")
        links = re.findall(r"\[[^\]]+\]\(([^)]+)\)", tests)
        assert links or NOTHING_TO_TEST in tests, row
        for link in links:
            assert link.startswith("../tests/"), row
            assert (PAGE.parent / link).is_file(), f"{link} is not there"
