"""Documents that come over HTTP: streamed, bounded, and each tenant's own."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import aiohttp
import pytest

from ledger.ledger import Ledger
from settings.fleet import FleetSettings
from tests.fixtures.http_api import KEY, TEXT, problem_of, serving, submit
from tests.fixtures.servers import Buckets
from tests.fixtures.waiting import until

BIG = bytes(range(256)) * 4096 * 12  # 12 MiB: three parts
TERMS = {"tasks": ["summary"], "metadata": {"claim": "HM-1"}}


def _form(file: bytes = b"Hail.", terms: Any = None, *, file_first: bool = False) -> Any:
    form = aiohttp.FormData(quote_fields=False)

    def add_file() -> None:
        form.add_field(
            "file", BytesIO(file), filename="C:\\claims\\HM 1.PDF", content_type="text/plain"
        )

    if file_first:
        add_file()
    form.add_field("request", json.dumps(terms or TERMS), content_type="application/json")
    if not file_first:
        add_file()
    return form


async def _upload(api: aiohttp.ClientSession, body: Any, **sent: Any) -> dict[str, Any]:
    async with api.post("/v1/documents", data=body, **sent) as answer:
        assert answer.status == 201, await answer.text()
        stored: dict[str, Any] = await answer.json()
        return stored


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 100_000):
        yield data[start : start + 100_000]


@pytest.mark.parametrize("data", [b"%PDF-1.7", BIG], ids=["small", "big"])
@pytest.mark.parametrize("how", ["declared", "chunked", "form"])
async def test_an_upload_lies_at_the_place_of_its_bytes(
    api: aiohttp.ClientSession, s3: Buckets, data: bytes, how: str
) -> None:
    """Under its sha256 and its suffix, whole, and nothing is left where it was on its way."""
    for _ in range(2):
        body: Any = BytesIO(data) if how == "declared" else _chunks(data)
        if how == "form":
            body = aiohttp.FormData()
            body.add_field("file", BytesIO(data), filename="claim.pdf")
        stored = await _upload(api, body, params={"name": "a.pdf"})
    digest = hashlib.sha256(data).hexdigest()
    key = f"documents/default/{digest}.pdf"
    assert stored == {"uri": f"s3://{s3.work}/{key}", "sha256": digest, "size": len(data)}
    listed = s3.client.list_objects_v2(Bucket=s3.work)["Contents"]
    assert [entry["Key"] for entry in listed] == [key]
    got = s3.client.get_object(Bucket=s3.work, Key=key)
    assert got["Body"].read() == data
    assert got["ContentType"] == "application/pdf"
    assert "Uploads" not in s3.client.list_multipart_uploads(Bucket=s3.work)
    job = await submit(api, {"document": {"uri": stored["uri"]}, "tasks": ["summary"]})
    assert job["document"]["uri"] == stored["uri"]


@pytest.mark.parametrize("file_first", [False, True])
async def test_a_job_comes_with_its_document(
    api: aiohttp.ClientSession, ledger: Ledger, s3: Buckets, *, file_first: bool
) -> None:
    """In one request, whichever field comes first; the file's name is kept without its folders."""
    async with api.post("/v1/jobs", data=_form(BIG, file_first=file_first)) as answer:
        assert answer.status == 202, await answer.text()
        told = await answer.json()
    job = await ledger.job(told["id"])
    assert job is not None
    digest = hashlib.sha256(BIG).hexdigest()
    assert job.document.uri == f"s3://{s3.work}/documents/default/{digest}.pdf"
    assert (job.document.name, job.tasks, job.metadata) == (
        "HM 1.PDF",
        ("summary",),
        {"claim": "HM-1"},
    )


async def test_a_form_that_is_sent_again_makes_no_second_job(api: aiohttp.ClientSession) -> None:
    """Under the same Idempotency-Key; with other bytes it is another request."""
    key = {"Idempotency-Key": "order 7"}
    ids = []
    for _ in range(2):
        async with api.post("/v1/jobs", data=_form(BIG), headers=key) as answer:
            ids.append((await answer.json())["id"])
    assert ids[0] == ids[1]
    async with api.post("/v1/jobs", data=_form(b"Rain."), headers=key) as answer:
        await problem_of(answer, 422, "idempotency-conflict")


