"""The states of a job: the table in code and the diagram in the docs."""

from __future__ import annotations

import re
from pathlib import Path

from schemas.states import TRANSITIONS, JobState
from schemas.webhooks.event import EVENT_OF

DIAGRAM = Path(__file__).parents[3] / "docs" / "life-of-a-job.md"


def test_the_diagram_shows_the_transitions_of_the_table_and_no_others() -> None:
    """Docs and code cannot drift apart."""
    drawn = set(re.findall(r"^ +(\w+) --> (\w+)$", DIAGRAM.read_text(), re.MULTILINE))
    assert drawn == {(str(a), str(b)) for a, after in TRANSITIONS.items() for b in after}


def test_every_closed_state_has_an_event() -> None:
    """A receiver of callbacks gets an event for every end."""
    assert set(EVENT_OF) == {state for state in JobState if state.closed}
