"""The keys of the HTTP API: what each opens, for whom, and for how long."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis

from ledger.ledger import Ledger
from producer.access.keyring import Keyring
from producer.audit_trail import AuditTrail
from schemas.api_key import ApiKeyRequest, Scope
from schemas.failure import Failure, FailureCode
from settings.environment import part_environment
from settings.fleet import FleetSettings
from tests.fixtures.hand_worker import kill, succeed, task_result
from tests.fixtures.http_api import KEY, TEXT, problem_of, submit
from tests.fixtures.servers import Buckets

ALL = [scope.value for scope in Scope]


async def _key(api: aiohttp.ClientSession, **asked: Any) -> dict[str, str]:
    """A new key, as a header."""
    body = {"label": "test", "scopes": ALL, **asked}
    async with api.post("/v1/keys", json=body) as answer:
        assert answer.status == 201, await answer.text()
        return {"Authorization": f"Bearer {(await answer.json())['key']}"}


async def _listed(api: aiohttp.ClientSession, **headers: str) -> list[dict[str, Any]]:
    async with api.get("/v1/keys", headers=headers) as answer:
        assert answer.status == 200
        keys: list[dict[str, Any]] = (await answer.json())["data"]
        return keys


async def test_a_key_is_shown_once_and_kept_as_a_digest(
    api: aiohttp.ClientSession, valkey_url: str
) -> None:
    """Nothing in Redis, and no later answer, opens the door."""
    sent = (await _key(api, label="claims", tenant="acme"))["Authorization"].split()[1]
    secret = sent.rpartition("_")[2]
    (listed,) = await _listed(api)
    assert (listed["label"], listed["tenant"], listed["scopes"]) == ("claims", "acme", ALL)
    assert sent.split("_")[1] == listed["id"]
    assert secret not in str(listed)
    async with Redis.from_url(valkey_url, decode_responses=True) as redis:
        kept = [await redis.hgetall(key) async for key in redis.scan_iter("docfleet:api-key:*")]
    assert len(kept) == 1
    assert secret not in str(kept)


ROUTES = [
    ("POST", "/v1/jobs", Scope.SUBMIT),
    ("GET", "/v1/jobs/x", Scope.READ),
    ("GET", "/v1/jobs/x/result", Scope.READ),
    ("POST", "/v1/jobs/x/cancel", Scope.OPERATE),
    ("POST", "/v1/jobs/x/redrive", Scope.OPERATE),
    ("GET", "/v1/dead-letters", Scope.READ),
    ("GET", "/v1/dead-letters/x", Scope.READ),
    ("POST", "/v1/dead-letters/redrive", Scope.OPERATE),
    ("POST", "/v1/dead-letters/x/redrive", Scope.OPERATE),
    ("DELETE", "/v1/dead-letters/x", Scope.OPERATE),
    ("GET", "/v1/keys", Scope.ADMIN),
    ("POST", "/v1/keys", Scope.ADMIN),
    ("DELETE", "/v1/keys/x", Scope.ADMIN),
]


async def test_a_route_opens_to_its_scope_and_to_no_other(api: aiohttp.ClientSession) -> None:
    """403 with any other key; with its own, whatever follows is no matter of keys."""
    keys = {scope: await _key(api, scopes=[scope]) for scope in Scope}
    for method, path, scope in ROUTES:
        for owned, key in keys.items():
            async with api.request(method, path, headers=key, json={"no": 1}) as answer:
                if owned is scope:
                    assert answer.status not in {401, 403}, (method, path)
                else:
                    told = await problem_of(answer, 403, "forbidden")
                    assert scope in told["detail"]


async def test_openapi_names_the_scope_of_each_operation(api: aiohttp.ClientSession) -> None:
    """The scope of a route is documented; no route under /v1 is open."""
    async with api.get("/openapi.json") as answer:
        schema = await answer.json()
    for path, methods in schema["paths"].items():
        for operation in methods.values():
            if path.startswith("/v1/"):
                ((scope,),) = (tuple(one["key"]) for one in operation["security"])
                assert scope in ALL
                assert {"401", "403"} <= operation["responses"].keys()
            else:
                assert "security" not in operation
    assert schema["paths"]["/v1/jobs/{job_id}/cancel"]["post"]["security"] == [{"key": ["operate"]}]


async def test_a_tenant_never_sees_anothers_jobs(
    api: aiohttp.ClientSession, ledger: Ledger, s3: Buckets
) -> None:
    """Job, result, dead letter: the same answer as for what was never there."""
    mine, theirs = await _key(api, tenant="acme"), await _key(api, tenant="globex")
    done = (await submit(api, TEXT, **mine))["id"]
    await succeed(ledger, s3.results, done, {"summary": task_result({"summary": "Hail."})})
    dead = (await submit(api, TEXT, **mine))["id"]
    await kill(ledger, dead, Failure.of(FailureCode.DOCUMENT_EMPTY, "Empty."))
    never = "job_" + "0" * 24
    for method, path in (
        ("GET", "/v1/jobs/{}"),
        ("GET", "/v1/jobs/{}/result"),
        ("POST", "/v1/jobs/{}/cancel"),
        ("POST", "/v1/jobs/{}/redrive"),
        ("GET", "/v1/dead-letters/{}"),
        ("POST", "/v1/dead-letters/{}/redrive"),
        ("DELETE", "/v1/dead-letters/{}"),
    ):
        for job_id in (done, dead):
            async with api.request(method, path.format(job_id), headers=theirs) as answer:
                assert answer.status == 404, (method, path)
                told = await answer.text()
            async with api.request(method, path.format(never), headers=theirs) as answer:
                assert told.replace(job_id, never) == await answer.text(), (method, path)
    for key, expected in ((mine, [dead]), (theirs, [])):
        async with api.get("/v1/dead-letters", headers=key) as answer:
            assert [letter["id"] for letter in (await answer.json())["data"]] == expected
    async with api.post("/v1/dead-letters/redrive", headers=theirs, json={}) as answer:
        assert await answer.json() == {"redriven": 0}
    async with api.get(f"/v1/jobs/{dead}", headers=mine) as answer:
        assert (await answer.json())["state"] == "dead"


async def test_a_tenants_key_names_no_other_tenant(api: aiohttp.ClientSession) -> None:
    """Neither by the header, nor in a filter, nor for a key that it creates."""
    key = await _key(api, tenant="acme")
    elsewhere = {**key, "Docfleet-Tenant": "globex"}
    async with api.post("/v1/jobs", json=TEXT, headers=elsewhere) as answer:
        await problem_of(answer, 403, "forbidden")
    async with api.get("/v1/dead-letters?tenant=globex", headers=key) as answer:
        await problem_of(answer, 403, "forbidden")
    asked = {"label": "x", "scopes": ["read"], "tenant": "globex"}
    async with api.post("/v1/keys", json=asked, headers=key) as answer:
        await problem_of(answer, 403, "forbidden")
    async with api.post("/v1/keys", json={**asked, "tenant": None}, headers=key) as answer:
        assert (await answer.json())["tenant"] == "acme"
    await _key(api, tenant="globex")
    assert {one["tenant"] for one in await _listed(api, **key)} == {"acme"}


async def test_the_fleets_key_submits_for_the_tenant_it_names(api: aiohttp.ClientSession) -> None:
    """And for `default` where it names none; what is no name is refused."""
    assert (await submit(api, TEXT))["tenant"] == "default"
    assert (await submit(api, TEXT, **{"Docfleet-Tenant": "acme"}))["tenant"] == "acme"
    mine = await _key(api, tenant="acme")
    assert (await submit(api, TEXT, **mine))["tenant"] == "acme"
    for name in ("A", "", "a" * 64, "x\u00e9"):
        sent = {"Docfleet-Tenant": name}
        async with api.post("/v1/jobs", json=TEXT, headers=sent) as answer:
            await problem_of(answer, 422, "invalid-request")


async def test_an_idempotency_key_is_its_tenants_own(api: aiohttp.ClientSession) -> None:
    """Two tenants that use the same one have two jobs."""
    jobs = [
        (await submit(api, TEXT, **{"Idempotency-Key": "1", "Docfleet-Tenant": tenant}))["id"]
        for tenant in ("acme", "globex", "acme")
    ]
    assert jobs[0] == jobs[2] != jobs[1]


async def test_a_revoked_key_opens_nothing_within_seconds(
    api: aiohttp.ClientSession, valkey_url: str
) -> None:
    """This process refuses the key at once, and others when their cache is over."""
    here, elsewhere = await _key(api), await _key(api)
    for key in (here, elsewhere):
        async with api.get("/v1/jobs/x", headers=key) as answer:
            assert answer.status == 404
    ids = [key["Authorization"].split("_")[1] for key in (here, elsewhere)]
    async with api.delete(f"/v1/keys/{ids[0]}") as answer:
        assert answer.status == 204
    async with api.get("/v1/jobs/x", headers=here) as answer:
        await problem_of(answer, 401, "unauthorized")
    other = Ledger(valkey_url)
    await Keyring(other.api_keys, AuditTrail(other.audit)).revoke(ids[1])
    await other.close()
    async with asyncio.timeout(10):
        while True:
            async with api.get("/v1/jobs/x", headers=elsewhere) as answer:
                if answer.status == 401:
                    break
            await asyncio.sleep(0.05)
    async with api.delete(f"/v1/keys/{ids[0]}") as answer:
        await problem_of(answer, 404, "unknown-key")
    assert await _listed(api) == []


async def test_an_expired_key_opens_nothing(api: aiohttp.ClientSession) -> None:
    """Redis forgets it when its time is up, and it is listed no more."""
    key = await _key(api, expires_seconds=1)
    (listed,) = await _listed(api)
    assert listed["expires_at"] > listed["created_at"]
    async with asyncio.timeout(10):
        while True:
            async with api.get("/v1/jobs/x", headers=key) as answer:
                if answer.status == 401:
                    break
            await asyncio.sleep(0.05)
    assert await _listed(api) == []


@pytest.mark.parametrize("change", ["secret", "id", "short", "other"])
async def test_a_key_that_is_not_quite_right_opens_nothing(
    api: aiohttp.ClientSession, change: str
) -> None:
    """Another key's secret included."""
    first, second = [(await _key(api))["Authorization"].split()[1] for _ in range(2)]
    _, key_id, secret = first.split("_")
    sent = {
        "secret": f"df_{key_id}_{'0' * 48}",
        "id": f"df_{'0' * 12}_{secret}",
        "short": first[:-1],
        "other": f"df_{key_id}_{second.split('_')[2]}",
    }[change]
    async with api.get("/v1/jobs/x", headers={"Authorization": f"Bearer {sent}"}) as answer:
        await problem_of(answer, 401, "unauthorized")


