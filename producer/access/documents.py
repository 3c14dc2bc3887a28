"""Which documents a tenant may name: what it uploaded, and what the fleet's rules say is its own.

docfleet reads documents with its own credentials, which open the other tenants' as well. Pure.
"""

from __future__ import annotations

from producer.errors import ForbiddenError
from producer.rules import fits, with_buckets
from schemas.document import S3Uri, bucket_and_key
from settings.fleet import FleetSettings


def check_access(settings: FleetSettings, tenant: str, uri: S3Uri) -> None:
    """Raise ForbiddenError unless a document is the tenant's own.

    Args:
        settings: The fleet's; a rule without a bucket is one for the incoming bucket.
        tenant: Who names it.
        uri: Where it lies.
    """
    bucket, key = bucket_and_key(uri)
    rules = with_buckets(settings.rules, settings.incoming_bucket)
    # By name alone, since tags would need a request: each rule that may fit has to be the tenant's.
    owners = {fit.rule.tenant for fit in fits(rules, bucket, key)}
    allowed = (
        key.startswith(f"documents/{tenant}/")
        if bucket == settings.work_bucket
        else owners == {tenant} and bucket != settings.results_bucket
    )
    # Some stores take a path for what it would mean to a shell.
    if not allowed or not {"", ".", ".."}.isdisjoint(key.split("/")):
        raise ForbiddenError(
            f"{uri} is not tenant {tenant}'s: name what it uploaded, or give it the bucket or the"
            " prefix by a rule in fleet.toml"
        )
