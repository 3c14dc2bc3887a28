"""The budget of processor time: what is spent comes back, and one tenant's is not another's."""

from __future__ import annotations

import pytest

from producer.errors import TooManyAtOnceError
from producer.http.limits.budget import Budget


class Clock:
    """Seconds that pass when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        """Return the present time."""
        return self.now


def test_what_was_spent_comes_back_by_and_by() -> None:
    """A tenant that spent all waits; others do not."""
    clock = Clock()
    budget = Budget("chats", 10, regained=0.25, clock=clock)
    budget.spend("a", 9.9)
    budget.check("a")
    budget.spend("a", 0.6)
    with pytest.raises(TooManyAtOnceError, match="chats of a took 10 s"):
        budget.check("a")
    budget.check("b")
    clock.now += 2
    with pytest.raises(TooManyAtOnceError):
        budget.check("a")
    clock.now += 0.1
    budget.check("a")


def test_however_many_spend_little_is_remembered() -> None:
    """The one that spent longest ago is forgotten first."""
    budget = Budget("chats", 1, regained=0.25, most=2, clock=Clock())
    for tenant in ("a", "b", "a", "c"):
        budget.spend(tenant, 5)
    budget.check("b")
    for tenant in ("a", "c"):
        with pytest.raises(TooManyAtOnceError):
            budget.check(tenant)
