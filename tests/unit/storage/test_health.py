"""When the object store counts as unwell."""

from __future__ import annotations

import pytest

from storage import health
from storage.health import StoreHealth


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in seconds; a test sets it."""
    now = [1000.0]
    monkeypatch.setattr(health, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("answered", "failed", "is_unwell"),
    [(0, 0, False), (100, 0, False), (0, 1, True), (99, 5, False), (90, 5, True)],
)
def test_a_store_is_unwell_while_one_call_in_twenty_fails(
    clock: list[float], answered: int, failed: int, *, is_unwell: bool
) -> None:
    """One object that cannot be read, among many that can, makes nobody wait."""
    assert clock
    store = StoreHealth()
    for _ in range(answered):
        store.note(is_answered=True)
    for _ in range(failed):
        store.note(is_answered=False)
    assert (store.outage_seconds is not None) is is_unwell


def test_an_outage_lasts_from_the_last_answer_to_the_next(clock: list[float]) -> None:
    """Failures of more than a minute ago count no more."""
    store = StoreHealth()
    store.note(is_answered=True)
    clock[0] += 500
    store.note(is_answered=False)
    assert store.outage_seconds == 500
    clock[0] += 61
    store.note(is_answered=True)
    assert store.outage_seconds is None
