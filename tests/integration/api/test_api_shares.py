"""Places that tenants share: stalled uploads, event streams, chats, and keys that are revoked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from producer.openai.chats import ReadChat, read_chat
from schemas.api_key import Scope
from settings.fleet import FleetSettings
from settings.sections.api import ApiSettings
from tests.fixtures.http_api import KEY, TEXT, problem_of, serving, submit

CHAT = {"model": "smollm2", "messages": [{"role": "user", "content": "Hail."}]}


async def _stalled(api: aiohttp.ClientSession, tenant: str, path: str) -> asyncio.StreamWriter:
    """Half an upload, and then nothing."""
    url = api._build_url("/")
    _, writer = await asyncio.open_connection(url.host, url.port)
    head = {
        "Host": "x",
        "Content-Length": "100",
        "Content-Type": "multipart/form-data; boundary=b",
        "Docfleet-Tenant": tenant,
        **KEY,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    writer.write(f"POST {path} HTTP/1.1\r\n{lines}\r\n--b\r\n".encode())
    await writer.drain()
    return writer


async def _released(writers: Iterable[asyncio.StreamWriter]) -> None:
    for writer in writers:
        writer.close()
        await writer.wait_closed()


async def test_two_tenants_whose_uploads_stall_leave_places_to_the_others(
    api: aiohttp.ClientSession,
) -> None:
    """Of documents and of files; each of the two could have taken all places."""
    stalled = [
        await _stalled(api, tenant, path)
        for tenant in ("acme", "globex")
        for path in ("/v1/documents", "/v1/files")
        for _ in range(16)
    ]
    async with asyncio.timeout(10):  # less than a stalled body is waited for
        async with api.post("/v1/documents", data=b"Hail.") as answer:
            assert answer.status == 201
        form = aiohttp.FormData({"purpose": "batch"})
        form.add_field("file", b"{}", filename="a.jsonl")
        async with api.post("/v1/files", data=form) as answer:
            assert answer.status == 200
    await _released(stalled)


async def test_a_tenant_has_so_many_event_streams_and_no_more(settings: FleetSettings) -> None:
    """A stream over the share gets 429; another tenant still gets one, and a closed one is free."""
    few = settings.model_copy(update={"api": ApiSettings(waiting=8)})
    async with serving(few) as api, AsyncExitStack() as streams:
        job_id = (await submit(api, TEXT))["id"]
        path = f"/v1/jobs/{job_id}/events"
        open_ones = [await streams.enter_async_context(api.get(path)) for _ in range(2)]
        assert [answer.status for answer in open_ones] == [200, 200]
        for refused in (path, f"/v1/jobs/{job_id}?wait=30"):
            async with api.get(refused) as answer:
                told = await problem_of(answer, 429, "too-many-at-once")
                assert "2 requests that wait for a job" in told["detail"]
                assert "Retry-After" in answer.headers
        async with api.post("/v1/chat/completions", json=CHAT) as answer:
            assert answer.status == 429
        async with api.get(path, headers={"Docfleet-Tenant": "acme"}) as answer:
            assert answer.status == 200
        open_ones[0].close()
        async with asyncio.timeout(10):
            while True:
                async with api.get(path) as answer:
                    if answer.status == 200:
                        break


async def test_what_waits_for_a_job_ends_when_its_key_is_revoked(
    api: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream ends; a chat and a wait are told 401, and the chat's job is cancelled."""
    monkeypatch.setattr("producer.access.keyring._TRUSTED_SECONDS", 0.1)
    monkeypatch.setattr("producer.http.job_stream._LOOK_SECONDS", 0.1)
    body: dict[str, Any] = {"label": "a", "tenant": "acme", "scopes": [*Scope]}
    async with api.post("/v1/keys", json=body) as answer:
        made = await answer.json()
    key = {"Authorization": f"Bearer {made['key']}"}
    job_id = (await submit(api, TEXT, **key))["id"]

    async def asked(method: str, path: str, **sent: Any) -> int:
        async with api.request(method, path, headers=key, **sent) as answer:
            await answer.read()
            return answer.status

    waiting = [
        asyncio.create_task(asked("GET", f"/v1/jobs/{job_id}/events")),
        asyncio.create_task(asked("GET", f"/v1/jobs/{job_id}?wait=60")),
        asyncio.create_task(asked("POST", "/v1/chat/completions", json=CHAT)),
    ]
    async with asyncio.timeout(20):
        async with api.get("/v1/jobs", params={"tenant": "acme"}) as answer:
            jobs = (await answer.json())["data"]
        while len(jobs) < 2:
            async with api.get("/v1/jobs", params={"tenant": "acme"}) as answer:
                jobs = (await answer.json())["data"]
        async with api.delete(f"/v1/keys/{made['id']}") as answer:
            assert answer.status in {200, 204}
        assert await asyncio.gather(*waiting) == [200, 401, 401]
    states = []
    for job in jobs:
        async with api.get(f"/v1/jobs/{job['id']}") as answer:
            states.append((await answer.json())["state"])
    assert sorted(states) == ["cancelled", "queued"]


async def test_a_tenants_costly_schemas_do_not_hold_another_tenants_chat_up(
    api: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are checked one after the other, however many there are."""
    released = threading.Event()

    def slowly(body: bytes) -> ReadChat:
        if b"costly" in body:
            released.wait(60)
        return read_chat(body)

    monkeypatch.setattr("producer.http.openai.chat.read_chat", slowly)

    async def ask(tenant: str, model: str) -> int:
        headers = {"Docfleet-Tenant": tenant}
        chat = {**CHAT, "model": model}
        async with api.post("/v1/chat/completions", json=chat, headers=headers) as answer:
            return answer.status

    costly = [asyncio.create_task(ask("acme", "costly")) for _ in range(12)]
    await asyncio.sleep(0)
    try:
        async with asyncio.timeout(30):
            assert await ask("globex", "none") == 404
        assert not any(one.done() for one in costly)
    finally:
        released.set()
    assert await asyncio.gather(*costly) == [404] * 12


async def test_a_tenant_that_spent_its_time_on_schemas_comes_again_later(
    settings: FleetSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """429, in OpenAI's words; another tenant has its own time."""
    for bound in ("_CHECK_SECONDS", "_CHECK_SECONDS_REGAINED"):
        monkeypatch.setattr(f"producer.http.limits.room.{bound}", 1e-9)
    chat = {**CHAT, "model": "none"}
    async with serving(settings) as api:
        for tenant, status in (("acme", 404), ("acme", 429), ("globex", 404)):
            headers = {"Docfleet-Tenant": tenant}
            async with api.post("/v1/chat/completions", json=chat, headers=headers) as answer:
                assert answer.status == status
                if status == 429:
                    assert "processor time" in (await answer.json())["error"]["message"]
                    assert "Retry-After" in answer.headers
