"""How much of a bucket is listed each time."""

from __future__ import annotations

from producer.drops.listing_plan import ListingPlan, Range
from settings.sections.rules import Listing, RuleSettings

WHOLE = (Range(),)


def _rule(prefix: str, listing: Listing = Listing.FULL) -> RuleSettings:
    return RuleSettings(prefix=prefix, listing=listing, tasks=("fnol",))


def _listed(plan: ListingPlan, now: float, *keys: str) -> object:
    """One listing that goes to its end and meets these keys."""
    ranges = plan.next_ranges(now)
    for key in keys:
        plan.saw(f"s3://b/{key}")
    plan.done(ranges)
    return ranges


def test_all_is_listed_each_time_unless_a_rule_says_otherwise() -> None:
    """S3 cannot list what is new."""
    plan = ListingPlan([_rule("a/"), _rule("b/")], 3600)
    assert [_listed(plan, now, "a/1") for now in (0, 5, 10)] == [WHOLE] * 3


def test_by_name_goes_on_after_the_last_key() -> None:
    """And the other rules' prefixes are listed whole."""
    plan = ListingPlan([_rule("scans/", Listing.BY_NAME), _rule("fnol/")], 3600)
    assert _listed(plan, 0, "fnol/9", "scans/1", "scans/2", "x") == WHOLE
    assert _listed(plan, 5, "fnol/9", "scans/3") == (Range("fnol/"), Range("scans/", "scans/2"))
    assert _listed(plan, 10) == (Range("fnol/"), Range("scans/", "scans/3"))
    assert _listed(plan, 15) == (Range("fnol/"), Range("scans/", "scans/3"))


def test_all_is_listed_now_and_then_and_after_a_restart_of_redis() -> None:
    """An object with a slow upload sorts before the last key."""
    plan = ListingPlan([_rule("", Listing.BY_NAME)], 3600)
    assert _listed(plan, 0, "2025-05-03") == WHOLE
    assert _listed(plan, 3599) == (Range("", "2025-05-03"),)
    assert _listed(plan, 3600, "2025-05-03") == WHOLE
    assert _listed(plan, 3605) == (Range("", "2025-05-03"),)
    plan.restart()
    assert _listed(plan, 3610, "2025-05-03") == WHOLE


def test_a_listing_that_failed_is_made_again_from_where_it_began() -> None:
    """The keys that it met may not be settled."""
    plan = ListingPlan([_rule("", Listing.BY_NAME)], 3600)
    _listed(plan, 0, "1")
    plan.next_ranges(5)
    plan.saw("s3://b/2")
    assert plan.next_ranges(10) == (Range("", "1"),)


def test_what_has_to_be_met_again_is_not_passed() -> None:
    """A drop that waits for its tenant stands after the mark until it is taken."""
    plan = ListingPlan([_rule("", Listing.BY_NAME)], 3600)
    _listed(plan, 0, "1")
    ranges = plan.next_ranges(5)
    plan.saw("s3://b/2")
    plan.done(ranges, all_settled=False)
    assert plan.next_ranges(10) == (Range("", "1"),)


def test_a_whole_bucket_wins_over_by_name() -> None:
    """A rule for everything needs everything."""
    plan = ListingPlan([_rule("scans/", Listing.BY_NAME), _rule("")], 3600)
    assert [_listed(plan, now, "scans/1") for now in (0, 5)] == [WHOLE] * 2
