"""Endpoints and deliveries over real HTTP, on a real Valkey."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from ledger.access.secret_box import new_encryption_key
from ledger.ledger import Ledger
from ledger.webhooks import deliveries
from schemas.states import JobState
from schemas.webhooks.delivery import Delivery
from schemas.webhooks.endpoint import Endpoint
from settings.fleet import FleetSettings
from tests.fixtures.http_api import problem_of, serving

ASKED = {"url": "https://claims.example/docfleet", "events": ["job.failed"], "payload": "full"}
TEXT = {"document": {"text": "Claim HM-1: hail."}, "tasks": ["summary"]}


@pytest.fixture
async def keyed(settings: FleetSettings) -> AsyncIterator[aiohttp.ClientSession]:
    """The API of a fleet that has an encryption key."""
    keys = SecretStr(new_encryption_key())
    async with serving(settings.model_copy(update={"encryption_keys": keys})) as session:
        yield session


async def _create(api: aiohttp.ClientSession, **asked: Any) -> dict[str, Any]:
    async with api.post("/v1/endpoints", json={**ASKED, **asked}) as answer:
        assert answer.status == 201, await answer.text()
        made: dict[str, Any] = await answer.json()
        assert answer.headers["Location"] == f"/v1/endpoints/{made['id']}"
        return made


async def _get(api: aiohttp.ClientSession, path: str) -> Any:
    async with api.get(path) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def test_a_secret_is_shown_once_and_never_again(keyed: aiohttp.ClientSession) -> None:
    """In the answer to the create and to a rotation; everything else can be read."""
    made = await _create(keyed, v1a=True)
    assert made["secret"].startswith("whsec_")
    assert made["public_key"].startswith("whpk_")
    shown = await _get(keyed, f"/v1/endpoints/{made['id']}")
    assert "secret" not in shown
    assert shown == {k: v for k, v in made.items() if k not in {"secret", "public_key"}}
    Endpoint.model_validate(shown)
    assert (await _get(keyed, "/v1/endpoints"))["data"] == [shown]
    path = f"/v1/endpoints/{made['id']}/rotate-secret"
    async with keyed.post(path, json={"overlap_seconds": 60}) as answer:
        assert answer.status == 200
        assert (await answer.json())["secret"] != made["secret"]
    secrets = (await _get(keyed, f"/v1/endpoints/{made['id']}"))["secrets"]
    assert [("expires_at" in one, one["kind"]) for one in secrets] == [
        (False, "v1"), (False, "v1a"), (True, "v1"), (True, "v1a")
    ]  # fmt: skip


async def test_what_is_not_named_in_a_change_stays(keyed: aiohttp.ClientSession) -> None:
    """Disabling gives the reason; enabling takes it away."""
    made = await _create(keyed)
    path = f"/v1/endpoints/{made['id']}"
    for change, expected in (
        ({"description": "claims"}, {"description": "claims", "payload": "full"}),
        ({"state": "disabled"}, {"state": "disabled", "reason": "asked", "description": "claims"}),
        ({"state": "enabled", "events": []}, {"state": "enabled", "events": []}),
    ):
        async with keyed.patch(path, json=change) as answer:
            changed = await answer.json()
            assert answer.status == 200, changed
            assert expected.items() <= changed.items()
    assert "reason" not in changed
    async with keyed.delete(path) as answer:
        assert answer.status == 204
    async with keyed.get(path) as answer:
        await problem_of(answer, 404, "unknown-endpoint")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"url": "ftp://claims.example/"}, "body.url"),
        ({"url": "https://user:pass@claims.example/"}, "no user"),
        ({"events": ["job.exploded"]}, "body.events"),
        ({"concurrency": 0}, "body.concurrency"),
        ({"client_certificate": "../../etc/key"}, "body.client_certificate"),
        ({"secret": "whsec_mine"}, "body.secret"),
    ],
)
async def test_an_endpoint_that_cannot_be_is_refused(
    keyed: aiohttp.ClientSession, asked: dict[str, Any], words: str
) -> None:
    """422 with the place."""
    async with keyed.post("/v1/endpoints", json={**ASKED, **asked}) as answer:
        assert words in (await problem_of(answer, 422, "invalid-request"))["detail"]


async def test_endpoints_need_a_key_and_nothing_else_does(settings: FleetSettings) -> None:
    """503 with the variable's name; jobs go on."""
    async with serving(settings.model_copy(update={"encryption_keys": None})) as api:
        async with api.post("/v1/endpoints", json=ASKED) as answer:
            problem = await problem_of(answer, 503, "no-encryption-key")
            assert "DOCFLEET_ENCRYPTION_KEYS" in problem["detail"]
        async with api.post("/v1/jobs", json=TEXT) as answer:
            assert answer.status == 202


async def test_a_url_that_could_not_be_read_again_is_refused(
    keyed: aiohttp.ClientSession,
) -> None:
    """The URL grows when it is written in its normal form."""
    url = "https://claims.test/" + "ä" * 400
    async with keyed.post("/v1/endpoints", json={**ASKED, "url": url}) as answer:
        await problem_of(answer, 422, "invalid-request")
    body = {**TEXT, "callback": {"url": url}}
    async with keyed.post("/v1/jobs", json=body) as answer:
        await problem_of(answer, 422, "invalid-request")


async def test_a_tenant_has_so_many_endpoints_and_no_more(keyed: aiohttp.ClientSession) -> None:
    """Each of its jobs opens a delivery to each of them."""
    for _ in range(16):
        await _create(keyed)
    async with keyed.post("/v1/endpoints", json=ASKED) as answer:
        await problem_of(answer, 409, "too-many-endpoints")


