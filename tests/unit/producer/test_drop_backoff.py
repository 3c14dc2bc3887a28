"""Pauses between attempts to take drops."""

from __future__ import annotations

from producer.drops.backoff import Backoff


def test_pauses_double_up_to_a_maximum_and_a_success_resets_them() -> None:
    """The first pause after a success is the shortest again."""
    backoff = Backoff()
    assert [backoff.next_pause() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    backoff.reset()
    assert backoff.next_pause() == 1
