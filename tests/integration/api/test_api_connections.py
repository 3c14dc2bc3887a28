"""Hostile connections: heads without an end, requests that stop, answers that nobody reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from io import BytesIO

import aiohttp
import pytest
from structlog.testing import capture_logs

from producer.audit_trail import Actor, acting
from producer.http.server import make_server
from settings.fleet import FleetSettings
from settings.sections.api import ApiSettings
from tests.fixtures.http_api import KEY, TEXT, serving, submit
from tests.fixtures.waiting import until

LIMITS = "producer.http.limits.connection"
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
PATIENCE_SECONDS = 20


@asynccontextmanager
async def _sent(api: aiohttp.ClientSession, data: bytes) -> AsyncIterator[asyncio.StreamReader]:
    """A connection on which these bytes are sent."""
    url = api._build_url("/")
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        writer.write(data)
        yield reader
    finally:
        writer.transport.abort()


async def _answer(api: aiohttp.ClientSession, data: bytes) -> bytes:
    """All that comes back until the server ends the connection."""
    async with asyncio.timeout(PATIENCE_SECONDS), _sent(api, data) as reader:
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


@pytest.mark.parametrize(
    "head",
    [
        GET + b"X: " + b"a" * 40_000,
        GET + b"".join(b"X-%d: a\r\n" % number for number in range(200)) + b"\r\n",
        GET + b"X" * 40_000,
        b"GET /" + b"a" * 40_000,
        b"G" * 40_000,
    ],
    ids=["value", "fields", "name", "path", "method"],
)
async def test_a_head_without_an_end_is_refused(api: aiohttp.ClientSession, head: bytes) -> None:
    """431, or 400 for what is no request; nothing is kept, whatever is sent after it."""
    told = await _answer(api, head + b"a" * 300_000)
    assert told == b"" or told.split()[1] in {b"431", b"400"}
    async with api.get("/healthz") as answer:
        assert answer.status == 200


async def test_a_head_of_the_usual_size_is_taken(api: aiohttp.ClientSession) -> None:
    """Tokens and cookies may have some kilobytes."""
    headers = {f"X-{number}": "a" * 500 for number in range(50)}
    async with api.get("/healthz", headers=headers) as answer:
        assert answer.status == 200


async def test_a_request_that_stops_half_way_is_ended(
    api: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """408 where it began, and silence where nothing came."""
    monkeypatch.setattr(f"{LIMITS}._HEAD_SECONDS", 0.2)
    assert (await _answer(api, GET)).split()[1] == b"408"
    assert await _answer(api, b"") == b""


async def test_a_body_that_goes_on_after_its_answer_is_ended(
    api: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer comes at once, without a key; otherwise the rest would be read for ever."""
    monkeypatch.setattr(f"{LIMITS}._REST_SECONDS", 0.2)
    head = b"POST /v1/documents HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"
    url = api._build_url("/")
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(head)
    assert (await reader.readline()).split()[1] == b"401"
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not writer.is_closing():
            writer.write(b"a" * 1_000)
            await asyncio.sleep(0.01)


async def test_a_request_before_the_last_one_is_answered_is_not_read(
    api: aiohttp.ClientSession,
) -> None:
    """The first is answered and the connection ends; any number could be sent otherwise."""
    job_id = (await submit(api, TEXT))["id"]
    first = _get(f"/v1/jobs/{job_id}?wait=1")
    told = await _answer(api, first + (GET + b"\r\n") * 5_000)
    assert told.count(b"HTTP/1.1 ") == 1
    assert told.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in told


