"""Metadata of drops goes with their jobs, and equal bytes may be one job."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from producer.client import connect
from schemas.job import DocumentSource, JobRequest
from settings.fleet import FleetSettings
from settings.sections.documents import DocumentSettings
from settings.sections.rules import RuleSettings, SameBytes
from storage.s3 import S3Store
from tests.fixtures.drop_scene import drop, specs_in, until_jobs, until_told, watching
from tests.fixtures.servers import Buckets

BY_CLAIM = RuleSettings(prefix="fnol/", key_metadata="fnol/{claim}/*", tasks=("fnol",))


def _drop(s3: Buckets, key: str, **metadata: str) -> None:
    s3.client.put_object(Bucket=s3.incoming, Key=key, Body=key.encode(), Metadata=metadata)


async def test_an_objects_metadata_and_what_its_key_says_go_with_the_job(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """The document has both; the job's own metadata is what the key says."""
    ruled = settings.model_copy(update={"rules": (BY_CLAIM,)})
    _drop(s3, "fnol/HM-1/a.pdf", claim="HM-1/2", source="portal")
    async with watching(ruled):
        (spec,) = (await until_jobs(valkey_url, 1)).values()
    assert spec.document.metadata == {"claim": "HM-1", "source": "portal"}
    assert spec.metadata == {"claim": "HM-1"}


async def test_personal_metadata_can_be_left_where_it_is(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """Of drops and of documents that a request names; what a rule reads from the key stays."""
    blind = {"documents": DocumentSettings(object_metadata=False), "rules": (BY_CLAIM,)}
    _drop(s3, "fnol/HM-1/a.pdf", name="Jane Roe")
    _drop(s3, "elsewhere.pdf", name="Jane Roe")
    named = settings.model_copy(update=blind)
    async with watching(named):
        await until_jobs(valkey_url, 1)
    request = JobRequest(
        document=DocumentSource(uri=f"s3://{s3.incoming}/elsewhere.pdf"), tasks=("fnol",)
    )
    async with connect(named) as client:
        await client.submit(request)
    async with connect(settings) as client:
        await client.submit(request)
    found = [spec.document.metadata for spec in (await specs_in(valkey_url)).values()]
    assert sorted(map(str, found)) == sorted(
        map(str, [{"claim": "HM-1"}, {}, {"name": "Jane Roe"}])
    )


async def test_a_version_of_an_object_has_its_own_metadata(s3: Buckets) -> None:
    """The one that was asked for, and not the present one's."""
    bucket = f"{s3.incoming}-versions"
    s3.client.create_bucket(Bucket=bucket)
    store = S3Store()
    try:
        s3.client.put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
        )
        put = s3.client.put_object
        first = put(Bucket=bucket, Key="a", Body=b"1", Metadata={"claim": "1"})["VersionId"]
        put(Bucket=bucket, Key="a", Body=b"2", Metadata={"claim": "2"})
        uri = f"s3://{bucket}/a"
        assert (await store.head(uri, first)).metadata == {"claim": "1"}
        assert (await store.head(uri)).metadata == {"claim": "2"}
    finally:
        store.close()
        for version in s3.client.list_object_versions(Bucket=bucket).get("Versions", ()):
            s3.client.delete_object(Bucket=bucket, Key="a", VersionId=version["VersionId"])
        s3.client.delete_bucket(Bucket=bucket)


async def test_the_same_bytes_under_two_keys_are_one_job_where_a_rule_says_so(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """Of each tenant; where no rule says so, they are two."""
    once = {"suffix": ".pdf", "same_bytes": SameBytes.ONE_JOB, "tasks": ("fnol",)}
    rules = (
        RuleSettings(prefix="acme/", tenant="acme", **once),
        RuleSettings(prefix="zenith/", tenant="zenith", **once),
        RuleSettings(tasks=("fnol",)),
    )
    with capture_logs() as logs:
        async with watching(settings.model_copy(update={"rules": rules})):
            for key in ("acme/1.pdf", "acme/2.pdf", "zenith/1.pdf", "1.txt", "2.txt"):
                drop(s3, key, b"the same")
            told = await until_told(logs, "the same bytes are a job already")
            assert Path(told["uri"]).parent.name == "acme"
            specs = (await until_jobs(valkey_url, 4)).values()
    tenants = sorted(spec.tenant for spec in specs)
    assert tenants == ["acme", "default", "default", "zenith"]


@pytest.mark.parametrize("said", ["=?UTF-8?B?U2Now6RkZW4=?=", "=?UTF-8?Q?Sch=C3=A4den?="])
async def test_metadata_that_s3_encodes_is_read(s3: Buckets, said: str) -> None:
    """S3 gives what is not ASCII as RFC 2047 says; words that only look so stay."""
    _drop(s3, "a", where=said, odd="=?x?", torn="=?UTF-8?B?!?=")
    store = S3Store()
    found = (await store.head(f"s3://{s3.incoming}/a")).metadata
    store.close()
    assert (found["where"], found["odd"]) == ("Schäden", "=?x?")