@pytest.mark.parametrize(
    ("terms", "kind", "words"),
    [
        ({"tasks": ["no-such"]}, "unknown-task", "fnol"),
        ({"tasks": []}, "invalid-request", "body.request.tasks"),
        ({"tasks": ["summary"], "document": {"text": "a"}}, "invalid-request", "body.request"),
    ],
)
async def test_a_form_with_bad_terms_is_refused_before_its_file_is_stored(
    api: aiohttp.ClientSession, s3: Buckets, terms: Any, kind: str, words: str
) -> None:
    """422 with the place."""
    async with api.post("/v1/jobs", data=_form(terms=terms)) as answer:
        assert words in (await problem_of(answer, 422, kind))["detail"]
    assert s3.client.list_objects_v2(Bucket=s3.work)["KeyCount"] == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no form",
        b"--x\r\n\r\nno name\r\n--x--\r\n",
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\ncut',
        b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\na\r\n--x--\r\n',
        b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n\r\n--x--\r\n',
    ],
)
@pytest.mark.parametrize("path", ["/v1/documents", "/v1/jobs"])
async def test_what_is_no_such_form_is_refused(
    api: aiohttp.ClientSession, s3: Buckets, body: bytes, path: str
) -> None:
    """422, and nothing is stored."""
    sent = {"Content-Type": "multipart/form-data; boundary=x"}
    async with api.post(path, data=body, headers=sent) as answer:
        await problem_of(answer, 422, "invalid-request")
    assert s3.client.list_objects_v2(Bucket=s3.work)["KeyCount"] == 0


async def test_a_form_without_a_boundary_and_another_media_type_are_refused(
    api: aiohttp.ClientSession,
) -> None:
    """422 and 415."""
    sent = {"Content-Type": "multipart/form-data"}
    async with api.post("/v1/jobs", data=b"x", headers=sent) as answer:
        await problem_of(answer, 422, "invalid-request")
    async with api.post("/v1/jobs", data=b"x", headers={"Content-Type": "text/xml"}) as answer:
        await problem_of(answer, 415, "http")


async def test_an_empty_document_is_refused(api: aiohttp.ClientSession) -> None:
    """An empty document would become a dead letter."""
    async with api.post("/v1/documents", data=b"") as answer:
        await problem_of(answer, 422, "invalid-request")


async def test_a_document_over_the_limit_is_refused_and_leaves_nothing(
    settings: FleetSettings, s3: Buckets
) -> None:
    """Declared, chunked and in a form; with its length declared, not a byte of it is read."""
    limits = settings.limits.model_copy(update={"document_bytes": 7 * 2**20})
    async with serving(settings.model_copy(update={"limits": limits})) as api:
        form = aiohttp.FormData()
        form.add_field("file", BytesIO(BIG), filename="a.pdf")
        for path, body in (
            ("/v1/documents", BytesIO(BIG)),
            ("/v1/documents", _chunks(BIG)),
            ("/v1/documents", form),
            ("/v1/jobs", _form(BIG)),
        ):
            async with api.post(path, data=body) as answer:
                await problem_of(answer, 413, "body-too-large")
        assert s3.client.list_objects_v2(Bucket=s3.work)["KeyCount"] == 0
        assert "Uploads" not in s3.client.list_multipart_uploads(Bucket=s3.work)
        reader, writer = await asyncio.open_connection(api._base_url.host, api._base_url.port)  # type: ignore[union-attr]  # it was made with one
        writer.write(
            b"POST /v1/documents HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n"
            + f"Authorization: {KEY['Authorization']}\r\n\r\n".encode()
        )
        assert b" 413 " in await reader.readline()
        writer.close()


async def test_a_sender_who_hangs_up_leaves_nothing(
    api: aiohttp.ClientSession, s3: Buckets
) -> None:
    """Neither parts nor a document."""
    reader, writer = await asyncio.open_connection(api._base_url.host, api._base_url.port)  # type: ignore[union-attr]  # it was made with one
    writer.write(
        b"POST /v1/documents HTTP/1.1\r\nHost: x\r\nContent-Length: 30000000\r\n"
        + f"Authorization: {KEY['Authorization']}\r\n\r\n".encode()
    )
    writer.write(BIG)
    await writer.drain()

    def unfinished() -> bool:
        return "Uploads" in s3.client.list_multipart_uploads(Bucket=s3.work)

    await until(unfinished)
    writer.close()
    await until(lambda: not unfinished())
    assert await reader.read() == b""
    assert s3.client.list_objects_v2(Bucket=s3.work)["KeyCount"] == 0


