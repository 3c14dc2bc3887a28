"""The page of the examples."""

from __future__ import annotations

from pathlib import Path

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_the_page_names_every_example() -> None:
    """With a link to it."""
    page = (EXAMPLES / "README.md").read_text()
    programs = [path.name for path in EXAMPLES.iterdir() if path.suffix in {".py", ".sh"}]
    assert [name for name in programs if f"]({name})" not in page] == []
    assert programs
