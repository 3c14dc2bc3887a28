"""The watcher's metrics: drops and listings, by bucket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter, time

from prometheus_client import Counter, Gauge, Histogram

DROPS = Counter("docfleet_drops", "Drops that were made a job, or found to need none.", ["bucket"])
LISTING_SECONDS = Histogram(
    "docfleet_listing_seconds",
    "Listings of a bucket that ended well, with all that they found settled.",
    ["bucket"],
    buckets=(0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3_600),
)
LISTED_AT = Gauge(
    "docfleet_listed_timestamp_seconds", "When a listing of a bucket last ended well.", ["bucket"]
)


def count_drop(bucket: str) -> None:
    """Count a drop that is settled."""
    DROPS.labels(bucket).inc()


@contextmanager
def listing(bucket: str) -> Iterator[None]:
    """Measure the block as a listing; a failed one is not measured."""
    began = perf_counter()
    yield
    LISTING_SECONDS.labels(bucket).observe(perf_counter() - began)
    LISTED_AT.labels(bucket).set(time())
