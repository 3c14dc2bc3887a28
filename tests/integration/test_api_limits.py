"""What hostile requests may cost the API: the size of bodies and answers, and places at once."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from tests.fixtures.http_api import TEXT, problem_of

ANSWER_BYTES = 8_192
MANY = 100_000


def _hostile(path: str, body: Any) -> Any:
    return pytest.param(path, body, id=f"{path} {str(body)[:40]}")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        _hostile("/v1/jobs", {**TEXT, "tasks": [""] * MANY}),
        _hostile("/v1/jobs", {**TEXT, "tasks": [{}] * MANY}),
        _hostile("/v1/jobs", {**TEXT, **{f"key-{number}": 0 for number in range(MANY)}}),
        _hostile("/v1/jobs", {**TEXT, "metadata": {f"k{number}": 0 for number in range(MANY)}}),
        _hostile("/v1/jobs", {**TEXT, "k" * MANY: 0}),
        _hostile("/v1/jobs", {**TEXT, "metadata": {f"k{number}": 0 for number in range(400)}}),
        _hostile("/v1/endpoints", {"url": "https://a.example", "events": [""] * 900}),
        _hostile("/v1/keys", {"label": "a", "scopes": [0] * 900}),
        _hostile("/v1/dead-letters/redrive", {"versions": {f"{n}": 0 for n in range(900)}}),
        _hostile("/v1/batches", {"metadata": {f"{n}": 0 for n in range(900)}}),
        _hostile("/v1/chat/completions", {"model": "m", "messages": [{}] * 200_000}),
        _hostile("/v1/chat/completions", {"k" * MANY: 0}),
    ],
)
async def test_many_mistakes_get_a_short_answer(
    api: aiohttp.ClientSession, path: str, body: Any
) -> None:
    """At most twenty of them are told, each in a few words."""
    async with api.post(path, json=body) as answer:
        assert answer.status in {400, 413, 422}
        text = await answer.text()
    assert len(text) < ANSWER_BYTES
    assert 0 < len(json.loads(text).get("errors", [{}])) <= 20


@pytest.mark.parametrize(
    "path", ["/v1/keys", "/v1/endpoints", "/v1/batches", "/v1/dead-letters/redrive"]
)
async def test_a_control_route_takes_a_small_body_only(
    api: aiohttp.ClientSession, path: str
) -> None:
    """None of them needs more than 64 KiB, and each is read as a whole."""
    async with api.post(path, data=b" " * 65_537) as answer:
        assert answer.status == 413
    async with api.post(path, json=[0] * 5_000) as answer:
        assert answer.status in {400, 422}
        assert "values" in await answer.text()


async def test_a_body_of_many_values_is_refused_before_they_are_made(
    api: aiohttp.ClientSession,
) -> None:
    """The refusal says how many it may have."""
    async with api.post("/v1/jobs", json={**TEXT, "tasks": [{}] * MANY}) as answer:
        assert "500 values" in (await problem_of(answer, 422, "invalid-request"))["detail"]


async def test_a_document_in_a_request_may_hold_any_text(api: aiohttp.ClientSession) -> None:
    """Commas and brackets of the text are no values."""
    text = '{"rows": [1, 2, 3]}\n' * 50_000
    async with api.post("/v1/jobs", json={**TEXT, "document": {"text": text}}) as answer:
        assert answer.status == 202, await answer.text()


@pytest.mark.parametrize("digits", ["9" * 5_000, "0" * 5_000])
@pytest.mark.parametrize("header", ["x-stainless-retry-count", "content-length"])
async def test_a_number_of_thousands_of_digits_is_no_defect(
    api: aiohttp.ClientSession, header: str, digits: str
) -> None:
    """Python refuses to read it as a number."""
    body = {"model": "none", "messages": [{"role": "user", "content": "Hail."}]}
    if header == "content-length":
        reader, writer = await _connect(api)
        writer.write(
            f"POST /v1/jobs HTTP/1.1\r\nHost: x\r\n{header}: {digits}\r\n"
            "Authorization: Bearer test-key\r\n\r\n".encode()
        )
        assert b" 500 " not in await reader.readline()
        writer.close()
        return
    async with api.post("/v1/chat/completions", json=body, headers={header: digits}) as answer:
        assert answer.status == 404


async def _connect(api: aiohttp.ClientSession) -> tuple[Any, Any]:
    import asyncio

    url = api._build_url("/")
    return await asyncio.open_connection(url.host, url.port)
