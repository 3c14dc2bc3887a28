"""The window: how many records of a queue may be dispatched or leased at once."""

from __future__ import annotations


def window(capacity: int) -> int:
    """The capacity and a tenth more, at least two; the ledger's scripts count the same.

    Args:
        capacity: Records that the queue's live workers can hold.
    """
    return capacity + max(2, -(-capacity // 10))
