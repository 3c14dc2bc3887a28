"""Uploads to a real SeaweedFS: streamed in parts, all or nothing."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from storage.errors import ObjectMissingError
from storage.s3 import S3Store
from tests.fixtures.servers import Buckets

CHUNK = 256 * 2**10


@pytest.fixture
def store(s3: Buckets) -> S3Store:
    """The store on this test's buckets."""
    assert s3.work
    return S3Store()


async def _chunks(count: int, failure: BaseException | None = None) -> AsyncIterator[bytes]:
    for number in range(count):
        yield bytes([number % 251]) * CHUNK
    if failure is not None:
        raise failure


def _unfinished(s3: Buckets) -> int:
    return len(s3.client.list_multipart_uploads(Bucket=s3.work).get("Uploads", []))


@pytest.mark.parametrize("count", [0, 1, 20, 60])
async def test_what_is_uploaded_in_chunks_lies_there_whole(
    s3: Buckets, store: S3Store, count: int
) -> None:
    """Nothing, less than a part, a part exactly, several parts."""
    uri = f"s3://{s3.work}/a b/ü+%.bin"
    await store.upload(uri, _chunks(count), media_type="text/plain")
    sent = b"".join([chunk async for chunk in _chunks(count)])
    got = await store.get(uri, max_bytes=2**30)
    assert hashlib.sha256(got).digest() == hashlib.sha256(sent).digest()
    head = s3.client.head_object(Bucket=s3.work, Key="a b/ü+%.bin")
    assert head["ContentType"] == "text/plain"
    assert _unfinished(s3) == 0


async def test_an_upload_that_breaks_off_leaves_nothing(s3: Buckets, store: S3Store) -> None:
    """Neither an object nor parts of one, whatever broke it off."""
    uri = f"s3://{s3.work}/broken.bin"
    with pytest.raises(ZeroDivisionError):
        await store.upload(uri, _chunks(30, ZeroDivisionError()), media_type="text/plain")
    never = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        async for chunk in _chunks(30):
            yield chunk
        reached.set()
        await never.wait()

    reached = asyncio.Event()
    upload = asyncio.create_task(store.upload(uri, stuck(), media_type="text/plain"))
    await reached.wait()
    assert _unfinished(s3) == 1
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    with pytest.raises(ObjectMissingError):
        await store.get(uri, max_bytes=2**30)
    assert _unfinished(s3) == 0


async def test_a_moved_object_lies_at_its_new_place_alone(s3: Buckets, store: S3Store) -> None:
    """Over another, if there is one."""
    old, new = f"s3://{s3.work}/up/1", f"s3://{s3.work}/documents/ü 2+%"
    await store.put(new, b"other", media_type="text/plain")
    await store.put(old, b"mine", media_type="text/plain")
    await store.move(old, new)
    assert await store.get(new, max_bytes=10) == b"mine"
    with pytest.raises(ObjectMissingError):
        await store.get(old, max_bytes=10)
    with pytest.raises(ObjectMissingError):
        await store.move(old, new)


async def test_what_was_left_behind_is_taken_away(s3: Buckets, store: S3Store) -> None:
    """Under its prefix, and only what is old enough."""
    s3.client.create_multipart_upload(Bucket=s3.work, Key="uploads/a/1")
    s3.client.create_multipart_upload(Bucket=s3.work, Key="other/1")
    await store.put(f"s3://{s3.work}/uploads/a/2", b"x", media_type="text/plain")
    await store.put(f"s3://{s3.work}/documents/a", b"x", media_type="text/plain")
    now = datetime.now(UTC)
    day = timedelta(days=1)
    assert await store.abandon_uploads(s3.work, prefix="uploads/", before=now - day) == 0
    assert await store.abandon_uploads(s3.work, prefix="uploads/", before=now + day) == 2
    assert [one.uri async for one in store.list(s3.work)] == [f"s3://{s3.work}/documents/a"]
    assert _unfinished(s3) == 1
