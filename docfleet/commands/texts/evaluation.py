"""Tables of an evaluation. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.table import Table
from rich.text import Text

from docfleet.evaluation.intervals import Figure
from docfleet.evaluation.reliability import Passing, Threshold
from docfleet.evaluation.report import Difference, Report

_NAMES = {
    "complete_documents": "complete documents",
    "row_precision": "rows that are right, of those given",
    "row_recall": "rows that are right, of the truth's",
    "row_f1": "F1 of rows",
    "precision": "values that are right, of those given",
    "recall": "values that are right, of the truth's",
    "f1": "F1 of values",
    "exact_precision": "equal values, of those given",
    "exact_recall": "equal values, of the truth's",
    "exact_f1": "F1 of equal values",
    "accuracy": "right values, absent ones included",
    "evidence_precision": "places on the right page, of right values' places",
    "evidence_recall": "right values with a place on the right page",
    "wrong_ungrounded": "wrong values that are marked ungrounded",
}
_OF_FIELDS = ("precision", "recall", "f1", "exact_f1")


def figures_table(report: Report) -> Table:
    """Return the figures of a run, with their intervals."""
    table = _table("figure", "value", "95 % interval", "of")
    for name, heading in _NAMES.items():
        if name in report.figures:
            table.add_row(heading, *_cells(report.figures[name]))
    found = report.reliability
    table.add_row("expected calibration error", *_cells(found.ece))
    table.add_row("area under the curve of confidence", *_cells(found.auc))
    return table


def fields_table(report: Report) -> Table:
    """Return the figures of each field."""
    table = _table("field", "precision", "recall", "F1", "95 % interval", "F1 of equal", "in truth")
    for name, figures in report.fields.items():
        precision, recall, f1, exact = (figures[key] for key in _OF_FIELDS)
        table.add_row(
            Text(name), share(precision), share(recall), share(f1), interval(f1), share(exact),
            str(recall.count),
        )  # fmt: skip
    return table


def comparison_table(differences: Mapping[str, Difference]) -> Table:
    """Return the changes since another run."""
    table = _table("figure", "before", "now", "change", "95 % interval", "documents")
    for name, one in differences.items():
        table.add_row(
            _NAMES[name], _number(one.before), _number(one.now), _number(one.change.value, "+"),
            interval(one.change, "+"), str(one.change.count),
        )  # fmt: skip
    return table


def calibration_lines(found: Threshold) -> Iterator[str]:
    """Tell which threshold keeps an error rate, and what a curve does for the calibration."""
    if found.ece is not None and found.ece_with_curve is not None:
        yield f"Calibration error of one half: {found.ece:.3f};"
        yield f"  with the curve of the other half: {found.ece_with_curve:.3f}"
    if found.curve:
        yield f"  as the task's `calibration`: {[list(point) for point in found.curve]}"
    target = f"{found.target_error:.1%}"
    if found.threshold is None or found.chosen_on is None or found.tried_on is None:
        yield f"No threshold lets enough values of one half pass with {target} of them wrong."
        return
    yield f"Threshold {found.threshold:g} keeps errors at {target} on one half of the documents:"
    yield f"  chosen on:  {_passing(found.chosen_on)}"
    yield f"  tried on:   {_passing(found.tried_on)}"
    if found.keeps is not None:
        yield f"  {target} is {'within' if found.keeps else 'BELOW'} the interval of the other half"


def state_line(report: Report) -> str:
    """Tell how many documents ended how."""
    states = ", ".join(f"{count} {state}" for state, count in report.states.items())
    return f"{len(report.documents)} documents: {states}"


def share(figure: Figure) -> str:
    """Return a figure without its interval."""
    return _number(figure.value)


def interval(figure: Figure, sign: str = "") -> str:
    """Return the interval of a figure."""
    if figure.low is None or figure.high is None:
        return "-"
    return f"{_number(figure.low, sign)} to {_number(figure.high, sign)}"


def _cells(figure: Figure) -> tuple[str, str, str]:
    return share(figure), interval(figure), f"{figure.count:,}"


def _number(value: float | None, sign: str = "") -> str:
    return "-" if value is None else f"{value:{sign}.3f}"


def _passing(found: Passing) -> str:
    return (
        f"{found.passed:.1%} of {found.values:,} values pass,"
        f" {share(found.error)} of them wrong ({interval(found.error)})"
    )


def _table(left: str, *right: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(left, overflow="fold")
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table
