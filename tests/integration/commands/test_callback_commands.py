"""`docfleet endpoints` and `docfleet deliveries` as a user types them."""

from __future__ import annotations

import json

from ledger.access.secret_box import SecretBox, new_encryption_key
from ledger.ledger import Ledger
from producer.audit_trail import AuditTrail
from producer.callbacks.secrets import CallbackSecrets
from producer.endpoints import Endpoints
from schemas.quota import NO_QUOTA
from schemas.states import JobState
from schemas.webhooks.endpoint import EndpointRequest, SecretRotation
from settings.environment import part_environment
from settings.fleet import FleetSettings
from tests.fixtures.command import Done, run_command


async def test_an_endpoint_is_registered_tested_disabled_and_replayed_on_the_command_line(
    settings: FleetSettings,
) -> None:
    """Each step says what came of it, and the secret is printed by the first alone."""
    assert settings.redis_url is not None
    environment = part_environment(
        {
            "DOCFLEET_REDIS_URL": settings.redis_url.get_secret_value(),
            "DOCFLEET_ENCRYPTION_KEYS": new_encryption_key(),
        }
    )

    async def docfleet(*words: str, code: int = 0) -> str:
        done = await run_command(environment, *words)
        assert done.code == code, done.err
        return done.out if code == 0 else done.err

    made = json.loads(
        await docfleet("endpoints", "add", "https://claims.example/", "--event", "job.failed")
    )
    assert made["secret"].startswith("whsec_")
    assert "secret" not in json.loads(await docfleet("endpoints", "show", made["id"]))
    delivery = (await docfleet("endpoints", "test", made["id"])).strip()
    assert f"{delivery}  endpoint.test" in await docfleet("deliveries", "list")
    assert json.loads(await docfleet("deliveries", "show", delivery))["state"] == "queued"
    assert "about to be sent" in await docfleet("deliveries", "replay", delivery, code=1)
    await docfleet("endpoints", "disable", made["id"])
    assert "disabled (asked)" in await docfleet("endpoints", "list")
    assert "enable it first" in await docfleet("deliveries", "replay", delivery, code=1)
    await docfleet("endpoints", "enable", made["id"])
    again = await docfleet("deliveries", "replay", "--endpoint", made["id"], "--state", "dead")
    assert again == "1 are sent again\n"
    await _acknowledge(settings, delivery)
    again = await docfleet("deliveries", "replay", "--endpoint", made["id"])
    assert again == "0 are sent again\n1 were acknowledged and are not: see --acknowledged\n"
    every = ("deliveries", "replay", "--endpoint", made["id"], "--acknowledged")
    assert "say --yes" in await docfleet(*every, code=2)
    assert await docfleet(*every, "--yes") == "1 are sent again\n"
    rotated = json.loads(
        await docfleet("endpoints", "rotate-secret", made["id"], "--overlap", "1h")
    )
    assert rotated["secret"] != made["secret"]
    await docfleet("deliveries", "replay", code=2)
    await docfleet("endpoints", "delete", made["id"])
    assert "there is no endpoint" in await docfleet("endpoints", "show", made["id"], code=1)


async def _acknowledge(settings: FleetSettings, delivery: str) -> None:
    assert settings.redis_url is not None
    ledger = Ledger(settings.redis_url.get_secret_value())
    claim = await ledger.claim(delivery, "w1", 30)
    assert claim is not None
    await ledger.finish(claim, JobState.SUCCEEDED)
    await ledger.close()


async def test_a_tenant_makes_its_callback_secret_on_the_command_line(
    settings: FleetSettings,
) -> None:
    """Until then its jobs name no callback; the default tenant's is the operator's."""
    assert settings.redis_url is not None
    environment = part_environment(
        {
            "DOCFLEET_REDIS_URL": settings.redis_url.get_secret_value(),
            "DOCFLEET_ENCRYPTION_KEYS": new_encryption_key(),
        }
    )

    async def docfleet(*words: str, code: int = 0) -> str:
        done = await run_command(environment, "callback-secret", *words)
        assert done.code == code, done.err
        return done.out if code == 0 else done.err

    none = {"tenant": "acme", "secrets": []}
    assert json.loads(await docfleet("show", "--tenant", "acme")) == none
    made = json.loads(await docfleet("rotate", "--tenant", "acme"))
    assert made["secret"].startswith("whsec_")
    shown = await docfleet("show", "--tenant", "acme")
    assert len(json.loads(shown)["secrets"]) == 1
    assert made["secret"] not in shown
    assert "DOCFLEET_CALLBACK_SECRET" in await docfleet("rotate", code=2)


async def test_the_encryption_key_is_replaced_without_a_new_secret(settings: FleetSettings) -> None:
    """New key first, reseal, old key out: the endpoint signs as before."""
    assert settings.redis_url is not None
    url = settings.redis_url.get_secret_value()
    old, new = new_encryption_key(), new_encryption_key()
    ledger = Ledger(url)
    audit = AuditTrail(ledger.audit)
    made = await Endpoints(ledger, SecretBox(old), audit, lambda _: NO_QUOTA).create(
        "acme", EndpointRequest.model_validate({"url": "https://claims.example/"})
    )

    async def reseal(keys: str) -> Done:
        variables = {"DOCFLEET_REDIS_URL": url, "DOCFLEET_ENCRYPTION_KEYS": keys}
        return await run_command(part_environment(variables), "endpoints", "reseal")

    secret = await CallbackSecrets(ledger.callback_secrets, SecretBox(old), audit).rotate(
        "acme", SecretRotation()
    )
    assert "put back the key" in (await reseal(new)).err
    done = await reseal(f"{new},{old}")
    assert done.out.startswith("1 endpoint, and the callback secrets of 1 tenant, sealed")
    (sealed,) = (await ledger.callback_secrets.get("acme")).secrets
    assert SecretBox(new).unseal(sealed.sealed) == secret.secret
    stored = await ledger.endpoints.get(made.id)
    assert stored is not None
    assert [SecretBox(new).unseal(one.sealed) for one in stored.secrets] == [made.secret]
    await ledger.close()
