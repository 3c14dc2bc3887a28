"""The version of a document that was accepted is the one that is read, or it is told of."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest

from ledger.ledger import Ledger
from producer.client import Client, connect
from producer.drops.bucket_event import ObjectCreated
from schemas.document import DocumentRef
from schemas.failure import FailureCode
from schemas.job import DocumentSource, JobRequest, JobSpec
from schemas.queues import PREPARE_QUEUE
from settings.fleet import FleetSettings
from storage.errors import ObjectChangedError
from storage.objects import ObjectVersion
from storage.s3 import S3Store
from tests.fixtures.drop_scene import drop, until_jobs, watching
from tests.fixtures.emulators import Emulator
from tests.fixtures.servers import Buckets
from workers.errors import StageError
from workers.objects import fetch_document
from workers.prepare.stage import PrepareStage

KEY = "fnol/a.pdf"


@pytest.fixture(params=["versions", "no versions"])
def has_versions(request: pytest.FixtureRequest, s3: Buckets) -> bool:
    """Return whether the incoming bucket keeps overwritten versions."""
    if request.param != "versions":
        return False
    _keep_versions(s3)
    return True


def _keep_versions(s3: Buckets) -> None:
    s3.client.put_bucket_versioning(
        Bucket=s3.incoming, VersioningConfiguration={"Status": "Enabled"}
    )


@pytest.fixture
async def client(settings: FleetSettings) -> AsyncIterator[Client]:
    """Submits to this test's Redis and reads this test's buckets."""
    async with connect(settings) as client:
        yield client


async def _read(client: Client, document: DocumentRef) -> bytes | FailureCode:
    """The bytes that a worker reads, or what it dies of."""
    try:
        return await fetch_document(client.store, document, max_bytes=2**20)
    except StageError as error:
        return error.failure.code


async def _submitted(client: Client, uri: str, key: str | None = None) -> DocumentRef:
    request = JobRequest(document=DocumentSource(uri=uri), tasks=("fnol",))
    return (await client.submit(request, idempotency_key=key)).document


async def test_each_of_two_drops_under_one_key_is_read_as_it_was_dropped(
    settings: FleetSettings, s3: Buckets, valkey_url: str, client: Client, *, has_versions: bool
) -> None:
    """Without versions, what was overwritten is `document.changed`, and never the other's bytes."""
    async with watching(settings):
        for count, data in enumerate((b"first", b"second"), start=1):
            drop(s3, KEY, data)
            specs = await until_jobs(valkey_url, count)
    read = {await _read(client, spec.document) for spec in specs.values()}
    lost = b"first" if has_versions else FailureCode.DOCUMENT_CHANGED
    assert read == {lost, b"second"}


async def test_what_a_request_names_is_read_as_it_was_when_that_was_accepted(
    s3: Buckets, client: Client, *, has_versions: bool
) -> None:
    """Overwritten or deleted; the same request again is the same job all the same."""
    uri = f"s3://{s3.incoming}/{KEY}"
    for change in ("overwritten", "deleted"):
        drop(s3, KEY, b"first")
        document = await _submitted(client, uri, change)
        assert await _read(client, document) == b"first"
        if change == "deleted":
            s3.client.delete_object(Bucket=s3.incoming, Key=KEY)
        else:
            drop(s3, KEY, b"second")
        assert await _submitted(client, uri, change) == document
        read = await _read(client, document)
        assert read == (b"first" if has_versions else FailureCode.DOCUMENT_CHANGED)


async def test_what_was_not_there_when_it_was_accepted_is_read_as_it_comes(
    s3: Buckets, client: Client
) -> None:
    """Nothing is known then that could have changed."""
    uri = f"s3://{s3.incoming}/{KEY}"
    document = await _submitted(client, uri)
    assert await _read(client, document) is FailureCode.DOCUMENT_MISSING
    drop(s3, KEY, b"at last")
    assert await _read(client, document) == b"at last"


async def test_a_store_that_does_not_answer_stops_no_submit(
    s3: Buckets, settings: FleetSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The document is then what its first reader finds."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    async with connect(settings) as client:
        document = await _submitted(client, f"s3://{s3.incoming}/{KEY}")
    assert document.etag is None


async def test_an_event_brings_the_very_version_that_it_is_about(
    settings: FleetSettings, s3: Buckets, valkey_url: str, client: Client
) -> None:
    """Overwritten before anybody looked, or deleted; the listing finds the same jobs."""
    _keep_versions(s3)
    sent = [
        s3.client.put_object(Bucket=s3.incoming, Key=KEY, Body=data)["VersionId"]
        for data in (b"first", b"second")
    ]
    s3.client.put_object(Bucket=s3.incoming, Key=f"{KEY}.pdf", Body=b"another")
    hourly = settings.watch.model_copy(update={"list_seconds": 3600})
    async with watching(settings.model_copy(update={"watch": hourly})) as watcher:
        await until_jobs(valkey_url, 2)
        for version_id in (*sent, "no such version", "null"):
            created = ObjectCreated(s3.incoming, (KEY,), version_id)
            await watcher.take(created)
    specs = await until_jobs(valkey_url, 3)
    read = {await _read(client, spec.document) for spec in specs.values()}
    assert read == {b"first", b"second", b"another"}


async def test_an_upload_that_is_not_what_its_key_says_is_not_read(
    settings: FleetSettings, s3: Buckets, client: Client, ledger: Ledger
) -> None:
    """Its key is the sha256 of what was accepted."""
    request = JobRequest(document=DocumentSource(text="a claim"), tasks=("fnol",))
    job = await client.submit(request)
    digest = hashlib.sha256(b"a claim").hexdigest()
    assert digest in job.document.uri
    key = job.document.uri.removeprefix(f"s3://{s3.work}/")
    s3.client.put_object(Bucket=s3.work, Key=key, Body=b"another claim")
    stage = PrepareStage(settings, client.store, client.submitter.tasks, [])
    claim = await ledger.claim(job.id, "w1", 30, queue=PREPARE_QUEUE)
    assert claim is not None
    assert JobSpec.model_validate_json(claim.spec).document == job.document
    with pytest.raises(StageError, match="other bytes") as raised:
        await stage.run(claim)
    assert raised.value.failure.code is FailureCode.DOCUMENT_CHANGED


@pytest.mark.parametrize("kind", ["ministack", "moto"])
@pytest.mark.parametrize("versions", [True, False])
async def test_other_stores_give_the_version_that_is_asked_for_or_none(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, kind: str, *, versions: bool
) -> None:
    """This holds for stores with and without `If-Match`."""
    emulator: Emulator = request.getfixturevalue(kind)
    for name, value in emulator.environment().items():
        monkeypatch.setenv(name, value)
    bucket, s3 = f"bucket-{versions}".lower(), emulator.client("s3")
    s3.create_bucket(Bucket=bucket)
    if versions:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    uri, store = f"s3://{bucket}/{KEY}", S3Store()
    s3.put_object(Bucket=bucket, Key=KEY, Body=b"first")
    first = await store.head(uri)
    s3.put_object(Bucket=bucket, Key=KEY, Body=b"second")
    second = await store.head(uri)

    async def read(version: ObjectVersion) -> bytes | None:
        try:
            return await store.get(uri, max_bytes=100, version=version)
        except ObjectChangedError:
            return None

    assert await asyncio.gather(read(first), read(second)) == [
        b"first" if versions else None,
        b"second",
    ]
    if versions:
        assert (await store.find(uri, first.version_id)).etag == first.etag
    store.close()
