"""Documents that a tenant may name: its own uploads, and objects that the fleet's rules give it.

docfleet reads documents with its own credentials, which also open those of other tenants. Pure.
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
        tenant: The tenant that names the document.
        uri: The document's URI.
    """
    bucket, key = bucket_and_key(uri)
    rules = with_buckets(settings.rules, settings.incoming_bucket)
    # Rules are compared by name alone, since tags need a request: each rule that may fit must be
    # the tenant's.
    owners = {fit.rule.tenant for fit in fits(rules, bucket, key)}
    allowed = (
        key.startswith(f"documents/{tenant}/")
        if bucket == settings.work_bucket
        else owners == {tenant} and bucket != settings.results_bucket
    )
    # Some stores resolve `.` and `..` in a key, as a shell does in a path.
    if not allowed or not {"", ".", ".."}.isdisjoint(key.split("/")):
        raise ForbiddenError(
            f"{uri} is not tenant {tenant}'s: name what it uploaded, or give it the bucket or the"
            " prefix by a rule in fleet.toml"
        )
