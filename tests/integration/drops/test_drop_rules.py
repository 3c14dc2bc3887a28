"""Rules at work on a real SeaweedFS: buckets, tags, callbacks, manifests, listings by name."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import HttpUrl
from redis.asyncio import Redis
from structlog.testing import capture_logs

from producer.client import connect
from producer.drops.manifest_tracker import Manifests
from producer.drops.submitter import DropSubmitter
from producer.drops.watcher import Watcher
from producer.rules import with_buckets
from schemas.job import JobSpec
from settings.fleet import FleetSettings
from settings.sections.rules import Listing, RuleSettings
from settings.sections.tenants import TenantSettings
from settings.sections.watch import WatchSettings
from storage.errors import ObjectMissingError
from storage.objects import ObjectInfo
from storage.s3 import S3Store
from tests.fixtures.drop_scene import drop, specs_in, until_told, watching
from tests.fixtures.servers import Buckets

PACKETS = RuleSettings(
    prefix="packets/", suffix=".pdf", manifest="*.manifest.json", tasks=("summary",)
)
MANIFEST = "packets/7/all.manifest.json"


async def _jobs(valkey_url: str) -> dict[str, JobSpec]:
    """All jobs in the ledger, by the key of their document; there is one for each."""
    specs = (await specs_in(valkey_url)).values()
    jobs = {spec.document.uri.split("/", 3)[3]: spec for spec in specs}
    assert len(jobs) == len(specs)
    return jobs


async def _until_jobs(valkey_url: str, *keys: str) -> dict[str, JobSpec]:
    async with asyncio.timeout(60):
        while not (jobs := await _jobs(valkey_url)).keys() >= set(keys):
            await asyncio.sleep(0.05)
    assert jobs.keys() == set(keys)
    return jobs


def _watching(
    settings: FleetSettings, *rules: RuleSettings
) -> AbstractAsyncContextManager[Watcher]:
    """A watcher with these rules, that has listed all its buckets once."""
    return watching(settings.model_copy(update={"rules": rules}))


async def _two_listings(watcher: Watcher) -> None:
    """Wait until each bucket was listed from its beginning to its end."""
    plans = [bucket._plan for bucket in watcher._buckets.values()]
    before = [plan.listings for plan in plans]
    async with asyncio.timeout(60):
        while any(plan.listings < n + 2 for plan, n in zip(plans, before, strict=True)):
            await asyncio.sleep(0.02)


def _put_manifest(s3: Buckets, manifest: Any, key: str = MANIFEST) -> None:
    drop(s3, key, json.dumps(manifest).encode())


async def test_all_buckets_that_rules_name_are_watched(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """The incoming bucket is that of rules that name none."""
    other = f"{s3.incoming}-other"
    s3.client.create_bucket(Bucket=other)
    rules = (RuleSettings(tasks=("fnol",)), RuleSettings(bucket=other, tasks=("summary",)))
    try:
        async with _watching(settings, *rules):
            drop(s3, "a.pdf")
            s3.client.put_object(Bucket=other, Key="b.pdf", Body=b"a claim")
            jobs = await _until_jobs(valkey_url, "a.pdf", "b.pdf")
        assert jobs["a.pdf"].tasks == ("fnol",)
        assert jobs["b.pdf"].tasks == ("summary",)
        assert jobs["b.pdf"].document.uri == f"s3://{other}/b.pdf"
    finally:
        s3.client.delete_object(Bucket=other, Key="b.pdf")
        s3.client.delete_bucket(Bucket=other)


async def test_a_rule_says_tenant_priority_and_callback_by_the_tags_of_a_drop(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """A drop that fits no rule with tags goes to the rule without tags."""
    with_tags = RuleSettings.model_validate(
        {
            "tags": {"line of business": "motor & home"},
            "tasks": ["fnol"],
            "tenant": "acme",
            "priority": "high",
            "callback": "https://acme.example/hook",
        }
    )
    async with _watching(settings, with_tags, RuleSettings(tasks=("summary",))):
        drop(s3, "a.pdf", tags="line+of+business=motor+%26+home&more=1")
        drop(s3, "b.pdf", tags="line+of+business=life")
        drop(s3, "c.pdf")
        jobs = await _until_jobs(valkey_url, "a.pdf", "b.pdf", "c.pdf")
    assert jobs["a.pdf"].tasks == ("fnol",)
    assert (jobs["a.pdf"].tenant, jobs["a.pdf"].priority.value) == ("acme", "high")
    assert jobs["a.pdf"].callback is not None
    assert jobs["a.pdf"].callback.url == HttpUrl("https://acme.example/hook")
    for key in ("b.pdf", "c.pdf"):
        assert (jobs[key].tasks, jobs[key].callback) == (("summary",), None)


async def test_a_tenant_with_too_many_jobs_does_not_stop_the_drops_of_others(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """Its own wait, are told of once, and are taken when there is room."""
    of_acme = RuleSettings(prefix="acme/", tasks=("fnol",), tenant="acme")
    narrow = {"tenants": {"acme": TenantSettings(max_queued=2)}}
    with capture_logs() as logs:
        async with _watching(
            settings.model_copy(update=narrow), of_acme, RuleSettings(tasks=("fnol",))
        ) as watcher:
            for number in range(5):
                drop(s3, f"acme/{number}.pdf")
            drop(s3, "zenith/a.pdf")
            async with asyncio.timeout(60):
                while "zenith/a.pdf" not in await _jobs(valkey_url):
                    await asyncio.sleep(0.02)
            await _two_listings(watcher)
            first = await _jobs(valkey_url)
            assert len(first) < 6
            async with Redis.from_url(valkey_url) as redis:
                await redis.flushall()  # room again
            await until_told(logs, "no drops wait for their tenant")
            assert len(first | await _jobs(valkey_url)) == 6
    told = Counter(entry["event"] for entry in logs)
    assert told["drops of a tenant have to wait"] == 1
    assert told["drops have to wait; trying again"] == 0


async def test_documents_wait_for_the_manifest_that_lists_them(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """Those that it lists become jobs with its metadata; others, and the manifest, do not."""
    with capture_logs() as logs:
        async with _watching(settings, PACKETS) as watcher:
            for key in ("packets/7/a.pdf", "packets/7/sub/b.pdf", "packets/7/unlisted.pdf"):
                drop(s3, key)
            drop(s3, "packets/8/a.pdf")
            await _two_listings(watcher)
            assert await _jobs(valkey_url) == {}
            _put_manifest(
                s3,
                {
                    "documents": [
                        {"key": "a.pdf", "metadata": {"claim": "4711"}},
                        {"key": "packets/7/sub/b.pdf"},
                    ]
                },
            )
            await _until_jobs(valkey_url, "packets/7/a.pdf", "packets/7/sub/b.pdf")
            await _two_listings(watcher)
        jobs = await _until_jobs(valkey_url, "packets/7/a.pdf", "packets/7/sub/b.pdf")
    assert jobs["packets/7/a.pdf"].metadata == {"claim": "4711"}
    told = [entry for entry in logs if "no manifest lists" in entry["event"]]
    assert [entry["uri"] for entry in told] == [f"s3://{s3.incoming}/packets/7/unlisted.pdf"]


async def test_documents_of_a_manifest_may_come_after_it(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """The log names missing documents, and they are taken when they come, after a restart too."""
    with capture_logs() as logs:
        async with _watching(settings, PACKETS):
            drop(s3, "packets/7/a.pdf")
            _put_manifest(s3, ["a.pdf", "b.pdf", "c.pdf"])
            waiting = await until_told(logs, "a manifest waits for documents")
            assert waiting["first"] == ["packets/7/b.pdf", "packets/7/c.pdf"]
            drop(s3, "packets/7/b.pdf")
            await _until_jobs(valkey_url, "packets/7/a.pdf", "packets/7/b.pdf")
        async with _watching(settings, PACKETS):
            drop(s3, "packets/7/c.pdf")
            await until_told(logs, "all documents of a manifest have come")
    await _until_jobs(valkey_url, *(f"packets/7/{name}.pdf" for name in "abc"))


async def test_a_manifest_that_is_written_anew_adds_its_documents(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """One that was not listed before is taken now."""
    async with _watching(settings, PACKETS) as watcher:
        drop(s3, "packets/7/a.pdf")
        drop(s3, "packets/7/b.pdf")
        _put_manifest(s3, ["a.pdf"])
        await _until_jobs(valkey_url, "packets/7/a.pdf")
        await _two_listings(watcher)
        _put_manifest(s3, ["a.pdf", "b.pdf"])
        await _until_jobs(valkey_url, "packets/7/a.pdf", "packets/7/b.pdf")


async def test_a_broken_manifest_is_told_of_and_a_mended_one_is_taken(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """Once for each version, with its place."""
    with capture_logs() as logs:
        async with _watching(settings, PACKETS) as watcher:
            drop(s3, "packets/7/a.pdf")
            _put_manifest(s3, {"documents": [{"name": "a.pdf"}]})
            told = await until_told(logs, "this manifest cannot be used")
            assert "documents.0.key" in told["error"]
            await _two_listings(watcher)
            _put_manifest(s3, ["a.pdf"])
            await _until_jobs(valkey_url, "packets/7/a.pdf")
    assert sum(entry["event"] == told["event"] for entry in logs) == 1


async def test_a_manifest_lists_only_what_its_rule_fits(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """A key of another rule stays that rule's."""
    with capture_logs() as logs:
        async with _watching(settings, PACKETS, RuleSettings(tasks=("fnol",))):
            drop(s3, "packets/7/a.pdf")
            drop(s3, "packets/7/b.txt")
            _put_manifest(s3, ["a.pdf", "b.txt"])
            jobs = await _until_jobs(valkey_url, "packets/7/a.pdf", "packets/7/b.txt")
            told = await until_told(
                logs, "a manifest lists what its rule does not fit: it becomes no job"
            )
    assert told["uri"].endswith("b.txt")
    assert jobs["packets/7/b.txt"].tasks == ("fnol",)


