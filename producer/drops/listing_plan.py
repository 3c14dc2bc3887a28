"""Plan of the listings: the part of a bucket that each listing reads. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schemas.document import S3Uri, bucket_and_key
from settings.sections.rules import Listing, RuleSettings


class Range(NamedTuple):
    """A part of a bucket; by default all of it.

    Attributes:
        prefix: How its keys start.
        after: It begins after this key.
    """

    prefix: str = ""
    after: str = ""


class ListingPlan:
    """Remembers how far each rule with `by-name` got.

    S3 cannot list what is new. Where no rule says `by-name`, all is listed each time; where one
    does, the rules' prefixes are, this one's from its last key on, and all now and then: an
    upload that took long, or an overwritten key, stands before the last one.

    Args:
        rules: Those of one bucket.
        full_seconds: Between two listings of all.

    Attributes:
        listings: How many went to their end.
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
            now: Seconds of any clock that only goes forward.
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
        """The listing went to its end.

        Args:
            ranges: What it was of.
            all_settled: Whether nothing in it has to be met again.
        """
        self.listings += 1
        if not all_settled:
            return
        self._marks = dict(self._last)
        if ranges == (Range(),):
            self._full_due_at = self._started_at + self._full_seconds

    def restart(self) -> None:
        """List all at the next time."""
        self._full_due_at = None
