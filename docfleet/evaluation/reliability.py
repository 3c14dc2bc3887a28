"""Confidence held against what was right: calibration error, separation, thresholds. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from random import Random

from pydantic import Field

from docfleet.evaluation.intervals import Figure, bootstrap, wilson
from docfleet.evaluation.scored import ScoredDocument
from schemas.contract import Contract
from workers.infer.confidence import calibrated

BINS = 10
_RESAMPLES = 300
_LEAST_GROUP = 10
"""Minimum values of a point of the curve."""

Case = tuple[float, bool]
"""A value's confidence, and whether it was right."""


class Bin(Contract):
    """Values of like confidence, for the reliability plot."""

    low: float
    high: float
    count: int
    confidence: float = Field(description="Mean.")
    right: float = Field(description="Share.")


class Passing(Contract):
    """Values that a threshold lets pass unattended."""

    values: int = Field(description="All values of these documents.")
    passed: float = Field(description="Share of them that passes.")
    error: Figure = Field(description="Share of what passes that is wrong.")


class Threshold(Contract):
    """A threshold and a curve, found on one half of the documents and tried on the other."""

    curve: tuple[tuple[float, float], ...] = Field(
        description="Points that make confidence a share of right values: a task's `calibration`."
    )
    ece: float | None = Field(description="Calibration error of the second half.")
    ece_with_curve: float | None = Field(description="The same, after the curve.")
    target_error: float
    threshold: float | None = Field(
        description="None where no threshold keeps the error rate on the first half."
    )
    chosen_on: Passing | None = None
    tried_on: Passing | None = None
    keeps: bool | None = Field(
        default=None, description="The target is not below the interval of the second half."
    )


class Reliability(Contract):
    """Confidence of a run."""

    values: int
    ece: Figure = Field(description="Expected calibration error, in bins of equal width.")
    auc: Figure = Field(description="Chance that a right value has more confidence than a wrong.")
    bins: tuple[Bin, ...]


def cases_of(document: ScoredDocument) -> list[Case]:
    """Return the values of a document that have a confidence; null is a value too."""
    return [
        (value.confidence, value.right) for value in document.values if value.confidence is not None
    ]


def reliability(documents: Sequence[ScoredDocument], seed: int) -> Reliability:
    """Return how well confidence tells right from wrong."""
    groups = [cases_of(document) for document in documents]
    cases = _joined(groups)
    return Reliability(
        values=len(cases),
        ece=_figure(groups, calibration_error, seed),
        auc=_figure(groups, separation, seed),
        bins=tuple(binned(cases)),
    )


def binned(cases: Iterable[Case]) -> list[Bin]:
    """Put values into bins of equal width; empty bins are left out."""
    bins: dict[int, list[Case]] = {}
    for confidence, is_right in cases:
        bins.setdefault(min(int(confidence * BINS), BINS - 1), []).append((confidence, is_right))
    return [
        Bin(
            low=number / BINS,
            high=(number + 1) / BINS,
            count=len(members),
            confidence=sum(confidence for confidence, _ in members) / len(members),
            right=sum(is_right for _, is_right in members) / len(members),
        )
        for number, members in sorted(bins.items())
    ]


def calibration_error(cases: Sequence[Case]) -> float | None:
    """Return the mean distance between confidence and share of right values, bin by bin."""
    if not cases:
        return None
    return sum(one.count * abs(one.confidence - one.right) for one in binned(cases)) / len(cases)


def separation(cases: Sequence[Case]) -> float | None:
    """Return the area under the curve; None where all values are right, or all wrong."""
    right = sum(is_right for _, is_right in cases)
    wrong = len(cases) - right
    if not right or not wrong:
        return None
    below, area = 0, 0.0
    for members in _tied(sorted(cases)):
        hits = sum(is_right for _, is_right in members)
        misses = len(members) - hits
        area += hits * (below + misses / 2)
        below += misses
    return area / (right * wrong)


