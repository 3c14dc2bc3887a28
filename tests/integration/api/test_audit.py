"""The audit log: what is done with keys, endpoints and dead letters, by whom, and who looked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
import structlog
from pydantic import SecretStr
from redis.asyncio import Redis

from ledger import keys
from ledger.access.secret_box import new_encryption_key
from ledger.ledger import Ledger
from schemas.failure import Failure, FailureCode
from settings.fleet import FleetSettings
from tests.fixtures.command import run_command
from tests.fixtures.hand_worker import kill
from tests.fixtures.http_api import TEXT, problem_of, serving, submit

ACME = {"Docfleet-Tenant": "acme"}
STRONG = "df_" + "0123456789abcdef" * 3


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    """Return the lines of this process's audit logger."""
    written: list[dict[str, Any]] = []

    def keep(_: object, __: str, event: dict[str, Any]) -> str:
        written.append(dict(event))
        raise structlog.DropEvent

    structlog.configure(processors=[keep])  # type: ignore[list-item]  # it ends the chain
    yield written
    structlog.reset_defaults()


async def key_of(api: aiohttp.ClientSession, **asked: Any) -> tuple[str, dict[str, str]]:
    """A new key: its id, and the header that shows it."""
    body = {"label": "test", "scopes": ["submit", "read", "operate", "admin"], **asked}
    async with api.post("/v1/keys", json=body) as answer:
        made = await answer.json()
    return made["id"], {"Authorization": f"Bearer {made['key']}"}


async def audited(
    api: aiohttp.ClientSession, headers: dict[str, str] | None = None, **query: Any
) -> list[dict[str, Any]]:
    """The audit log as a key sees it, the newest first."""
    async with api.get("/v1/audit", headers=headers, params=query) as answer:
        assert answer.status == 200, await answer.text()
        entries: list[dict[str, Any]] = (await answer.json())["data"]
        return entries