async def test_a_sender_who_says_nothing_more_holds_no_place(
    api: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those who stopped half-way hold all places; the next document is stored all the same."""
    monkeypatch.setattr("producer.http.limits.body._PATIENCE_SECONDS", 0.5)
    senders = []
    for _ in range(16):
        reader, writer = await asyncio.open_connection(api._base_url.host, api._base_url.port)  # type: ignore[union-attr]  # it was made with one
        senders.append((reader, writer))
        writer.write(
            b"POST /v1/documents HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
            + f"Authorization: {KEY['Authorization']}\r\n\r\nHail".encode()
        )
        await writer.drain()
    async with asyncio.timeout(20):
        await _upload(api, b"Hail.")
        for reader, writer in senders:
            assert b" 408 " in await reader.readline()
            writer.close()


async def test_a_key_that_no_object_can_have_is_refused(
    api: aiohttp.ClientSession, s3: Buckets
) -> None:
    """The ledger would keep all of it with the job."""
    for size, status in ((1024, 202), (1025, 422)):
        key = "documents/default/".ljust(size, "a")
        body = {"document": {"uri": f"s3://{s3.work}/{key}"}, "tasks": ["summary"]}
        async with api.post("/v1/jobs", json=body) as answer:
            assert answer.status == status


async def test_a_tenant_names_its_own_documents_alone(settings: FleetSettings, s3: Buckets) -> None:
    """A tenant may name its own uploads, and objects that a rule gives it."""
    rules = (
        settings.rules[0].model_copy(update={"prefix": "acme/", "tenant": "acme"}),
        settings.rules[0].model_copy(
            update={"bucket": "claims-acme", "prefix": "", "tenant": "acme"}
        ),
        *settings.rules,
    )
    async with serving(settings.model_copy(update={"rules": rules})) as api:
        keys = {}
        for tenant in ("acme", "globex", "default"):
            asked = {"label": tenant, "scopes": ["submit", "read"], "tenant": tenant}
            async with api.post("/v1/keys", json=asked) as answer:
                keys[tenant] = {"Authorization": f"Bearer {(await answer.json())['key']}"}
        uploaded = (await _upload(api, b"Hail.", headers=keys["acme"]))["uri"]
        assert uploaded.startswith(f"s3://{s3.work}/documents/acme/")
        for uri, allowed in (
            (uploaded, {"acme"}),
            (f"s3://{s3.incoming}/acme/1.pdf", {"acme"}),
            (f"s3://{s3.incoming}/1.pdf", {"default"}),
            ("s3://claims-acme/1.pdf", {"acme"}),
            ("s3://elsewhere/acme/1.pdf", set()),
            (f"s3://{s3.results}/job_1.json", set()),
            (f"s3://{s3.work}/text/1.json", set()),
            (f"s3://{s3.work}/documents/acme/../globex/1.pdf", set()),
            (f"s3://{s3.incoming}/acme/../globex/1.pdf", set()),
            (f"s3://{s3.incoming}/acme//1.pdf", set()),
        ):
            body = {"document": {"uri": uri}, "tasks": ["summary"]}
            for tenant, key in keys.items():
                async with api.post("/v1/jobs", json=body, headers=key) as answer:
                    assert answer.status == (202 if tenant in allowed else 403), (uri, tenant)
            assert (await submit(api, body))["tenant"] == "default"
        for tenant, key in keys.items():
            assert (await submit(api, TEXT, **key))["tenant"] == tenant


async def test_one_tenants_uploads_leave_room_for_anothers(
    api: aiohttp.ClientSession,
) -> None:
    """However many of them begin and go no further."""
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"a"
        begun.set()
        await asyncio.sleep(60)

    stuck = [
        asyncio.create_task(_upload(api, endless(), headers={"Docfleet-Tenant": "acme"}))
        for _ in range(20)
    ]
    await begun.wait()
    async with asyncio.timeout(10):
        await _upload(api, BytesIO(b"Hail."), headers={"Docfleet-Tenant": "globex"})
    for upload in stuck:
        upload.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)
