"""A scorecard: a set of scoring tasks that a job asks for by one name. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import Field

from schemas.contract import Contract
from schemas.job import TaskName
from schemas.task import Task, TaskKind, TaskVersion

SCORE = "score"
"""The property of a scoring task's data that holds the points."""


class Scale(NamedTuple):
    """The least and the most points of an indicator."""

    least: float
    most: float

    def percent(self, score: float) -> float:
        """Return points as a number from 0 to 100."""
        return 100 * (score - self.least) / (self.most - self.least)


class Indicator(Contract):
    """The part that one scoring task has in a scorecard."""

    weight: float = Field(default=1, gt=0, description="Of its percentage in the aggregate.")
    pass_at: float | None = Field(
        default=None, description="Least points of the verdict `pass`, on the task's own scale."
    )
    critical: bool = Field(
        default=False, description="The whole card fails when this indicator does."
    )


class Scorecard(Contract):
    """One YAML file in `tasks/scorecards/`."""

    name: TaskName
    version: TaskVersion
    indicators: dict[TaskName, Indicator] = Field(
        min_length=1, max_length=200, description="By name of a task of kind `scoring`."
    )
    pass_at: float | None = Field(
        default=None, ge=0, le=100, description="Least percentage of the verdict `pass`."
    )


def scale_of(kind: TaskKind, output_schema: Mapping[str, Any]) -> Scale:
    """Return the scale of a task's points.

    Raises:
        ValueError: The task gives no points with a least and a most number.
    """
    score = output_schema.get("properties", {}).get(SCORE, {})
    least, most = score.get("minimum"), score.get("maximum")
    if (
        kind is not TaskKind.SCORING
        or SCORE not in output_schema.get("required", ())
        or score.get("type") not in {"integer", "number"}
        or not isinstance(least, int | float)
        or not isinstance(most, int | float)
        or least >= most
    ):
        raise ValueError(
            f"an indicator is a task of kind `scoring` that requires `{SCORE}`, a number with"
            " `minimum` and `maximum`"
        )
    return Scale(least, most)


def indicator_problem(indicator: Indicator, task: Task) -> str | None:
    """Return why a task cannot be this indicator; None when it can."""
    try:
        scale = scale_of(task.kind, task.output_schema)
    except ValueError as error:
        return str(error)
    if indicator.pass_at is not None and not scale.least <= indicator.pass_at <= scale.most:
        return f"pass_at: the points are from {scale.least:g} to {scale.most:g}"
    return None
