"""Signing of jobs' callbacks: each tenant for itself, and the operator for the fleet's own."""

from __future__ import annotations

import json

import pytest

from ledger import keys
from ledger.access.sealed_secret import SealedSecret
from producer.errors import OperatorSignsError
from schemas.failure import FailureCode
from schemas.states import JobState
from schemas.webhooks.delivery import Delivery, DeliveryFilter
from schemas.webhooks.endpoint import SecretRotation
from tests.fixtures.deliver_scene import (
    CALLBACK_SECRET,
    SETTINGS,
    DeliverScene,
    TestReceiver,
    delivering,
    verified_by_openai,
)
from tests.fixtures.servers import Buckets

NOW = SecretRotation()


async def _arrived(scene: DeliverScene, receiver: TestReceiver, count: int) -> None:
    await scene.until(lambda: len(receiver.arrivals) >= count)


async def _of(scene: DeliverScene, tenant: str) -> list[Delivery]:
    return [one async for one in scene.ledger.deliveries.each(tenant, DeliveryFilter())]


async def test_one_tenants_event_does_not_verify_at_anothers_receiver(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """A job may name any URL, and so another tenant's receiver."""
    acme = await scene.secrets.rotate("acme", NOW)
    globex = await scene.secrets.rotate("globex", NOW)
    await scene.end_job(receiver.url, tenant="acme")
    await _arrived(scene, receiver, 1)
    (arrival,) = receiver.arrivals
    assert arrival.event["data"]["tenant"] == "acme"
    assert verified_by_openai(arrival, acme.secret)
    assert not verified_by_openai(arrival, globex.secret)
    assert not verified_by_openai(arrival, CALLBACK_SECRET)


async def test_the_operators_secret_signs_for_the_default_tenant_and_for_the_fleets_callback(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """Whichever tenant's job it is, the operator named the receiver."""
    await scene.end_job(receiver.url)
    await scene.end_job(receiver.url, tenant="acme", of_fleet=True)
    await _arrived(scene, receiver, 2)
    assert all(verified_by_openai(one, CALLBACK_SECRET) for one in receiver.arrivals)
    assert {one.event["data"]["tenant"] for one in receiver.arrivals} == {"default", "acme"}


async def test_a_secret_is_rotated_with_an_overlap(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """For a while both sign, then the new one alone."""
    old = await scene.secrets.rotate("acme", NOW)
    new = await scene.secrets.rotate("acme", NOW)
    assert len((await scene.secrets.show("acme")).secrets) == 2
    await scene.end_job(receiver.url, tenant="acme")
    await _arrived(scene, receiver, 1)
    both = receiver.arrivals[-1]
    assert verified_by_openai(both, old.secret)
    assert verified_by_openai(both, new.secret)
    last = await scene.secrets.rotate("acme", SecretRotation(overlap_seconds=0))
    await scene.end_job(receiver.url, tenant="acme")
    await _arrived(scene, receiver, 2)
    one = receiver.arrivals[-1]
    assert verified_by_openai(one, last.secret)
    assert not verified_by_openai(one, new.secret)
    assert len((await scene.secrets.show("acme")).secrets) == 1


async def test_however_often_a_secret_is_rotated_few_of_them_sign(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """Each is one more signature in the header of every event."""
    for _ in range(10):
        newest = await scene.secrets.rotate("acme", NOW)
    await scene.end_job(receiver.url, tenant="acme")
    await _arrived(scene, receiver, 1)
    (arrival,) = receiver.arrivals
    assert verified_by_openai(arrival, newest.secret)
    assert len(arrival.headers["webhook-signature"].split()) == 7


async def test_two_rotations_at_once_both_give_a_secret_that_signs(scene: DeliverScene) -> None:
    """Neither takes the other's away."""
    records = scene.ledger.callback_secrets
    found = await records.get("acme")
    first = await scene.secrets.rotate("acme", NOW)
    assert not await records.replace("acme", found, ())
    second = await scene.secrets.rotate("acme", NOW)
    kept = (await records.get("acme")).secrets
    assert [scene.box.unseal(one.sealed) for one in kept] == [second.secret, first.secret]


async def test_a_callback_that_nobody_can_sign_waits_until_there_is_a_secret(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """A rule of `fleet.toml` may name it before the tenant has one; nothing is sent unsigned."""
    await scene.end_job(receiver.url, tenant="acme")

    async def waits() -> bool:
        return (await _of(scene, "acme"))[0].state is JobState.WAITING

    await scene.until(waits)
    (delivery,) = await _of(scene, "acme")
    failure = delivery.history[0].failure
    assert failure is not None
    assert failure.code is FailureCode.DELIVERY_UNSIGNED
    assert "docfleet callback-secret rotate --tenant acme" in failure.message
    assert receiver.arrivals == []
    made = await scene.secrets.rotate("acme", NOW)
    await scene.pass_time()
    await _arrived(scene, receiver, 1)
    assert verified_by_openai(receiver.arrivals[0], made.secret)


async def test_no_callback_secret_lies_in_redis_as_it_is(scene: DeliverScene) -> None:
    """Nor any part of it."""
    made = await scene.secrets.rotate("acme", NOW)
    kept = str(await scene.redis.get(keys.CALLBACK_SECRETS.format(tenant="acme")))
    assert scene.box.unseal(SealedSecret.model_validate(json.loads(kept)[0]).sealed) == made.secret
    assert made.secret.removeprefix("whsec_") not in kept


async def test_the_default_tenants_secret_is_not_made_here(scene: DeliverScene) -> None:
    """The operator has it: DOCFLEET_CALLBACK_SECRET."""
    with pytest.raises(OperatorSignsError, match="DOCFLEET_CALLBACK_SECRET"):
        await scene.secrets.rotate("default", NOW)
    with pytest.raises(OperatorSignsError, match="DOCFLEET_CALLBACK_SECRET"):
        await scene.secrets.show("default")


async def test_where_tls_is_demanded_nothing_is_sent_without_it(
    valkey_url: str, s3: Buckets, receiver: TestReceiver
) -> None:
    """Of what was accepted before that, too."""
    assert s3.results
    settings = SETTINGS.model_copy(update={"https_only": True})
    async with delivering(valkey_url, settings) as scene:
        await scene.end_job(receiver.url)
        (delivery,) = await scene.settled()
    assert delivery.state is JobState.DEAD
    assert delivery.failure is not None
    assert delivery.failure.code is FailureCode.DELIVERY_FORBIDDEN
    assert receiver.arrivals == []
