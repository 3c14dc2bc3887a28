"""Tallies: counts of a run, from which its figures follow. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from docfleet.evaluation.intervals import Figure, bootstrap, wilson
from docfleet.evaluation.scored import ScoredDocument, ScoredValue
from schemas.result import Match

Tally = Mapping[str, int]
"""Counts by name."""
Counted = Callable[[Tally], tuple[float, float]]
"""Gives hits, and the cases that they are a share of."""

_FEW_DOCUMENTS = 8
"""Under so many documents, the rows of a list are drawn again and not the documents."""


def tally_values(values: Iterable[ScoredValue]) -> Counter[str]:
    """Count values: known, given, right and so on."""
    counts: Counter[str] = Counter()
    for value in values:
        hits = value.right and value.known
        counts["cells"] += 1
        counts["correct"] += value.right
        counts["known"] += value.known
        counts["given"] += value.given
        counts["right"] += hits
        counts["exact"] += value.exact and value.known
        if value.given and value.match is not None:
            counts.update(_evidence(value, is_right=hits))
    return counts


def _evidence(value: ScoredValue, *, is_right: bool) -> Counter[str]:
    counts: Counter[str] = Counter()
    is_grounded = value.match is not Match.UNGROUNDED
    if is_right and value.pages:
        on_page = is_grounded and value.page in value.pages
        counts["held"] += 1
        counts["held_on_page"] += on_page
        counts["placed"] += is_grounded
        counts["placed_on_page"] += on_page
    if not is_right:
        counts["wrong"] += 1
        counts["wrong_ungrounded"] += not is_grounded
    return counts


def tally_document(document: ScoredDocument) -> Counter[str]:
    """Count a document's values and rows."""
    counts = tally_values(document.values)
    counts["rows"] += document.rows or 0
    counts["rows_given"] += document.rows_given or 0
    counts["rows_right"] += document.rows_right or 0
    return counts


def units_of(documents: Sequence[ScoredDocument]) -> list[Counter[str]]:
    """Return the tallies of what is independent: documents, or rows of few documents."""
    if len(documents) >= _FEW_DOCUMENTS or not any(one.rows for one in documents):
        return [tally_document(document) for document in documents]
    return [unit for document in documents for unit in _rows_of(document)]


def _rows_of(document: ScoredDocument) -> list[Counter[str]]:
    """Return the tallies of a list's rows; rows that the truth lacks are one unit."""
    rows: dict[int | None, list[ScoredValue]] = {}
    for value in document.values:
        rows.setdefault(value.row, []).append(value)
    units = {number: tally_values(values) for number, values in rows.items()}
    for number, unit in units.items():
        if number is not None:
            is_right = all(value.right for value in rows[number])
            unit.update(rows=1, rows_given=int(unit["given"] > 0), rows_right=int(is_right))
    too_many = (document.rows_given or 0) - sum(unit["rows_given"] for unit in units.values())
    units.setdefault(None, Counter()).update(rows_given=too_many)
    return list(units.values())


def _share(part: str, whole: str) -> Counted:
    return lambda counts: (counts[part], counts[whole])


def _f1(part: str, known: str, given: str) -> Counted:
    return lambda counts: (2 * counts[part], counts[known] + counts[given])


VALUE_FIGURES: dict[str, Counted] = {
    "precision": _share("right", "given"),
    "recall": _share("right", "known"),
    "f1": _f1("right", "known", "given"),
    "exact_precision": _share("exact", "given"),
    "exact_recall": _share("exact", "known"),
    "exact_f1": _f1("exact", "known", "given"),
    "accuracy": _share("correct", "cells"),
}
"""Figures of values: how many hits, of how many."""
ROW_FIGURES: dict[str, Counted] = {
    "row_precision": _share("rows_right", "rows_given"),
    "row_recall": _share("rows_right", "rows"),
    "row_f1": _f1("rows_right", "rows", "rows_given"),
}
EVIDENCE_FIGURES: dict[str, Counted] = {
    "evidence_precision": _share("placed_on_page", "placed"),
    "evidence_recall": _share("held_on_page", "held"),
    "wrong_ungrounded": _share("wrong_ungrounded", "wrong"),
}


def figure(units: Sequence[Counter[str]], counted: Counted, seed: int) -> Figure:
    """Return a figure of all units, with its interval.

    The interval comes from resampled units. Where all or no cases are hits, resamples only repeat
    that, and the interval is Wilson's.
    """
    hits, count = counted(summed(units))
    if not count:
        return Figure()

    def statistic(drawn: Sequence[tuple[float, float]]) -> float | None:
        whole = sum(one for _, one in drawn)
        return sum(part for part, _ in drawn) / whole if whole else None

    found = wilson(int(hits), int(count))
    pairs = [counted(unit) for unit in units]
    if hits in {0, count} or (interval := bootstrap(pairs, statistic, seed)) is None:
        return found
    return found.model_copy(update={"low": interval[0], "high": interval[1]})


def summed(units: Iterable[Counter[str]]) -> Counter[str]:
    """Add tallies."""
    total: Counter[str] = Counter()
    for unit in units:
        total.update(unit)
    return total
