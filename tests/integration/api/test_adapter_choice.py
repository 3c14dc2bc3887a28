"""The adapter of a new job: named or by default, and fixed at the submit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis

from ledger import keys
from ledger.ledger import Ledger
from schemas.adapter import AdapterTerms
from schemas.job import JobSpec
from settings.fleet import FleetSettings
from tests.fixtures.command import Command
from tests.fixtures.http_api import TEXT, problem_of, submit
from tests.fixtures.small_adapters import tell_of_base


async def add(ledger: Ledger, version: str, task: str = "summary", base: str = "smollm2") -> None:
    """Add an adapter without bytes."""
    terms = AdapterTerms(name="short", version=version, task=task)
    sha256 = (version * 64)[:64]
    await ledger.adapters.add(
        terms, base=base, sha256=sha256, rank=4, target_modules=["q_proj"], size=9
    )


@pytest.fixture(autouse=True)
async def _adapters(ledger: Ledger, settings: FleetSettings) -> None:
    await tell_of_base(ledger, settings)
    for version in "123":
        await add(ledger, version)


async def pinned(redis: Redis, job: dict[str, Any]) -> dict[str, str | None]:
    """The versions that a job runs on, by task."""
    spec = JobSpec.model_validate_json(await redis.hget(keys.record(job["id"]), "spec"))
    return {task: pin and pin.version for task, pin in spec.adapters.items()}


async def test_a_job_runs_on_the_adapter_that_it_names(
    api: aiohttp.ClientSession, redis: Redis
) -> None:
    """The answer shows it, digest and all."""
    job = await submit(api, {**TEXT, "adapters": {"summary": "short@2"}})
    assert job["adapters"] == {"summary": {"name": "short", "version": "2", "sha256": "2" * 64}}
    assert await pinned(redis, job) == {"summary": "2"}


async def test_the_default_is_that_of_the_submit(
    api: aiohttp.ClientSession, ledger: Ledger, redis: Redis
) -> None:
    """Promotion, roll-back and retirement change no job that is there; `base` is no adapter."""
    before = await submit(api, TEXT)
    await ledger.adapters.promote("short@1")
    first = await submit(api, TEXT)
    await ledger.adapters.promote("short@2")
    second = await submit(api, TEXT)
    named = await submit(api, {**TEXT, "adapters": {"summary": "short@3"}})
    alone = await submit(api, {**TEXT, "adapters": {"summary": "base"}})
    await ledger.adapters.retire("short@2")
    after = await submit(api, TEXT)
    jobs = (before, first, second, named, alone, after)
    found = [await pinned(redis, job) for job in jobs]
    versions: list[dict[str, str | None]] = [
        {}, {"summary": "1"}, {"summary": "2"}, {"summary": "3"}, {"summary": None}, {},
    ]  # fmt: skip
    assert found == versions


async def test_a_request_that_is_sent_again_is_the_same_job_after_a_promotion(
    api: aiohttp.ClientSession, ledger: Ledger
) -> None:
    """The default is no part of the request; a named adapter is."""
    key = {"Idempotency-Key": "claim-7"}
    first = await submit(api, TEXT, **key)
    await ledger.adapters.promote("short@1")
    assert (await submit(api, TEXT, **key))["id"] == first["id"]
    body = {**TEXT, "adapters": {"summary": "short@1"}}
    async with api.post("/v1/jobs", json=body, headers=key) as answer:
        await problem_of(answer, 422, "idempotency-conflict")


async def test_what_no_worker_can_serve_is_refused_at_the_submit(
    api: aiohttp.ClientSession, ledger: Ledger
) -> None:
    """Each with its reason; no job is made."""
    await ledger.adapters.retire("short@1")
    await add(ledger, "7", task="fnol")
    await add(ledger, "8", base="mistral")
    refused = [
        ("short@9", "unknown-adapter", "short@9"),
        ("short@1", "unserved-adapter", "retired"),
        ("short@7", "unserved-adapter", "task fnol"),
        ("short@8", "unserved-adapter", "mistral"),
        ("short", "invalid-request", None),
    ]
    for ref, kind, word in refused:
        async with api.post("/v1/jobs", json={**TEXT, "adapters": {"summary": ref}}) as answer:
            told = await problem_of(answer, 422, kind)
        assert word is None or word in told["detail"]
    async with api.post("/v1/jobs", json={**TEXT, "adapters": {"fnol": "short@7"}}) as answer:
        await problem_of(answer, 422, "invalid-request")
    async with api.get("/v1/jobs") as answer:
        assert (await answer.json())["data"] == []


async def test_the_command_names_adapters(docfleet: Command, tmp_path: Path) -> None:
    """As `TASK=NAME@VERSION`."""
    document = tmp_path / "a.txt"
    document.write_text("Hail broke two skylights.")
    words = ("submit", str(document), "--task", "summary", "--json")
    done = await docfleet(*words, "--adapter", "summary=short@2")
    assert done.code == 0, done.err
    assert json.loads(done.out)["adapters"]["summary"]["version"] == "2"
    done = await docfleet(*words, "--adapter", "summary=short@9")
    assert (done.code, "short@9" in done.err) == (2, True)
    done = await docfleet(*words, "--adapter", "short@2")
    assert (done.code, "--adapter" in done.err) == (2, True)
