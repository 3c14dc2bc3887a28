"""How long a part waits before it is started again."""

from __future__ import annotations

from docfleet.processes.backoff import Backoff


def test_wait_doubles_from_one_second_to_thirty() -> None:
    """A part that crashes at once does not take the machine with it."""
    backoff = Backoff()
    assert [backoff.wait_after(0) for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_part_that_ran_well_waits_one_second_again() -> None:
    """A crash of last week is forgotten."""
    backoff = Backoff()
    for _ in range(5):
        backoff.wait_after(0)
    assert backoff.wait_after(29) > 1
    assert [backoff.wait_after(30), backoff.wait_after(0)] == [1, 2]
