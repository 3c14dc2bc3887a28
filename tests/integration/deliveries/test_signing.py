"""Sender and readers of an event: signatures, secrets, certificates."""

from __future__ import annotations

import ssl
from base64 import b64decode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook

from ledger import keys
from ledger.access.secret_box import SecretBox, new_encryption_key
from schemas.failure import FailureCode
from schemas.job import DEFAULT_TENANT
from schemas.states import JobState
from schemas.webhooks.endpoint import (
    SecretRotation,
)
from tests.fixtures.authority import Authority
from tests.fixtures.deliver_scene import (
    CALLBACK_SECRET,
    SETTINGS,
    Arrival,
    DeliverScene,
    TestReceiver,
    delivering,
    receiving,
    verified_by_openai,
)
from tests.fixtures.servers import Buckets


async def test_a_callback_satisfies_two_independent_verifiers(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """OpenAI's SDK and the standard's own library; a changed body satisfies neither."""
    job_id = await scene.end_job(receiver.url)
    await scene.settled()
    (arrival,) = receiver.arrivals
    assert verified_by_openai(arrival, CALLBACK_SECRET)
    Webhook(CALLBACK_SECRET).verify(arrival.body, arrival.headers)
    forged = Arrival(arrival.headers, arrival.body.replace("succeeded", "cancelled"))
    assert not verified_by_openai(forged, CALLBACK_SECRET)
    assert arrival.event["data"]["id"] == job_id
    assert arrival.headers["webhook-id"] == arrival.event["id"]


async def test_a_rotated_secret_signs_beside_the_new_one_until_the_overlap_is_over(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """A receiver may take either meanwhile; afterwards the old one is worth nothing."""
    endpoint = await scene.endpoint(receiver)
    new = await scene.endpoints.rotate(DEFAULT_TENANT, endpoint.id, SecretRotation())
    await scene.end_job()
    await scene.settled()
    both = receiver.arrivals[-1]
    assert verified_by_openai(both, endpoint.secret)
    assert verified_by_openai(both, new.secret)
    Webhook(endpoint.secret).verify(both.body, both.headers)
    last = await scene.endpoints.rotate(
        DEFAULT_TENANT, endpoint.id, SecretRotation(overlap_seconds=0)
    )
    await scene.end_job()
    await scene.settled()
    one = receiver.arrivals[-1]
    assert verified_by_openai(one, last.secret)
    assert not verified_by_openai(one, new.secret)
    assert not verified_by_openai(one, endpoint.secret)
    assert len(one.headers["webhook-signature"].split()) == 1


async def test_v1a_can_be_verified_with_the_public_key_alone(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """Beside v1, which every library knows."""
    endpoint = await scene.endpoint(receiver, v1a=True)
    assert endpoint.public_key is not None
    await scene.end_job()
    await scene.settled()
    (arrival,) = receiver.arrivals
    assert verified_by_openai(arrival, endpoint.secret)
    Webhook(endpoint.secret).verify(arrival.body, arrival.headers)
    signatures = dict(one.split(",", 1) for one in arrival.headers["webhook-signature"].split())
    assert signatures.keys() == {"v1", "v1a"}
    key = Ed25519PublicKey.from_public_bytes(b64decode(endpoint.public_key.removeprefix("whpk_")))
    head = f"{arrival.headers['webhook-id']}.{arrival.headers['webhook-timestamp']}."
    key.verify(b64decode(signatures["v1a"]), (head + arrival.body).encode())
    shown = await scene.endpoints.get(DEFAULT_TENANT, endpoint.id)
    assert endpoint.public_key in {one.public_key for one in shown.secrets}


async def test_no_secret_lies_in_redis_as_it_is(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """Neither of them, in any field."""
    endpoint = await scene.endpoint(receiver, v1a=True)
    everything = str(await scene.redis.hgetall(keys.ENDPOINT.format(id=endpoint.id)))
    assert endpoint.secret not in everything
    assert endpoint.secret.removeprefix("whsec_") not in everything
    assert "whsk_" not in everything


def test_an_encryption_key_is_replaced_by_putting_the_new_one_first() -> None:
    """Secrets that the old key sealed can be opened while the key is in the list."""
    old, new = new_encryption_key(), new_encryption_key()
    sealed = SecretBox(old).seal("whsec_a")
    both = SecretBox(f"{new},{old}")
    assert both.unseal(sealed) == "whsec_a"
    assert SecretBox(new).unseal(both.reseal(sealed)) == "whsec_a"


async def test_a_worker_without_the_key_says_so_and_tries_again(
    valkey_url: str, s3: Buckets, receiver: TestReceiver
) -> None:
    """Nothing is sent unsigned; a callback of a job needs no key."""
    assert s3.results
    async with delivering(valkey_url) as scene:
        await scene.endpoint(receiver)
        scene.stage._receivers._signers._box = SecretBox("")
        await scene.end_job(receiver.url)
        deliveries = await scene.settled()
        (waiting,) = [one for one in deliveries if one.endpoint]
        assert waiting.state is JobState.WAITING
        assert waiting.history[0].failure is not None
        assert waiting.history[0].failure.code is FailureCode.DELIVERY_UNSIGNED
        assert "DOCFLEET_ENCRYPTION_KEYS" in waiting.history[0].failure.message
        assert len(receiver.arrivals) == 1


@pytest.mark.parametrize(("name", "shown"), [("claims", True), (None, False), ("theirs", False)])
async def test_mutual_tls_shows_the_endpoints_certificate(
    valkey_url: str, s3: Buckets, tmp_path: Path, *, name: str | None, shown: bool
) -> None:
    """A receiver that asks for one takes the event with it, and not without or with another's."""
    assert s3.results
    authority = Authority(tmp_path)
    for place in (f"{DEFAULT_TENANT}/claims.pem", "acme/theirs.pem"):
        (tmp_path / place).parent.mkdir()
        (tmp_path / place).write_bytes(authority.issue("docfleet"))
    server = tmp_path / "server.pem"
    server.write_bytes(authority.issue("127.0.0.1"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.path)
    context.load_cert_chain(server)
    context.verify_mode = ssl.CERT_REQUIRED
    settings = SETTINGS.model_copy(update={"certificates_dir": tmp_path, "ca_file": authority.path})
    async with (
        receiving(ssl_context=context) as receiver,
        delivering(valkey_url, settings) as scene,
    ):
        await scene.endpoint(receiver, client_certificate=name)
        await scene.end_job()
        (delivery,) = await scene.settled()
        assert delivery.state is (JobState.SUCCEEDED if shown else JobState.WAITING)
        assert len(receiver.arrivals) == int(shown)
