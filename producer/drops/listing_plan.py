"""Plan of the listings: the part of a bucket that each listing reads. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schemas.document import S3Uri, bucket_and_key
from settings.sections.rules import Listing, RuleSettings


class Range(NamedTuple):
    """Part of a bucket; the whole bucket by default.

    Attributes:
        prefix: Prefix of its keys.
        after: Key after which it begins.
    """

    prefix: str = ""
    after: str = ""


class ListingPlan:
    """Progress of each rule with `by-name`.

    S3 cannot list new objects only. Without a `by-name` rule, every listing reads the whole bucket.
    With one, a listing reads the rules' prefixes, that rule's prefix from its last key on, and now
    and then everything: a slow upload or an overwritten key may sort before the last key.

    Args:
        rules: The rules of one bucket.
        full_seconds: Seconds between two listings of everything.

    Attributes:
        listings: Number of complete listings.
    """

    def __init__(self, rules: Sequence[RuleSettings], full_seconds: float) -> None:
        whole = {rule.prefix for rule in rules if rule.listing is Listing.FULL}
        by_name = {rule.prefix for rule in rules if rule.listing is Listing.BY_NAME} - whole
        self._whole = tuple(sorted(whole))
        self._marks = dict.fromkeys(sorted(by_name), "")
        self._last = dict(self._marks)
        self._full_seconds = full_seconds
        self.listings = 0
        self._full_due_at: float | None = None
        self._started_at = 0.0

    def next_ranges(self, now: float) -> Sequence[Range]:
        """Return the ranges to list now.

        Args:
            now: Seconds of a clock that never goes back.
        """
        self._last = dict(self._marks)
        self._started_at = now
        if not self._marks or "" in self._whole:
            return (Range(),)
        if self._full_due_at is None or now >= self._full_due_at:
            return (Range(),)
        named = [Range(prefix, after) for prefix, after in self._marks.items()]
        return (*(Range(prefix) for prefix in self._whole), *named)

    def saw(self, uri: S3Uri) -> None:
        """Note an object of the listing."""
        key = bucket_and_key(uri)[1]
        for prefix in self._last:
            if key.startswith(prefix):
                self._last[prefix] = key

    def done(self, ranges: Sequence[Range], *, all_settled: bool = True) -> None:
        """Note that a listing is complete.

        Args:
            ranges: The ranges that it read.
            all_settled: True when no object in it has to be met again.
        """
        self.listings += 1
        if not all_settled:
            return
        self._marks = dict(self._last)
        if ranges == (Range(),):
            self._full_due_at = self._started_at + self._full_seconds

    def restart(self) -> None:
        """List everything the next time."""
        self._full_due_at = None
