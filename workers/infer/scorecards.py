"""Scorecards: the results of scoring tasks, gathered into one. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.result import (
    Aggregate,
    IndicatorResult,
    ScorecardResult,
    TaskResult,
    TaskStatus,
    Verdict,
)
from schemas.scorecard import SCORE, Indicator, Scorecard, scale_of
from schemas.task import QUOTE, Task

_SCORE, _QUOTE = f"/{SCORE}", f"/{QUOTE}"


def gather(
    card: Scorecard, results: Mapping[str, TaskResult], tasks: Mapping[str, Task]
) -> ScorecardResult:
    """Return the result of a scorecard.

    Args:
        card: The scorecard.
        results: Results of its indicators, by task name; others are left alone.
        tasks: The tasks, by name.
    """
    indicators = {
        name: _indicator(indicator, results[name], tasks[name])
        for name, indicator in card.indicators.items()
    }
    return ScorecardResult(
        version=card.version, indicators=indicators, aggregate=_aggregate(card, indicators)
    )


def _indicator(indicator: Indicator, result: TaskResult, task: Task) -> IndicatorResult:
    if result.status is TaskStatus.FAILED:
        return IndicatorResult(failure=result.failure)
    score = result.data[SCORE]
    return IndicatorResult(
        score=score,
        percent=scale_of(task.kind, task.output_schema).percent(score),
        verdict=_verdict(score, indicator.pass_at),
        confidence=result.confidence.get(_SCORE),
        quote=result.evidence.get(_QUOTE),
    )


def _verdict(points: float, least: float | None) -> Verdict | None:
    if least is None:
        return None
    return Verdict.PASS if points >= least else Verdict.FAIL


def _aggregate(card: Scorecard, indicators: Mapping[str, IndicatorResult]) -> Aggregate:
    percents = {
        name: found.percent for name, found in indicators.items() if found.percent is not None
    }
    weights = {name: card.indicators[name].weight for name in percents}
    total = sum(weights.values())
    percent = sum(weights[name] * percents[name] for name in percents) / total if total else None
    missing = tuple(name for name in indicators if name not in percents)
    failed = tuple(
        name
        for name, found in indicators.items()
        if card.indicators[name].critical and found.verdict is Verdict.FAIL
    )
    verdict: Verdict | None = None
    if failed:
        verdict = Verdict.FAIL
    elif percent is not None and not missing:
        verdict = _verdict(percent, card.pass_at)
    return Aggregate(
        percent=percent,
        verdict=verdict,
        scored=len(percents),
        missing=missing,
        failed_critical=failed,
    )
