"""Callbacks that jobs and batches name, over HTTP: what is taken, and the tenant's secret."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from ledger.access.secret_box import new_encryption_key
from settings.fleet import FleetSettings
from settings.sections.callbacks import CallbackSettings
from tests.fixtures.http_api import TEXT, problem_of, serving, submit

ACME = {"Docfleet-Tenant": "acme"}
TOLD = {**TEXT, "callback": {"url": "http://claims.example/in?token=abc"}}
SECRET = "/v1/callback-secret"


@asynccontextmanager
async def _serving(
    settings: FleetSettings, **callbacks: Any
) -> AsyncIterator[aiohttp.ClientSession]:
    changes = {
        "encryption_keys": SecretStr(new_encryption_key()),
        "callbacks": CallbackSettings(**callbacks),
    }
    async with serving(settings.model_copy(update=changes)) as api:
        yield api


async def _batch(api: aiohttp.ClientSession, **headers: str) -> tuple[int, dict[str, Any]]:
    """Ask for a batch with a callback; gives status and answer."""
    form = aiohttp.FormData({"purpose": "batch"})
    form.add_field("file", b"{}", filename="a.jsonl", content_type="application/jsonl")
    async with api.post("/v1/files", data=form, headers=headers) as answer:
        file = (await answer.json())["id"]
    body = {
        "input_file_id": file,
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        "callback": TOLD["callback"],
    }
    async with api.post("/v1/batches", json=body, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_a_tenants_job_names_a_callback_when_the_tenant_has_a_secret(
    settings: FleetSettings,
) -> None:
    """The refusal says how to make one, and so does a batch's; the secret is shown this once."""
    async with _serving(settings) as api:
        async with api.post("/v1/jobs", json=TOLD, headers=ACME) as answer:
            problem = await problem_of(answer, 422, "invalid-request")
        assert f"POST {SECRET}/rotate" in problem["detail"]
        status, refused = await _batch(api, **ACME)
        assert (status, f"POST {SECRET}/rotate" in refused["error"]["message"]) == (400, True)
        async with api.get(SECRET, headers=ACME) as answer:
            assert await answer.json() == {"tenant": "acme", "secrets": []}
        async with api.post(f"{SECRET}/rotate", headers=ACME) as answer:
            made = await answer.json()
        assert made["secret"].startswith("whsec_")
        async with api.get(SECRET, headers=ACME) as answer:
            shown = await answer.json()
        assert [one["kind"] for one in shown["secrets"]] == ["v1"]
        assert made["secret"] not in json.dumps(shown)
        job = await submit(api, TOLD, **ACME)
        assert job["callback"]["url"] == "http://claims.example/in?token=***"
        assert (await _batch(api, **ACME))[0] == 200


async def test_the_default_tenant_needs_none(settings: FleetSettings) -> None:
    """DOCFLEET_CALLBACK_SECRET signs for it, and is not available here."""
    async with _serving(settings) as api:
        await submit(api, TOLD)
        async with api.post(f"{SECRET}/rotate") as answer:
            problem = await problem_of(answer, 409, "operator-signs")
        assert "DOCFLEET_CALLBACK_SECRET" in problem["detail"]
        async with api.get(SECRET) as answer:
            await problem_of(answer, 409, "operator-signs")


async def test_a_fleet_may_tell_registered_endpoints_alone(settings: FleetSettings) -> None:
    """No job and no batch names a receiver, and the fleet's own is told all the same."""
    own = settings.model_copy(update={"callback_url": "https://claims.example/all"})
    async with _serving(own, registered_only=True) as api:
        async with api.post("/v1/jobs", json=TOLD) as answer:
            problem = await problem_of(answer, 422, "invalid-request")
        assert "register one at /v1/endpoints" in problem["detail"]
        assert (await _batch(api))[0] == 400
        assert (await submit(api, TEXT))["callback"]["url"] == "https://claims.example/all"


async def test_a_fleet_may_demand_tls_of_every_receiver(settings: FleetSettings) -> None:
    """Of jobs' callbacks and of endpoints, new ones and changed ones."""
    secure = {"url": "https://claims.example/in"}
    async with _serving(settings, https_only=True) as api:
        await submit(api, {**TEXT, "callback": secure})
        async with api.post("/v1/jobs", json=TOLD) as answer:
            assert "https://" in (await problem_of(answer, 422, "invalid-request"))["detail"]
        async with api.post("/v1/endpoints", json=TOLD["callback"]) as answer:
            await problem_of(answer, 422, "invalid-request")
        async with api.post("/v1/endpoints", json=secure) as answer:
            endpoint = await answer.json()
        path = f"/v1/endpoints/{endpoint['id']}"
        async with api.patch(path, json={"url": "http://claims.example/"}) as answer:
            await problem_of(answer, 422, "invalid-request")


@pytest.mark.parametrize(
    "url", ["http://mallory:word@claims.example/", "http://mallory@claims.example/"]
)
async def test_a_user_in_a_callbacks_url_is_refused_and_not_repeated(
    api: aiohttp.ClientSession, url: str
) -> None:
    """The password would be in plain text in the ledger."""
    async with api.post("/v1/jobs", json={**TEXT, "callback": {"url": url}}) as answer:
        problem = await problem_of(answer, 422, "invalid-request")
    assert problem["errors"][0]["place"] == "body.callback.url"
    assert "mallory" not in json.dumps(problem)