def choose(cases: Sequence[Case], target_error: float) -> float | None:
    """Return the lowest threshold above which at most a share of values is wrong.

    So many values have to pass that one wrong value among them is that share: fewer cannot tell.
    """
    found, passed, wrong = None, 0, 0
    for members in _tied(sorted(cases, reverse=True)):
        passed += len(members)
        wrong += sum(not is_right for _, is_right in members)
        if passed * target_error >= max(wrong, 1):
            found = members[0][0]
    return found


def passing(cases: Sequence[Case], threshold: float) -> Passing:
    """Return what a threshold lets pass."""
    passed = [is_right for confidence, is_right in cases if confidence >= threshold]
    return Passing(
        values=len(cases),
        passed=len(passed) / len(cases) if cases else 0.0,
        error=wilson(len(passed) - sum(passed), len(passed)),
    )


def fit(cases: Sequence[Case]) -> tuple[tuple[float, float], ...]:
    """Return points of a rising curve from confidence to the share of right values.

    Values are put into groups of like size; groups that would make the curve fall are joined.
    """
    size = max(_LEAST_GROUP, -(-len(cases) // BINS))
    groups: list[list[Case]] = []
    for tied in _tied(sorted(cases)):
        if groups and len(groups[-1]) < size:
            groups[-1] += tied
        else:
            groups.append(list(tied))
        while len(groups) > 1 and not _rises(_point(groups[-2]), _point(groups[-1])):
            groups[-2:] = [groups[-2] + groups[-1]]
    return tuple(map(_point, groups))


def _tied(ordered: Sequence[Case]) -> Iterator[list[Case]]:
    """Walk values of the same confidence together."""
    for _, tied in groupby(ordered, key=lambda case: case[0]):
        yield list(tied)


def _point(cases: Sequence[Case]) -> tuple[float, float]:
    mean = sum(confidence for confidence, _ in cases) / len(cases)
    return round(mean, 4), round(_right(cases), 4)


def _rises(left: tuple[float, float], right: tuple[float, float]) -> bool:
    return left[0] < right[0] and left[1] < right[1]


def _right(cases: Sequence[Case]) -> float:
    """Return the share of right values, drawn a little towards a half where they are few."""
    return (sum(is_right for _, is_right in cases) + 1) / (len(cases) + 2)


def calibrate(documents: Sequence[ScoredDocument], target_error: float, seed: int) -> Threshold:
    """Find a threshold and a curve on one half of the documents, and try them on the other.

    Args:
        documents: Of a run.
        target_error: Share of the values that pass which may be wrong.
        seed: Decides which half a document is in.
    """
    ordered = sorted(documents, key=lambda document: document.name)
    Random(seed).shuffle(ordered)  # noqa: S311  # it keeps no secret
    middle = (len(ordered) + 1) // 2
    first = _joined(map(cases_of, ordered[:middle]))
    second = _joined(map(cases_of, ordered[middle:]))
    curve, threshold = fit(first), choose(first, target_error)
    found = Threshold(
        curve=curve,
        ece=calibration_error(second),
        ece_with_curve=calibration_error([(calibrated(c, curve), hit) for c, hit in second]),
        target_error=target_error,
        threshold=threshold,
    )
    if threshold is None:
        return found
    tried = passing(second, threshold)
    low = tried.error.low
    update = {
        "chosen_on": passing(first, threshold),
        "tried_on": tried,
        "keeps": None if low is None else low <= target_error,
    }
    return found.model_copy(update=update)


def _joined(groups: Iterable[Sequence[Case]]) -> list[Case]:
    return [case for group in groups for case in group]


def _figure(
    groups: Sequence[Sequence[Case]],
    statistic: Callable[[Sequence[Case]], float | None],
    seed: int,
) -> Figure:
    """Return a figure of all values; documents are drawn again for its interval."""
    cases = _joined(groups)
    found = Figure(value=statistic(cases), count=len(cases))
    interval = bootstrap(groups, lambda drawn: statistic(_joined(drawn)), seed, _RESAMPLES)
    if found.value is None or interval is None:
        return found
    return found.model_copy(update={"low": interval[0], "high": interval[1]})
