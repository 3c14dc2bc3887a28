"""Scorecard files."""

from __future__ import annotations

from pathlib import Path

import pytest

from settings.errors import SettingsError
from settings.sections.scorecards import load_scorecards
from settings.sections.tasks import load_tasks

SHIPPED = Path(__file__).parents[3] / "tasks"
TASKS = load_tasks(SHIPPED)


def _written(folder: Path, text: str) -> Path:
    (folder / "scorecards").mkdir()
    (folder / "scorecards" / "card.yaml").write_text(text)
    return folder


def test_the_shipped_scorecard_has_all_shipped_indicators() -> None:
    """At least a dozen."""
    (card,) = load_scorecards(SHIPPED, TASKS).values()
    assert card.name == "call-quality"
    assert {f"{name}.yaml" for name in card.indicators} == {
        path.name for path in (SHIPPED / "indicators").iterdir()
    }
    assert len(card.indicators) >= 12


def test_a_folder_without_scorecards_has_none(tmp_path: Path) -> None:
    """Most fleets score nothing."""
    assert load_scorecards(tmp_path, TASKS) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: c\nversion: 1\nindicators: {}\n", "indicators: Dictionary should have at least 1"),
        ("name: c\nversion: 1\nindicators: {nope: {}}\n", "indicators.nope: there is no task"),
        ("name: c\nversion: 1\nindicators: {fnol: {}}\n", "fnol: an indicator is a task of kind"),
        (
            "name: c\nversion: 1\nindicators: {call-score: {pass_at: 11}}\n",
            "indicators.call-score: pass_at: the points are from 0 to 10",
        ),
        ("name: fnol\nversion: 1\nindicators: {call-score: {}}\n", "name: 'fnol' is another"),
        ("name: c\nversion: 1\nindicators: {call-score: {weight: 0}}\n", "weight"),
        ("name: [", "cannot be read"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    """The worker and the API refuse to start."""
    with pytest.raises(SettingsError, match=r"card\.yaml") as refused:
        load_scorecards(_written(tmp_path, text), TASKS)
    assert words in str(refused.value)
