"""The page of all failure codes, as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.failure import FAILURES, FailureClass

_CLASSES = {
    FailureClass.PERMANENT: "the same input fails the same way: a dead letter at once",
    FailureClass.TRANSIENT: "something around the job failed: tried again first",
}


def failure_page() -> Iterator[str]:
    """Return the lines of docs/failures.md."""
    yield "# Failure codes"
    yield ""
    yield "Failures of jobs and deliveries, each with its remedy."
    yield "The codes are stable; results, events, the API and `docfleet dead-letters` use them."
    yield "`docfleet failures --out docs/failures.md` writes this page."
    yield ""
    for failure_class, words in _CLASSES.items():
        yield f"- {failure_class}: {words}."
    yield ""
    yield "| code | class | meaning | remedy |"
    yield "| --- | --- | --- | --- |"
    for code, info in FAILURES.items():
        cells = (f"`{code}`", info.failure_class, info.meaning, info.remedy)
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