async def test_a_key_says_when_it_was_used_last(api: aiohttp.ClientSession) -> None:
    """Not before it is used, and not when somebody tries its id with another secret."""
    key = await _key(api)
    key_id = key["Authorization"].split("_")[1]
    wrong = {"Authorization": f"Bearer df_{key_id}_{'0' * 48}"}
    async with api.get("/v1/jobs/x", headers=wrong) as answer:
        assert answer.status == 401
    assert "last_used_at" not in (await _listed(api))[0]
    async with api.get("/v1/jobs/x", headers=key) as answer:
        assert answer.status == 404
    (listed,) = await _listed(api)
    assert listed["last_used_at"] >= listed["created_at"]


async def test_a_key_needs_a_label_and_a_scope(api: aiohttp.ClientSession) -> None:
    """A typo is refused, and so is a key that could do nothing."""
    good = {"label": "x", "scopes": ["read"]}
    for bad in ({"scopes": []}, {"scopes": ["write"]}, {"label": ""}, {"tenant": "A"}, {"x": 1}):
        async with api.post("/v1/keys", json={**good, **bad}) as answer:
            await problem_of(answer, 422, "invalid-request")


async def _asked(api: aiohttp.ClientSession, key: dict[str, str], **asked: Any) -> Any:
    """A key that another key asks for: its answer, read."""
    body = {"label": "made", "scopes": ["read"], **asked}
    async with api.post("/v1/keys", json=body, headers=key) as answer:
        return answer.status, await answer.json()