@pytest.mark.parametrize(
    ("chunk", "count", "status"),
    [(b"a", 900, b"201"), (b"a" * 20, 5_000, b"201"), (b"a", 5_000, b"400")],
)
async def test_a_body_of_very_many_tiny_chunks_is_refused(
    api: aiohttp.ClientSession, chunk: bytes, count: int, status: bytes
) -> None:
    """Each costs as much as a large one; a program that sends lines as it writes them is taken."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in KEY.items())
    head = f"POST /v1/documents HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{lines}"
    head += "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"%x\r\n%b\r\n" % (len(chunk), chunk) * count
    assert (await _answer(api, head.encode() + chunks + b"0\r\n\r\n")).split()[1] == status


@pytest.mark.parametrize("size", [100, 8_000_000])
async def test_a_client_that_hangs_up_in_its_body_is_no_defect_and_is_not_logged(
    api: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    size: int,
) -> None:
    """A traceback for each would let anybody with a key fill the disk."""
    ended = 0

    @contextmanager
    def acting_and_counted(actor: Actor) -> Iterator[None]:
        nonlocal ended
        try:
            with acting(actor):
                yield
        finally:
            ended += 1

    monkeypatch.setattr("producer.http.guard.acting", acting_and_counted)
    lines = "".join(f"{name}: {value}\r\n" for name, value in KEY.items())
    bodies = [
        (path, kind)
        for path in ("/v1/jobs", "/v1/documents", "/v1/files", "/v1/chat/completions", "/v1/keys")
        for kind in ("application/json", "multipart/form-data; boundary=b")
    ]
    with capture_logs() as logs:
        for path, kind in bodies:
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{lines}Content-Type: {kind}\r\n"
            head += f"Content-Length: {size}\r\nExpect: 100-continue\r\n\r\n"
            async with _sent(api, head.encode()) as reader:
                await reader.readline()  # it waits for the body, or has refused it
        await until(lambda: ended == len(bodies))
    assert [one for one in logs if one["log_level"] == "error"] == []
    assert [one for one in caplog.records if one.levelname == "ERROR"] == []


async def test_half_requests_take_nobodys_place(settings: FleetSettings) -> None:
    """The one that has waited longest makes room."""
    few = settings.model_copy(update={"api": ApiSettings(connections=16)})
    url = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
    async with serving(few) as api:
        half = [await _half(api) for _ in range(80)]
        async with api.get("/healthz", timeout=url) as answer:
            assert answer.status == 200
        await submit(api, TEXT)
        for writer in half:
            writer.transport.abort()


def _get(path: str) -> bytes:
    key = KEY["Authorization"]
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n\r\n".encode()


async def _half(api: aiohttp.ClientSession) -> asyncio.StreamWriter:
    url = api._build_url("/")
    _, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(GET)
    return writer


async def test_health_is_told_where_every_connection_is_in_use(settings: FleetSettings) -> None:
    """Anything else is 503 then."""
    few = settings.model_copy(update={"api": ApiSettings(connections=16, waiting=256)})
    async with serving(few) as api, AsyncExitStack() as open_streams:
        job_id = (await submit(api, TEXT))["id"]
        path = f"/v1/jobs/{job_id}/events"
        streams = [await open_streams.enter_async_context(api.get(path)) for _ in range(16)]
        assert {stream.status for stream in streams} == {200}
        async with api.get("/healthz") as answer:
            assert answer.status == 200
        async with api.get(f"/v1/jobs/{job_id}") as answer:
            assert answer.status == 503
        streams[0].close()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                async with api.get(f"/v1/jobs/{job_id}") as answer:
                    if answer.status == 200:
                        break


async def test_an_answer_that_nobody_reads_is_given_up(
    settings: FleetSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection, and a megabyte, would be held for ever."""
    monkeypatch.setattr(f"{LIMITS}._UNREAD_SECONDS", 0.5)
    server = make_server(settings, "127.0.0.1", 0)
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started, "for the API")
    async with aiohttp.ClientSession(server.url, headers=KEY) as api:
        form = aiohttp.FormData({"purpose": "batch"})
        form.add_field("file", BytesIO(b"a" * 30_000_000), filename="a.jsonl")
        async with api.post("/v1/files", data=form) as answer:
            file_id = (await answer.json())["id"]
        async with (
            _sent(api, _get(f"/v1/files/{file_id}/content")) as reader,
            asyncio.timeout(PATIENCE_SECONDS),
        ):
            reader._transport.pause_reading()  # type: ignore[attr-defined]  # there is no other way
            await until(lambda: server.server_state.tasks)
            await until(lambda: not server.server_state.tasks)
        async with api.get(f"/v1/files/{file_id}/content") as answer:
            assert len(await answer.read()) == 30_000_000
    server.should_exit = True
    await running