async def test_after_its_time_a_manifest_is_not_waited_for_any_more(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """The log names what never came; it is taken all the same if it comes later."""
    rules = with_buckets([PACKETS], s3.incoming)
    drop(s3, "packets/7/a.pdf")
    _put_manifest(s3, ["a.pdf", "b.pdf"])
    async with connect(settings) as client:
        drops = DropSubmitter(rules, client.store, client.submitter, max_bytes=2**20)
        manifests = Manifests(drops, wait_seconds=3600)
        found = await client.store.find(f"s3://{s3.incoming}/{MANIFEST}")
        fresh = ObjectInfo(found.uri, found.size, found.etag, datetime.now(UTC))
        old = ObjectInfo(found.uri, found.size, "other", fresh.modified_at - timedelta(hours=2))
        assert not await manifests.take_manifest(fresh, rules[0])
        assert not await manifests.take_manifest(fresh, rules[0])
        with capture_logs() as logs:
            assert await manifests.take_manifest(old, rules[0])
        assert logs[0]["first"] == ["packets/7/b.pdf"]
        await _until_jobs(valkey_url, "packets/7/a.pdf")
        drop(s3, "packets/7/b.pdf")
        late = await client.store.find(f"s3://{s3.incoming}/packets/7/b.pdf")
        assert await manifests.take_document(late, rules[0])
    await _until_jobs(valkey_url, "packets/7/a.pdf", "packets/7/b.pdf")


async def test_a_listing_by_name_finds_what_sorts_after_the_last_key(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """And a full one now and then finds the rest."""
    rule = RuleSettings(prefix="scans/", listing=Listing.BY_NAME, tasks=("fnol",))
    watch = WatchSettings(list_seconds=0.1, full_list_seconds=3600)
    seldom = settings.model_copy(update={"watch": watch})
    drop(s3, "scans/2025-05-03/b.pdf")
    async with _watching(seldom, rule) as watcher:
        drop(s3, "scans/2025-05-03/a.pdf")
        drop(s3, "scans/2025-05-03/c.pdf")
        drop(s3, "scans/2025-05-04/a.pdf")
        found = [f"scans/2025-05-0{name}.pdf" for name in ("3/b", "3/c", "4/a")]
        await _until_jobs(valkey_url, *found)
        await _two_listings(watcher)
        await _until_jobs(valkey_url, *found)
        watcher._buckets[s3.incoming]._plan.restart()
        await _until_jobs(valkey_url, *found, "scans/2025-05-03/a.pdf")


async def test_what_is_deleted_is_forgotten(settings: FleetSettings, s3: Buckets) -> None:
    """The watcher's memory is bounded by what lies in the bucket."""
    async with _watching(settings, RuleSettings(tasks=("fnol",))) as watcher:
        for number in range(10):
            drop(s3, f"{number}.pdf")
        await _two_listings(watcher)
        settled = watcher._buckets[s3.incoming]
        assert len(settled._settled) == 10
        for number in range(7):
            s3.client.delete_object(Bucket=s3.incoming, Key=f"{number}.pdf")
        await _two_listings(watcher)
        assert len(settled._settled) == 3


async def test_a_store_finds_one_object_and_lists_after_a_key(s3: Buckets) -> None:
    """A key that another begins with is not taken for it."""
    for key in ("a.pdf", "a.pdf.txt", "b/1 +%.pdf", "b/2.pdf"):
        drop(s3, key, key.encode(), tags="a=1&b=2")
    store = S3Store()
    bucket = f"s3://{s3.incoming}"
    listed = {one.uri: one async for one in store.list(s3.incoming)}
    assert len(listed) == 4
    for uri, one in listed.items():
        assert await store.find(uri) == one
    assert await store.tags(f"{bucket}/b/1 +%.pdf") == {"a": "1", "b": "2"}
    with pytest.raises(ObjectMissingError):
        await store.find(f"{bucket}/a.p")
    with pytest.raises(ObjectMissingError):
        await store.tags(f"{bucket}/a.p")
    after = [drop.uri async for drop in store.list(s3.incoming, prefix="b/", after="b/1 +%.pdf")]
    assert after == [f"{bucket}/b/2.pdf"]
    store.close()