async def test_deliveries_are_listed_by_endpoint_job_state_and_time_in_pages(
    keyed: aiohttp.ClientSession, ledger: Ledger
) -> None:
    """The newest first, each once; a cursor of nobody's is refused."""
    endpoint = (await _create(keyed, events=["job.cancelled"]))["id"]
    other = (await _create(keyed, events=["job.cancelled"]))["id"]
    jobs = []
    for _ in range(5):
        async with keyed.post("/v1/jobs", json=TEXT) as answer:
            jobs.append((await answer.json())["id"])
        await ledger.cancel(jobs[-1])
    listed, cursor = [], ""
    while cursor is not None:
        page = await _get(keyed, f"/v1/deliveries?limit=3{cursor and f'&cursor={cursor}'}")
        listed += page["data"]
        cursor = page["next_cursor"]
    assert len({one["id"] for one in listed}) == len(listed) == 10
    assert [one["created_at"] for one in listed] == sorted(
        (one["created_at"] for one in listed), reverse=True
    )
    Delivery.model_validate(listed[0])
    hour = (datetime.now(UTC) + timedelta(hours=1)).isoformat().replace("+", "%2B")
    for query, count in (
        (f"endpoint={endpoint}", 5),
        (f"job={jobs[2]}", 2),
        (f"job={jobs[2]}&endpoint={other}", 1),
        ("state=queued", 10),
        ("state=dead", 0),
        (f"after={hour}", 0),
        (f"before={hour}", 10),
    ):
        assert len((await _get(keyed, f"/v1/deliveries?{query}"))["data"]) == count, query
    assert len((await _get(keyed, f"/v1/endpoints/{endpoint}/deliveries"))["data"]) == 5
    assert (await _get(keyed, f"/v1/deliveries/{listed[0]['id']}")) == listed[0]
    async with keyed.get("/v1/deliveries?cursor=nonsense") as answer:
        await problem_of(answer, 422, "invalid-request")


async def test_a_page_of_deliveries_looks_at_few_and_at_none_of_another_tenant(
    keyed: aiohttp.ClientSession, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that meets the filter is found in the end, and a cursor leads there."""
    monkeypatch.setattr(deliveries, "_BATCH", 2)
    monkeypatch.setattr(deliveries, "_LOOKED_AT", 4)
    await _create(keyed, events=["job.cancelled"])
    jobs = []
    for tenant in ("default", *["default", "acme"] * 6):
        headers = {"Docfleet-Tenant": tenant}
        async with keyed.post("/v1/jobs", json=TEXT, headers=headers) as answer:
            jobs.append((await answer.json())["id"])
        await ledger.cancel(jobs[-1])
    path, cursor, pages = f"/v1/deliveries?job={jobs[0]}", "", []
    while cursor is not None:
        page = await _get(keyed, f"{path}{cursor and f'&cursor={cursor}'}")
        pages.append(len(page["data"]))
        cursor = page["next_cursor"]
    assert pages == [0, 1]


async def test_a_replay_says_what_it_cannot_send(
    keyed: aiohttp.ClientSession, ledger: Ledger
) -> None:
    """Unknown, about to be sent anyway, or to an endpoint that is disabled."""
    endpoint = (await _create(keyed))["id"]
    async with keyed.post(f"/v1/endpoints/{endpoint}/test") as answer:
        assert answer.status == 202
        delivery = (await answer.json())["id"]
    async with keyed.post(f"/v1/deliveries/{delivery}/replay") as answer:
        await problem_of(answer, 409, "delivery-open")
    for unknown in ("msg_" + "0" * 24, "job_" + "0" * 24, "nonsense"):
        async with keyed.post(f"/v1/deliveries/{unknown}/replay") as answer:
            await problem_of(answer, 404, "unknown-delivery")
    async with keyed.patch(f"/v1/endpoints/{endpoint}", json={"state": "disabled"}) as answer:
        assert answer.status == 200
    for path, body in (
        (f"/v1/deliveries/{delivery}/replay", None),
        ("/v1/deliveries/replay", {"endpoint": endpoint}),
        (f"/v1/endpoints/{endpoint}/test", None),
    ):
        async with keyed.post(path, json=body) as answer:
            await problem_of(answer, 409, "endpoint-disabled")
    async with keyed.patch(f"/v1/endpoints/{endpoint}", json={"state": "enabled"}) as answer:
        assert answer.status == 200
    async with keyed.post("/v1/deliveries/replay", json={"endpoint": endpoint}) as answer:
        assert await answer.json() == {"replayed": 1, "acknowledged": 0}
    found = await ledger.deliveries.get(delivery)
    assert found is not None
    assert found.state == "queued"
    claim = await ledger.claim(delivery, "w1", 30)
    assert claim is not None
    await ledger.finish(claim, JobState.SUCCEEDED)
    body = {"endpoint": endpoint}
    async with keyed.post("/v1/deliveries/replay", json=body) as answer:
        assert await answer.json() == {"replayed": 0, "acknowledged": 1}
    body["acknowledged"] = True
    async with keyed.post("/v1/deliveries/replay", json=body) as answer:
        assert "acts twice" in (await problem_of(answer, 409, "unconfirmed"))["detail"]
    body["confirmed"] = True
    async with keyed.post("/v1/deliveries/replay", json=body) as answer:
        assert await answer.json() == {"replayed": 1, "acknowledged": 0}
