"""The report of a run, and the comparison of two. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from docfleet.evaluation.intervals import Figure, bootstrap, wilson
from docfleet.evaluation.reliability import Reliability, Threshold, calibrate, reliability
from docfleet.evaluation.scored import ScoredDocument
from docfleet.evaluation.tally import (
    EVIDENCE_FIGURES,
    ROW_FIGURES,
    VALUE_FIGURES,
    Counted,
    Tally,
    figure,
    summed,
    tally_document,
    tally_values,
    units_of,
)
from schemas.contract import Contract
from schemas.engine import EngineVersion


class Subject(Contract):
    """Subject of an evaluation.

    A run with failed documents alone names no engine.
    """

    task: str
    version: str
    kind: str
    adapter: str | None = None
    engine: EngineVersion | None = None


class Report(Contract):
    """Scores of a task on a set of documents; what `docfleet eval --json` writes."""

    schema_version: Literal["1"] = "1"
    subject: Subject
    seed: int = Field(description="Of the resamples and of the halves.")
    states: dict[str, int] = Field(description="Documents by the state of their job.")
    not_asked: tuple[str, ...] = Field(
        default=(), description="Fields of the truth that the task does not ask for."
    )
    figures: dict[str, Figure]
    fields: dict[str, dict[str, Figure]]
    reliability: Reliability
    calibration: Threshold | None = None
    documents: tuple[ScoredDocument, ...]


class Difference(Contract):
    """A figure of this run minus that of another, on the documents that both have."""

    before: float | None
    now: float | None
    change: Figure


def make_report(
    subject: Subject,
    documents: Sequence[ScoredDocument],
    *,
    seed: int,
    not_asked: Sequence[str] = (),
    target_error: float | None = None,
) -> Report:
    """Make the report of a run.

    Args:
        subject: What was evaluated.
        documents: All of the run.
        seed: Of the resamples and of the halves.
        not_asked: Fields of the truth that were left out.
        target_error: Asks for the threshold that keeps this error rate.
    """
    return Report(
        subject=subject,
        seed=seed,
        states=dict(Counter(one.state or "running" for one in documents)),
        not_asked=tuple(not_asked),
        figures=_figures(documents, seed),
        fields=_fields(documents, seed),
        reliability=reliability(documents, seed),
        calibration=None if target_error is None else calibrate(documents, target_error, seed),
        documents=tuple(documents),
    )


def _figures(documents: Sequence[ScoredDocument], seed: int) -> dict[str, Figure]:
    units = units_of(documents)
    wanted = VALUE_FIGURES | EVIDENCE_FIGURES
    if any(document.rows is not None for document in documents):
        wanted |= ROW_FIGURES
    complete = sum(document.is_complete for document in documents)
    found = {name: figure(units, counted, seed) for name, counted in wanted.items()}
    return {"complete_documents": wilson(complete, len(documents))} | found


def _fields(documents: Sequence[ScoredDocument], seed: int) -> dict[str, dict[str, Figure]]:
    names = dict.fromkeys(value.field for document in documents for value in document.values)
    found = {}
    for name in names:
        units = [
            tally_values(value for value in document.values if value.field == name)
            for document in documents
        ]
        found[name] = {key: figure(units, one, seed) for key, one in VALUE_FIGURES.items()}
    return found


def compare(now: Report, before: Report) -> dict[str, Difference]:
    """Return the changes of the figures between two runs, on the documents of both.

    The same documents are drawn from both runs for the interval, so that what is hard about a
    document does not count as a difference between the runs.
    """
    earlier = {document.name: document for document in before.documents}
    pairs = [(one, earlier[one.name]) for one in now.documents if one.name in earlier]
    units = [(tally_document(one), tally_document(other)) for one, other in pairs]
    complete = [
        (Counter(hit=one.is_complete, all=1), Counter(hit=other.is_complete, all=1))
        for one, other in pairs
    ]
    differences = {"complete_documents": _difference(complete, _complete, now.seed)}
    for name, counted in (VALUE_FIGURES | ROW_FIGURES | EVIDENCE_FIGURES).items():
        if name in now.figures and name in before.figures:
            differences[name] = _difference(units, counted, now.seed)
    return differences


def _complete(counts: Tally) -> tuple[float, float]:
    return counts["hit"], counts["all"]


Units = Sequence[tuple[Counter[str], Counter[str]]]
"""Tallies of each document: of this run, and of the other."""


def _difference(units: Units, counted: Counted, seed: int) -> Difference:
    def change(drawn: Units) -> float | None:
        now, before = _value([one for one, _ in drawn]), _value([other for _, other in drawn])
        return None if now is None or before is None else now - before

    def _value(drawn: Sequence[Counter[str]]) -> float | None:
        hits, count = counted(summed(drawn))
        return hits / count if count else None

    low, high = bootstrap(units, change, seed) or (None, None)
    return Difference(
        before=_value([other for _, other in units]),
        now=_value([one for one, _ in units]),
        change=Figure(value=change(units), low=low, high=high, count=len(units)),
    )
