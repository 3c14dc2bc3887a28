"""A store that answers badly: a proxy in front of a real SeaweedFS makes it do so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress

import pytest
from aiohttp import web

from chaos.parts.store_proxy import Fault, StoreProxy, puts_object
from storage.errors import BadAnswerError, ObjectExistsError, StorageUnavailableError
from storage.objects import ObjectVersion
from storage.s3 import S3Store
from tests.fixtures.servers import Buckets

DATA = b"Hail broke two skylights.\n" * 400


@pytest.fixture
async def proxy(s3: Buckets) -> AsyncIterator[StoreProxy]:
    """Between the store under test and the server."""
    port = int(s3.server.access.endpoint_url.rpartition(":")[2])
    async with StoreProxy(port) as proxy:
        yield proxy


@pytest.fixture
async def store(proxy: StoreProxy) -> AsyncIterator[S3Store]:
    """A store that goes through the proxy."""
    store = S3Store(endpoint_url=f"http://127.0.0.1:{proxy.port}")
    yield store
    store.close()


def _always(fault: Fault) -> Callable[[web.Request], Fault | None]:
    return lambda _: fault


def _once(*faults: Fault | None) -> Callable[[web.Request], Fault | None]:
    left = iter(faults)
    return lambda _: next(left, None)


def _calls(store: S3Store, bucket: str) -> Iterable[Callable[[], Awaitable[object]]]:
    """Each call that the store knows; their objects are those of `_prepared`."""
    uri = f"s3://{bucket}/there"

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield bytes(4 * 2**20)

    async def keys() -> list[str]:
        return [one.uri async for one in store.list(bucket)]

    yield lambda: store.get(uri, max_bytes=2**20)
    yield lambda: store.head(uri)
    yield lambda: store.get_range(uri, 5, 100)
    yield lambda: store.put(f"{uri}-put", DATA, media_type="text/plain")
    yield lambda: store.find(uri)
    yield lambda: store.tags(uri)
    yield keys
    yield lambda: store.upload(f"{uri}-uploaded", chunks(), media_type="text/plain")
    yield lambda: store.move(f"{uri}-to-move", f"{uri}-moved")
    yield lambda: store.delete(f"{uri}-to-delete")
    yield lambda: store.create(f"{uri}-created", DATA, media_type="text/plain")


def _prepared(s3: Buckets) -> None:
    for key in ("there", "there-to-move", "there-to-delete"):
        s3.client.put_object(Bucket=s3.work, Key=key, Body=DATA)


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.PAGE, Fault.MISSING_PAGE])
async def test_no_answer_that_is_none_is_anything_but_the_stores_failure(
    s3: Buckets, proxy: StoreProxy, store: S3Store, fault: Fault
) -> None:
    """Of no call: a page is no object, its 404 no missing one, a body that breaks off no defect."""
    _prepared(s3)
    proxy.chooses = _always(fault)
    for call in _calls(store, s3.work):
        # The second try meets the object that the first one created.
        with pytest.raises((StorageUnavailableError, ObjectExistsError)) as raised:
            await call()
        if isinstance(raised.value, StorageUnavailableError):
            assert raised.value.outage_seconds is not None


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.PAGE, Fault.BARE, Fault.SHORT, Fault.JUNK])
async def test_what_was_answered_badly_once_is_asked_for_again(
    s3: Buckets, proxy: StoreProxy, store: S3Store, fault: Fault
) -> None:
    """Every call comes to its end; a length that is too small, or bytes that are not its own."""
    _prepared(s3)
    for number, call in enumerate(_calls(store, s3.work)):
        proxy.chooses = _once(fault)
        with suppress(ObjectExistsError):
            got = await call()
            assert number or got == DATA
    assert proxy.made[fault] > 0
    keys = {entry["Key"] for entry in s3.client.list_objects_v2(Bucket=s3.work)["Contents"]}
    made = ("put", "uploaded", "moved", "created")
    assert keys == {"there", *(f"there-{name}" for name in made)}


async def test_what_was_answered_as_written_and_is_not_there_is_written_again(
    s3: Buckets, proxy: StoreProxy, store: S3Store
) -> None:
    """Or it is the store's failure; what was to be replaced does not pass for its successor."""
    uri = f"s3://{s3.work}/result.json"
    proxy.chooses = _once(Fault.SWALLOWED)
    await store.create(uri, b"first", media_type="text/plain")
    first = await store.read(uri, max_bytes=100)
    proxy.chooses = _once(Fault.SWALLOWED)
    await store.replace(uri, b"second", etag=first.etag, media_type="text/plain")
    second = await store.read(uri, max_bytes=100)
    assert (first.data, second.data) == (b"first", b"second")
    proxy.chooses = lambda request: Fault.SWALLOWED if puts_object(request) else None
    with pytest.raises(BadAnswerError, match="is not there"):
        await store.create(f"{uri}-2", b"third", media_type="text/plain")
    with pytest.raises(BadAnswerError, match="as before"):
        await store.replace(uri, b"third", etag=second.etag, media_type="text/plain")


async def test_an_object_without_a_checksum_that_comes_short_is_found_out_by_its_size(
    s3: Buckets, proxy: StoreProxy, store: S3Store
) -> None:
    """An upload in parts makes such an object."""
    uri = f"s3://{s3.work}/large"

    async def chunks() -> AsyncIterator[bytes]:
        yield bytes(6 * 2**20)

    await store.upload(uri, chunks(), media_type="text/plain")
    version = await store.head(uri)
    proxy.chooses = _always(Fault.SHORT)
    with pytest.raises(BadAnswerError, match="6291456"):
        await store.get(uri, max_bytes=2**30, version=version)
    proxy.chooses = _once(Fault.SHORT)
    assert len(await store.get(uri, max_bytes=2**30, version=version)) == 6 * 2**20
    assert isinstance(version, ObjectVersion)


async def test_an_upload_whose_end_was_answered_badly_is_there(
    s3: Buckets, proxy: StoreProxy, store: S3Store
) -> None:
    """To be ended again, an upload that has ended is unknown."""
    upload = store.open_upload(f"s3://{s3.work}/large", media_type="text/plain")
    await upload.write(bytes(6 * 2**20))
    proxy.chooses = _once(None, Fault.BARE, Fault.CUT)
    await upload.complete()
    assert s3.client.head_object(Bucket=s3.work, Key="large")["ContentLength"] == 6 * 2**20