async def test_a_key_makes_none_that_can_do_more_or_works_longer(
    api: aiohttp.ClientSession,
) -> None:
    """Scopes are its own or fewer; one that names no end ends with its maker."""
    maker = await _key(api, tenant="acme", scopes=["read", "admin"], expires_seconds=3600)
    status, told = await _asked(api, maker, scopes=["read", "submit", "operate"])
    assert (status, told["type"]) == (403, "urn:docfleet:problem:forbidden")
    assert "submit, operate" in told["detail"]
    status, told = await _asked(api, maker, expires_seconds=7200)
    assert (status, told["type"]) == (403, "urn:docfleet:problem:forbidden")
    assert "expires" in told["detail"]
    ends = (await _listed(api))[0]["expires_at"]
    status, endless = await _asked(api, maker)
    assert (status, endless["expires_at"]) == (201, ends)
    status, short = await _asked(api, maker, expires_seconds=60)
    assert (status, short["expires_at"] < ends) == (201, True)
    maker_id = maker["Authorization"].split("_")[1]
    assert [one.get("made_by") for one in await _listed(api)] == [None, maker_id, maker_id]


@pytest.mark.parametrize("kept", [False, True])
async def test_what_a_key_made_is_revoked_with_it_unless_it_is_to_be_kept(
    api: aiohttp.ClientSession, *, kept: bool
) -> None:
    """Down to what those made; another key of the tenant is left alone."""
    other = await _key(api, tenant="acme")
    maker = await _key(api, tenant="acme")
    _, child = await _asked(api, maker, scopes=ALL)
    _, grandchild = await _asked(api, {"Authorization": f"Bearer {child['key']}"})
    maker_id = maker["Authorization"].split("_")[1]
    async with api.delete(f"/v1/keys/{maker_id}", params={"keep_made": str(kept)}) as answer:
        assert answer.status == 204
    made = {child["id"], grandchild["id"]} if kept else set()
    left = {other["Authorization"].split("_")[1]} | made
    assert {one["id"] for one in await _listed(api)} == left
    for key in (child, grandchild):
        sent = {"Authorization": f"Bearer {key['key']}"}
        async with api.get("/v1/jobs/x", headers=sent) as answer:
            assert answer.status == (404 if kept else 401)


