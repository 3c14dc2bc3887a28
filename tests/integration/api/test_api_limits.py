"""Maximum cost of hostile requests: the size of bodies and answers, and places at once."""

from __future__ import annotations

import asyncio
import json
from io import BytesIO
from typing import Any

import aiohttp

from tests.fixtures.http_api import KEY, TEXT, problem_of

ANSWER_BYTES = 16_384
MANY = 100_000


def _post(api: aiohttp.ClientSession, path: str, body: Any) -> Any:
    """Post as a stream: aiohttp warns of large bodies that are whole in memory."""
    sent = {"Content-Type": "application/json"}
    return api.post(path, data=BytesIO(json.dumps(body).encode()), headers=sent)


HOSTILE: tuple[tuple[str, Any], ...] = (
    ("/v1/jobs", {**TEXT, "tasks": [""] * MANY}),
    ("/v1/jobs", {**TEXT, "tasks": [{}] * MANY}),
    ("/v1/jobs", {**TEXT, **{f"key-{number}": 0 for number in range(MANY)}}),
    ("/v1/jobs", {**TEXT, **{f"key-{number}": 0 for number in range(400)}}),
    ("/v1/jobs", {**TEXT, "metadata": {f"k{number}": 0 for number in range(400)}}),
    ("/v1/jobs", {**TEXT, "k" * MANY: 0}),
    ("/v1/endpoints", {"url": "https://a.example", "events": [""] * 900}),
    ("/v1/keys", {"label": "a", "scopes": [0] * 900}),
    ("/v1/dead-letters/redrive", {"versions": {f"{number}": 0 for number in range(900)}}),
    ("/v1/batches", {"metadata": {f"{number}": 0 for number in range(900)}}),
    ("/v1/chat/completions", {"model": "m", "messages": [{}] * 200_000}),
    ("/v1/chat/completions", {"model": "m", "messages": [{}] * 20_000}),
    ("/v1/chat/completions", {"k" * MANY: 0}),
)
CONTROLS = ("/v1/keys", "/v1/endpoints", "/v1/batches", "/v1/dead-letters/redrive")


async def test_many_mistakes_get_a_short_answer(api: aiohttp.ClientSession) -> None:
    """At most twenty of them are told, each in a few words."""
    for path, body in HOSTILE:
        async with _post(api, path, body) as answer:
            text = await answer.text()
        sent = f"{path} {str(body)[:100]}"
        assert answer.status in {400, 422}, sent
        assert len(text) < ANSWER_BYTES, sent
        assert 0 < len(json.loads(text).get("errors", [{}])) <= 20, sent


async def test_a_control_route_takes_a_small_body_only(api: aiohttp.ClientSession) -> None:
    """None of them needs more than 64 KiB, and each is read as a whole."""
    for path in CONTROLS:
        async with api.post(path, data=b" " * 65_537) as answer:
            assert answer.status == 413, path
        async with api.post(path, json=[0] * 5_000) as answer:
            assert answer.status in {400, 422}, path
            assert "values" in await answer.text(), path


async def test_a_body_of_many_values_is_refused_before_they_are_made(
    api: aiohttp.ClientSession,
) -> None:
    """The refusal says how many it may have."""
    async with _post(api, "/v1/jobs", {**TEXT, "tasks": [{}] * MANY}) as answer:
        assert "500 values" in (await problem_of(answer, 422, "invalid-request"))["detail"]


async def test_a_document_in_a_request_may_hold_any_text(api: aiohttp.ClientSession) -> None:
    """Commas and brackets of the text are no values."""
    text = '{"rows": [1, 2, 3]}\n' * 50_000
    async with _post(api, "/v1/jobs", {**TEXT, "document": {"text": text}}) as answer:
        assert answer.status == 202, await answer.text()


async def test_a_number_of_thousands_of_digits_is_no_defect(api: aiohttp.ClientSession) -> None:
    """Python refuses to read it as a number."""
    body = {"model": "none", "messages": [{"role": "user", "content": "Hail."}]}
    for digits in ("9" * 5_000, "0" * 5_000):
        sent = {"x-stainless-retry-count": digits}
        async with api.post("/v1/chat/completions", json=body, headers=sent) as answer:
            assert answer.status == 404
        reader, writer = await _connect(api)
        writer.write(
            f"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: {digits}\r\n"
            f"Authorization: {KEY['Authorization']}\r\n\r\n".encode()
        )
        status = await reader.readline()
        assert status.split()[1] in {b"400", b"413", b"422"}
        writer.close()


async def _connect(api: aiohttp.ClientSession) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    url = api._build_url("/")
    return await asyncio.open_connection(url.host, url.port)
