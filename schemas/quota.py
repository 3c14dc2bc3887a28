"""Quota: maximum use of the fleet by one tenant."""

from __future__ import annotations

from typing import NamedTuple


class Quota(NamedTuple):
    """The most that one tenant may have in the ledger; 0 for no bound.

    Attributes:
        in_line: Jobs that wait for their turn.
        stored: Bytes of its records; up to 1, a share of the memory that Redis may use.
    """

    in_line: int = 0
    stored: float = 0


NO_QUOTA = Quota()