def told(entries: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Action, actor and target of each, the oldest first."""
    return [(one["action"], one["actor"], one["target"]) for one in reversed(entries)]


async def test_what_is_done_to_a_tenants_things_stands_in_its_log(
    api: aiohttp.ClientSession, ledger: Ledger, lines: list[dict[str, Any]]
) -> None:
    """Keys, endpoints, redrives, drops: by which key, from where; and once in the API's log."""
    key_id, key = await key_of(api, tenant="acme")
    made_id, _ = await key_of(api, tenant="acme", scopes=["read"])
    async with api.delete(f"/v1/keys/{made_id}", headers=key) as answer:
        assert answer.status == 204
    asked = {"url": "https://claims.example/in?token=secret"}
    async with api.post("/v1/endpoints", json=asked, headers=key) as answer:
        endpoint = (await answer.json())["id"]
    async with api.patch(f"/v1/endpoints/{endpoint}", json={"state": "disabled"}, headers=key):
        pass
    async with api.post(f"/v1/endpoints/{endpoint}/rotate-secret", headers=key):
        pass
    async with api.delete(f"/v1/endpoints/{endpoint}", headers=key):
        pass
    dead = [(await submit(api, TEXT, **key))["id"] for _ in range(3)]
    for job_id in dead:
        await kill(ledger, job_id, Failure.of(FailureCode.DOCUMENT_EMPTY, "Empty."))
    async with api.post(f"/v1/dead-letters/{dead[0]}/redrive", headers=key):
        pass
    async with api.delete(f"/v1/dead-letters/{dead[1]}", headers=key):
        pass
    async with api.post("/v1/dead-letters/redrive", json={}) as answer:
        assert (await answer.json())["redriven"] == 1
    entries = await audited(api, key)
    assert told(entries) == [
        ("key.created", "bootstrap", key_id),
        ("key.created", "bootstrap", made_id),
        ("key.revoked", key_id, made_id),
        ("endpoint.created", key_id, endpoint),
        ("endpoint.changed", key_id, endpoint),
        ("endpoint.secret_rotated", key_id, endpoint),
        ("endpoint.deleted", key_id, endpoint),
        ("dead_letter.redriven", key_id, dead[0]),
        ("dead_letter.dropped", key_id, dead[1]),
        ("dead_letter.redriven", "bootstrap", dead[2]),
    ]
    assert {one["address"] for one in entries} == {"127.0.0.1"}
    assert [one["event"] for one in lines if "actor" in one] == [
        action for action, *_ in told(entries)
    ]
    assert "claims.example" in json.dumps(entries)
    assert "secret=" not in json.dumps(entries)
    assert "token" not in json.dumps(entries)


async def test_an_operators_reads_are_written_once_in_a_while_and_a_tenants_are_not(
    api: aiohttp.ClientSession,
) -> None:
    """A key that opens every tenant's data leaves a trace of its reads."""
    _, key = await key_of(api, tenant="acme")
    job = (await submit(api, TEXT, **key))["id"]
    for headers in (key, {}):
        for _ in range(3):
            async with api.get(f"/v1/jobs/{job}", headers=headers) as answer:
                assert answer.status == 200
        async with api.get("/v1/tasks", headers=headers) as answer:
            assert answer.status == 200
    reads = [one for one in told(await audited(api)) if one[0] == "read"]
    assert reads == [
        ("read", "bootstrap", f"/v1/jobs/{job}"),
        ("read", "bootstrap", "/v1/audit"),
    ]


async def test_a_tenant_sees_its_own_log_and_no_other(api: aiohttp.ClientSession) -> None:
    """The fleet's key sees all of them, in pages, or one that it names."""
    acme_id, acme = await key_of(api, tenant="acme")
    globex_id, globex = await key_of(api, tenant="globex")
    _, reader = await key_of(api, scopes=["read"])
    assert told(await audited(api, acme)) == [("key.created", "bootstrap", acme_id)]
    assert told(await audited(api, globex)) == [("key.created", "bootstrap", globex_id)]
    assert told(await audited(api, tenant="globex")) == told(await audited(api, globex))
    async with api.get("/v1/audit?tenant=globex", headers=acme) as answer:
        await problem_of(answer, 403, "forbidden")
    async with api.get("/v1/audit", headers=reader) as answer:
        await problem_of(answer, 403, "forbidden")
    whole, pages, cursor = await audited(api), [], None
    while True:
        query = {"limit": 1, **({"cursor": cursor} if cursor else {})}
        async with api.get("/v1/audit", params=query) as answer:
            page = await answer.json()
        pages += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert pages == whole
    assert len({one["id"] for one in pages}) == len(pages) >= 4
    async with api.get("/v1/audit?cursor=1") as answer:
        await problem_of(answer, 422, "invalid-request")


async def test_nobody_writes_anothers_entries_out_of_the_log(
    api: aiohttp.ClientSession, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log keeps the newest alone, and each tenant has a log of its own."""
    monkeypatch.setattr("ledger.access.audit.MOST_ENTRIES", 100)
    key_id, _ = await key_of(api, tenant="acme")
    _, noisy = await key_of(api, tenant="globex")
    for _ in range(300):
        async with api.post("/v1/keys", json={"label": "x", "scopes": ["read"]}, headers=noisy):
            pass
    assert await redis.xlen(keys.AUDIT.format(log="globex")) < 300
    assert told(await audited(api, tenant="acme")) == [("key.created", "bootstrap", key_id)]


async def test_whoever_guesses_at_keys_is_slowed_down_and_leaves_lines(
    settings: FleetSettings, lines: list[dict[str, Any]]
) -> None:
    """600 guesses: ten are looked at, the others get 429; nobody with a good key is locked out."""
    strong = settings.model_copy(update={"api_key": SecretStr(STRONG)})
    async with serving(strong) as api:
        api.headers["Authorization"] = f"Bearer {STRONG}"
        key_id, key = await key_of(api)
        wrong = {"Authorization": f"Bearer df_{key_id}_{'0' * 48}"}
        statuses = []
        for number in range(600):
            guess = wrong if number % 2 else {"Authorization": f"Bearer guess-{number}"}
            async with api.get("/v1/jobs/x", headers=guess) as answer:
                statuses.append(answer.status)
                if answer.status == 429:
                    assert 1 <= int(answer.headers["Retry-After"]) <= 6
                    told = await problem_of(answer, 429, "too-many-attempts")
        assert statuses[:10] == [401] * 10
        assert statuses.count(401) < 30
        assert "wait" in told["detail"]
        for good in (key, {}):
            async with api.get("/v1/jobs/x", headers=good) as answer:
                assert answer.status == 404
        entries = await audited(api)
    refused = [one for one in entries if one["action"] == "key.refused"]
    assert len(refused) == statuses.count(401)
    assert {one["address"] for one in refused} == {"127.0.0.1"}
    assert {one["target"] for one in refused} == {"", key_id}
    throttled = [one["target"] for one in entries if one["action"] == "key.throttled"]
    assert "address 127.0.0.1" in throttled
    assert "guess" not in json.dumps(entries)
    assert sum(one["event"] == "key.refused" for one in lines) == len(refused)


async def test_a_key_of_the_environment_that_can_be_guessed_is_not_found_by_guessing(
    settings: FleetSettings,
) -> None:
    """The right key is not looked at after many wrong ones; a holder who used it before goes on."""
    async with serving(settings) as api:
        for number in range(11):
            guess = {"Authorization": f"Bearer test-ke{number}"}
            async with api.get("/v1/jobs/x", headers=guess) as answer:
                assert answer.status == (401 if number < 10 else 429)
        async with api.get("/v1/jobs/x") as answer:
            await problem_of(answer, 429, "too-many-attempts")
    async with serving(settings) as api:
        async with api.get("/v1/jobs/x") as answer:
            assert answer.status == 404
        for number in range(11):
            guess = {"Authorization": f"Bearer test-ke{number}"}
            async with api.get("/v1/jobs/x", headers=guess) as answer:
                pass
        await asyncio.sleep(3.1)  # the key has to be looked at again
        async with api.get("/v1/jobs/x") as answer:
            assert answer.status == 404


async def test_metrics_name_tenants_to_the_fleets_key_alone(api: aiohttp.ClientSession) -> None:
    """Strangers and tenants see pseudonyms; a wrong key is refused."""
    for _ in range(4):
        await submit(api, TEXT, **ACME)
    _, mine = await key_of(api, tenant="acme")
    for headers, named in (({"Authorization": ""}, False), (mine, False), ({}, True)):
        async with api.get("/metrics", headers=headers) as answer:
            assert answer.status == 200
            text = await answer.text()
        assert ("acme" in text) is named
        assert "docfleet_lane_records{lane=" in text
        assert "docfleet_tenant_stored_bytes{tenant=" in text
    async with api.get("/metrics", headers={"Authorization": "Bearer wrong"}) as answer:
        await problem_of(answer, 401, "unauthorized")


async def test_a_command_is_written_with_its_user_and_the_log_is_shown(
    environment: dict[str, str],
) -> None:
    """Operators have no key; they leave the name that the machine knows them by."""
    done = await run_command(
        environment, "keys", "create", "--label", "x", "--tenant", "acme", "--scope", "read"
    )
    key_id = done.out.split("_")[1]
    shown = await run_command(environment, "audit", "--tenant", "acme", "--json")
    (entry,) = [json.loads(line) for line in shown.out.splitlines()]
    assert (entry["action"], entry["target"]) == ("key.created", key_id)
    assert entry["actor"].startswith("command:")
    table = await run_command(environment, "audit")
    assert (table.code, "docfleet audit" in table.out, key_id in table.out) == (0, True, True)


async def test_a_new_callback_secret_is_in_the_tenants_log(settings: FleetSettings) -> None:
    """The first one and each that follows; the secret itself is in no entry."""
    encrypting = settings.model_copy(update={"encryption_keys": SecretStr(new_encryption_key())})
    async with serving(encrypting) as api:
        key_id, acme = await key_of(api, tenant="acme")
        secrets = []
        for _ in range(2):
            async with api.post("/v1/callback-secret/rotate", headers=acme) as answer:
                assert answer.status == 200
                secrets.append((await answer.json())["secret"])
        entries = await audited(api, acme)
    rotated = [one for one in entries if one["action"] == "callback_secret.rotated"]
    assert [(one["actor"], one["tenant"]) for one in rotated] == [(key_id, "acme")] * 2
    assert not any(secret in json.dumps(entries) for secret in secrets)