async def test_a_revoked_key_makes_none_while_it_is_still_believed(
    api: aiohttp.ClientSession, valkey_url: str
) -> None:
    """Another process revoked it; this one has just seen it work."""
    maker = await _key(api, tenant="acme")
    assert (await _asked(api, maker))[0] == 201
    other = Ledger(valkey_url)
    maker_id = maker["Authorization"].split("_")[1]
    await Keyring(other.api_keys, AuditTrail(other.audit)).revoke(maker_id)
    await other.close()
    status, told = await _asked(api, maker)
    assert (status, told["type"]) == (401, "urn:docfleet:problem:unauthorized")
    assert await _listed(api) == []


async def test_a_tenant_has_so_many_keys_and_no_more(
    api: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else they would fill the ledger; another tenant's are not counted."""
    monkeypatch.setattr("ledger.access.api_keys.MOST_KEYS", 2)
    keys = [await _key(api, tenant="acme") for _ in range(2)]
    status, told = await _asked(api, keys[0])
    assert (status, told["type"]) == (409, "urn:docfleet:problem:too-many-keys")
    assert "revoke" in told["detail"]
    await _key(api, tenant="globex")


async def test_verified_keys_are_few_and_forgotten(valkey_url: str) -> None:
    """However many keys come by, the memory that they take has a bound."""
    ledger = Ledger(valkey_url)
    keyring = Keyring(ledger.api_keys, AuditTrail(ledger.audit))
    asked = ApiKeyRequest(label="many", scopes=(Scope.READ,))
    keyring._trusted_keys = 3
    for _ in range(5):
        assert await keyring.principal((await keyring.create(asked)).key) is not None
    assert len(keyring._trusted) == 3
    await ledger.close()


async def test_the_key_of_the_environment_needs_no_ledger(api: aiohttp.ClientSession) -> None:
    """The key is never listed, and can do everything."""
    async with api.get("/v1/keys", headers=KEY) as answer:
        assert (answer.status, (await answer.json())["data"]) == (200, [])


async def _docfleet(settings: FleetSettings, *words: str) -> tuple[int, str, str]:
    """The command as an operator types it; gives its code and what it prints."""
    assert settings.redis_url is not None
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "docfleet", "keys", *words,
        cwd=Path(__file__).parents[3],
        env=part_environment({"DOCFLEET_REDIS_URL": settings.redis_url.get_secret_value()}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode or 0, out.decode(), err.decode()


async def test_keys_are_made_and_taken_back_by_command(
    api: aiohttp.ClientSession, settings: FleetSettings
) -> None:
    """`create` prints the key alone, so that a script can take it; `list` never shows it."""
    words = ("--label", "nightly", "--tenant", "acme", "--scope", "read", "--expires", "1d")
    code, out, err = await _docfleet(settings, "create", *words)
    key = out.strip()
    assert (code, key.count("_"), "one time" in err) == (0, 2, True)
    sent = {"Authorization": f"Bearer {key}"}
    async with api.get("/v1/jobs", headers=sent) as answer:
        assert answer.status == 200
    code, out, _ = await _docfleet(settings, "list")
    key_id = key.split("_")[1]
    assert (code, key_id in out, "nightly" in out, key in out) == (0, True, True, False)
    code, out, _ = await _docfleet(settings, "revoke", key_id)
    assert (code, key_id in out) == (0, True)
    code, _, err = await _docfleet(settings, "revoke", key_id)
    assert (code, key_id in err) == (1, True)
    code, _, err = await _docfleet(settings, "create", "--label", "x", "--scope", "write")
    assert (code, "write" in err) == (2, True)
