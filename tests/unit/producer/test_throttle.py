"""The throttle: who fails too often waits, and what is remembered has a bound."""

from __future__ import annotations

import pytest

from producer.access.throttle import Throttle
from producer.errors import TooManyAttemptsError


class Clock:
    """Seconds that pass when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        """Return the present time."""
        return self.now


def test_after_a_burst_one_more_failure_is_borne_every_few_seconds() -> None:
    """And the wait that is told is the one that it takes."""
    clock = Clock()
    throttle = Throttle(burst=3, every_seconds=6, clock=clock)
    assert [throttle.failed("a") for _ in range(3)] == [False, False, True]
    with pytest.raises(TooManyAttemptsError) as caught:
        throttle.check("a")
    assert caught.value.wait_seconds == 6
    throttle.check("b")
    clock.now += 5.5
    assert throttle.wait_seconds("a") == 0.5
    clock.now += 0.5
    throttle.check("a")
    assert throttle.failed("a")
    clock.now += 3600
    assert [throttle.failed("a") for _ in range(3)] == [False, False, True]


def test_however_many_fail_little_is_remembered() -> None:
    """The one that failed longest ago is forgotten first."""
    throttle = Throttle(burst=1, every_seconds=3600, most=100)
    for number in range(10_000):
        throttle.failed(f"address {number}")
    assert len(throttle._clear_at) == 100
    assert throttle.wait_seconds("address 9999") > 0
    assert throttle.wait_seconds("address 1") == 0
