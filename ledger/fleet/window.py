"""The window: the number of records of a queue that may be dispatched or leased at once."""

from __future__ import annotations


def window(capacity: int) -> int:
    """Return the capacity and a tenth more, at least two; the ledger's scripts compute the same.

    Args:
        capacity: Records that the queue's live workers can hold.
    """
    return capacity + max(2, -(-capacity // 10))
