"""Deliveries over real HTTP: retries, the log, endpoints, signatures, what is disabled and why."""

from __future__ import annotations

import asyncio
import json
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509.oid import NameOID
from openai import InvalidWebhookSignatureError, OpenAI
from standardwebhooks import Webhook

from ledger.errors import EndpointDisabledError
from ledger.secret_box import SecretBox, new_encryption_key
from schemas import keys
from schemas.dead_letter import DeadLetterFilter, Redrive
from schemas.delivery import DeliveryFilter
from schemas.endpoint import (
    DisabledReason,
    EndpointChange,
    EndpointState,
    SecretRotation,
)
from schemas.failure import FailureCode
from schemas.job import DEFAULT_TENANT
from schemas.states import JobState
from settings.callbacks import CallbackSettings
from storage.s3 import S3Store
from tests.fixtures.deliver_scene import (
    CALLBACK_SECRET,
    LOOPBACK,
    Arrival,
    DeliverScene,
    TestReceiver,
    receiving,
)
from tests.fixtures.hand_worker import task_result
from tests.fixtures.servers import Buckets

SETTINGS = CallbackSettings(allow_networks=LOOPBACK, timeout_seconds=5)
HOUR_MS = 3_600_000


@asynccontextmanager
async def _scene(
    valkey_url: str, settings: CallbackSettings = SETTINGS
) -> AsyncIterator[DeliverScene]:
    store = S3Store()
    try:
        async with DeliverScene(valkey_url, store, settings).working() as scene:
            yield scene
    finally:
        store.close()


@pytest.fixture
async def scene(valkey_url: str, s3: Buckets) -> AsyncIterator[DeliverScene]:
    """A deliver worker."""
    assert s3.results
    async with _scene(valkey_url) as scene:
        yield scene


@pytest.fixture
async def receiver() -> AsyncIterator[TestReceiver]:
    """A receiver that takes everything."""
    async with receiving() as receiver:
        yield receiver


def _verified_by_openai(arrival: Arrival, secret: str) -> bool:
    webhooks = OpenAI(api_key="not used", webhook_secret=secret).webhooks
    try:
        webhooks.verify_signature(arrival.body, arrival.headers)
    except InvalidWebhookSignatureError:
        return False
    return True


async def test_a_callback_satisfies_two_independent_verifiers(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """OpenAI's SDK and the standard's own library; a changed body satisfies neither."""
    job_id = await scene.end_job(receiver.url)
    await scene.settled()
    (arrival,) = receiver.arrivals
    assert _verified_by_openai(arrival, CALLBACK_SECRET)
    Webhook(CALLBACK_SECRET).verify(arrival.body, arrival.headers)
    forged = Arrival(arrival.headers, arrival.body.replace("succeeded", "cancelled"))
    assert not _verified_by_openai(forged, CALLBACK_SECRET)
    assert arrival.event["data"]["id"] == job_id
    assert arrival.headers["webhook-id"] == arrival.event["id"]


async def test_nothing_of_a_document_leaves_in_an_event_unless_asked_for(
    scene: DeliverScene, receiver: TestReceiver, s3: Buckets
) -> None:
    """Thin says where the result lies; full carries what each task made."""
    uri = _put_result(s3, {"claimant": "Jane Roe"})
    await scene.end_job(receiver.url, result_uri=uri)
    await scene.end_job(receiver.url, result_uri=uri, payload="full")
    await scene.settled()
    thin, full = sorted(receiver.arrivals, key=lambda one: len(one.body))
    assert "Jane" not in thin.body
    assert "secret-name" not in thin.body + full.body
    assert thin.event["data"]["result_uri"] == uri
    assert full.event["data"]["tasks"]["fnol"]["data"] == {"claimant": "Jane Roe"}
    assert _verified_by_openai(full, CALLBACK_SECRET)


def _put_result(s3: Buckets, data: Any) -> str:
    tasks = {"fnol": task_result(data).model_dump(mode="json")}
    body = {
        "job_id": "job_" + "0" * 24, "state": "succeeded", "tenant": "default", "metadata": {},
        "document": {"uri": "s3://incoming/a.pdf", "sha256": "0", "media_type": "text/plain",
                     "size": 1, "pages": 1, "tokens": 1},
        "tasks": tasks, "pool": "cpu", "worker": "w", "usage": {},
        "engine": {"kind": "scripted", "version": "0", "model": "m", "model_sha256": "0"},
        "timings": {"submitted_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:00Z",
                    "infer_seconds": 0},
    }  # fmt: skip
    s3.client.put_object(Bucket=s3.results, Key="r.json", Body=json.dumps(body).encode())
    return f"s3://{s3.results}/r.json"


async def test_a_full_event_leaves_out_what_is_too_large_or_gone(
    valkey_url: str, receiver: TestReceiver, s3: Buckets
) -> None:
    """And says so; the event itself arrives."""
    uri = _put_result(s3, {"text": "x" * 5000})
    small = SETTINGS.model_copy(update={"full_bytes": 1000})
    async with _scene(valkey_url, small) as scene:
        await scene.end_job(receiver.url, result_uri=uri, payload="full")
        missing = f"s3://{s3.results}/no.json"
        await scene.end_job(receiver.url, result_uri=missing, payload="full")
        await scene.settled()
    for arrival in receiver.arrivals:
        assert arrival.event["data"]["tasks_omitted"] is True
        assert "tasks" not in arrival.event["data"]
    assert len(receiver.arrivals) == 2


async def test_every_attempt_is_in_the_log_with_status_latency_and_the_first_kilobyte(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """Those that failed, the one that did not, and why no answer came."""
    receiver.answers(500, "x" * 3000)
    await scene.end_job(receiver.url)
    await scene.settled()
    receiver.answers(204)
    await scene.pass_time()
    (delivery,) = await scene.settled()
    assert delivery.state is JobState.SUCCEEDED
    failed, taken = delivery.history
    assert failed.answer is not None
    assert failed.failure is not None
    assert (failed.answer.status, failed.answer.text) == (500, "x" * 1024)
    assert failed.failure.code is FailureCode.DELIVERY_REFUSED
    assert taken.answer is not None
    assert (taken.answer.status, taken.failure, taken.number) == (204, None, 2)
    assert 0 <= taken.answer.latency_ms < 5000
    assert failed.at < taken.at
    job_id = await scene.end_job("http://127.0.0.1:1/")
    await scene.settled()
    unreachable, *_ = await scene.deliveries()
    assert unreachable.job_id == job_id
    assert unreachable.history[0].answer is not None
    assert unreachable.history[0].answer.status is None
    assert "Connect" in unreachable.history[0].answer.text


async def test_retry_after_is_honoured_up_to_a_day(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """In seconds or as a date, of a receiver that is throttling; nonsense is not."""
    date = (datetime.now(UTC) + timedelta(hours=2)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    for status, said, least, most in (
        (429, "600", 600, 721),
        (503, date, 7000, 8641),
        (429, "999999999", 86_400, 103_681),
        (429, "soon", 5, 7),
        (500, "600", 5, 7),
    ):
        receiver.answers(status, retry_after=said)
        await scene.end_job(receiver.url)
        newest = (await scene.settled())[0]
        assert newest.due_at is not None
        wait = (newest.due_at - newest.history[0].at).total_seconds()
        assert least - 1 <= wait <= most + 5, (status, said, wait)
        await scene.ledger.deliveries.get(newest.id)
        receiver.answers(204)
        await scene.pass_time()
        await scene.settled()


async def test_410_disables_an_endpoint_and_the_tenants_others_are_told(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """The delivery is dead at once, what waits is buried, and nothing more is opened."""
    async with receiving() as other:
        receiver.answers(500)
        endpoint = await scene.endpoint(receiver)
        told = await scene.endpoint(other, events=["endpoint.disabled"])
        await scene.end_job()
        await scene.settled()
        receiver.answers(410)
        await scene.end_job()
        deliveries = await scene.settled()
        now = await scene.endpoints.get(DEFAULT_TENANT, endpoint.id)
        assert (now.state, now.reason) == (EndpointState.DISABLED, DisabledReason.GONE)
        codes = {
            one.failure.code for one in deliveries if one.endpoint == endpoint.id and one.failure
        }
        assert codes == {FailureCode.DELIVERY_GONE, FailureCode.DELIVERY_DISABLED}
        (event,) = [arrival.event for arrival in other.arrivals]
        assert event["type"] == "endpoint.disabled"
        assert event["data"] == {
            "id": endpoint.id, "tenant": "default", "url": receiver.url, "reason": "gone"
        }  # fmt: skip
        before = len(deliveries)
        await scene.end_job()
        assert len(await scene.settled()) == before
        letters = await scene.ledger.dead_letters.page(DeadLetterFilter())
        assert {letter.url.port for letter in letters.items if letter.url} == {_port(receiver.url)}
        assert told.id != endpoint.id


def _port(url: str) -> int:
    return int(url.rsplit(":", 1)[1].split("/", maxsplit=1)[0])


async def test_five_days_of_nothing_but_failures_disable_an_endpoint(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """Not a moment earlier; one acknowledged event starts the count anew."""
    receiver.answers(500)
    endpoint = await scene.endpoint(receiver)
    await scene.end_job()
    await scene.settled()
    await _failing_for(scene, endpoint.id, 119)
    await scene.pass_time()
    await scene.settled()
    assert (await scene.endpoints.get(DEFAULT_TENANT, endpoint.id)).state == "enabled"
    receiver.answers(204)
    await scene.pass_time()
    await scene.settled()
    assert (await scene.endpoints.get(DEFAULT_TENANT, endpoint.id)).failing_since is None
    receiver.answers(500)
    await scene.end_job()
    await scene.settled()
    await _failing_for(scene, endpoint.id, 121)
    await scene.pass_time()
    newest = (await scene.settled())[0]
    now = await scene.endpoints.get(DEFAULT_TENANT, endpoint.id)
    assert (now.state, now.reason) == ("disabled", "failing")
    assert newest.failure is not None
    assert newest.failure.code is FailureCode.DELIVERY_DISABLED


async def _failing_for(scene: DeliverScene, endpoint_id: str, hours: int) -> None:
    key = keys.RECEIVER.format(receiver=endpoint_id)
    since = int(str(await scene.redis.hget(key, "failing")))
    await scene.redis.hset(key, "failing", str(since - hours * HOUR_MS))


async def test_enabling_and_replaying_a_time_range_sends_what_was_buried(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """Under the ids of before, the oldest first; replaying while disabled is refused."""
    began = datetime.now(UTC) - timedelta(seconds=5)
    receiver.answers(500)
    endpoint = await scene.endpoint(receiver)
    jobs = [await scene.end_job() for _ in range(3)]
    await scene.settled()
    await scene.endpoints.change(
        DEFAULT_TENANT, endpoint.id, EndpointChange(state=EndpointState.DISABLED)
    )
    dead = await scene.settled()
    assert [one.state for one in dead] == [JobState.DEAD] * 3
    which = DeliveryFilter(endpoint=endpoint.id, after=began, before=datetime.now(UTC))
    with pytest.raises(EndpointDisabledError):
        await scene.endpoints.replay_many(DEFAULT_TENANT, which)
    receiver.answers(204)
    receiver.arrivals.clear()
    await scene.endpoints.change(
        DEFAULT_TENANT, endpoint.id, EndpointChange(state=EndpointState.ENABLED)
    )
    assert await scene.endpoints.replay_many(DEFAULT_TENANT, which) == 3
    await scene.settled()
    assert {arrival.event["data"]["id"] for arrival in receiver.arrivals} == set(jobs)
    assert {arrival.headers["webhook-id"] for arrival in receiver.arrivals} == {
        one.id for one in dead
    }
    nothing = which.model_copy(update={"after": datetime.now(UTC) + timedelta(hours=1)})
    assert await scene.endpoints.replay_many(DEFAULT_TENANT, nothing) == 0


async def test_an_acknowledged_delivery_can_be_replayed_and_a_waiting_one_sent_now(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """The log keeps what was before."""
    await scene.end_job(receiver.url)
    (delivery,) = await scene.settled()
    await scene.endpoints.replay(DEFAULT_TENANT, delivery.id)
    await scene.until(lambda: len(receiver.arrivals) == 2)
    (again,) = await scene.settled()
    assert [entry.failure for entry in again.history] == [None, None]
    receiver.answers(500)
    await scene.end_job(receiver.url)
    waiting = (await scene.settled())[0]
    assert waiting.state is JobState.WAITING
    receiver.answers(204)
    await scene.endpoints.replay(DEFAULT_TENANT, waiting.id)
    assert [one.state for one in await scene.settled()] == [JobState.SUCCEEDED] * 2


async def test_endpoints_get_the_events_they_ask_for_and_each_its_own_delivery(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """Beside the job's own callback; another tenant's endpoint hears nothing."""
    async with receiving() as cancelled, receiving() as foreign:
        await scene.endpoint(receiver)
        await scene.endpoint(cancelled, events=["job.cancelled"])
        await scene.endpoint(foreign, tenant="other")
        done = await scene.end_job(receiver.url)
        gone = await scene.end_job(state=JobState.CANCELLED)
        await scene.settled()
        assert [one.event["data"]["id"] for one in cancelled.arrivals] == [gone]
        assert sorted(one.event["data"]["id"] for one in receiver.arrivals) == sorted(
            [done, done, gone]
        )
        ids = [arrival.headers["webhook-id"] for arrival in receiver.arrivals]
        assert len(set(ids)) == 3
        assert not any("." in one for one in ids)
        assert foreign.arrivals == []


async def test_events_of_one_job_are_numbered(scene: DeliverScene, receiver: TestReceiver) -> None:
    """Dead, then redriven and cancelled: the second event comes after the first, and says so."""
    job_id = await scene.end_job(receiver.url, state=JobState.DEAD)
    await scene.settled()
    await scene.ledger.dead_letters.redrive(job_id, Redrive())
    await scene.ledger.cancel(job_id)
    await scene.settled()
    assert [(one.event["type"], one.event["data"]["sequence"]) for one in receiver.arrivals] == [
        ("job.failed", 1),
        ("job.cancelled", 2),
    ]


async def test_a_rotated_secret_signs_beside_the_new_one_until_the_overlap_is_over(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """A receiver may take either meanwhile; afterwards the old one is worth nothing."""
    endpoint = await scene.endpoint(receiver)
    new = await scene.endpoints.rotate(DEFAULT_TENANT, endpoint.id, SecretRotation())
    await scene.end_job()
    await scene.settled()
    both = receiver.arrivals[-1]
    assert _verified_by_openai(both, endpoint.secret)
    assert _verified_by_openai(both, new.secret)
    Webhook(endpoint.secret).verify(both.body, both.headers)
    last = await scene.endpoints.rotate(
        DEFAULT_TENANT, endpoint.id, SecretRotation(overlap_seconds=0)
    )
    await scene.end_job()
    await scene.settled()
    one = receiver.arrivals[-1]
    assert _verified_by_openai(one, last.secret)
    assert not _verified_by_openai(one, new.secret)
    assert not _verified_by_openai(one, endpoint.secret)
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
    assert _verified_by_openai(arrival, endpoint.secret)
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
    """What the old key sealed opens as long as it stands in the list."""
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
    async with _scene(valkey_url) as scene:
        await scene.endpoint(receiver)
        scene.stage._receivers._box = SecretBox("")
        await scene.end_job(receiver.url)
        deliveries = await scene.settled()
        (waiting,) = [one for one in deliveries if one.endpoint]
        assert waiting.state is JobState.WAITING
        assert waiting.history[0].failure is not None
        assert waiting.history[0].failure.code is FailureCode.DELIVERY_UNSIGNED
        assert "DOCFLEET_ENCRYPTION_KEYS" in waiting.history[0].failure.message
        assert len(receiver.arrivals) == 1


async def test_a_private_receiver_is_refused_at_once_and_told_as_a_dead_letter(
    valkey_url: str, s3: Buckets, receiver: TestReceiver
) -> None:
    """By a worker whose allow-list does not name its network; nothing is sent."""
    assert s3.results
    async with _scene(valkey_url, CallbackSettings()) as scene:
        await scene.end_job(receiver.url)
        (delivery,) = await scene.settled()
        assert delivery.state is JobState.DEAD
        assert delivery.failure is not None
        assert delivery.failure.code is FailureCode.DELIVERY_FORBIDDEN
        assert "allow_networks" in delivery.failure.remedy
        assert receiver.arrivals == []


async def test_a_test_event_goes_the_way_of_every_other(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """Signed, logged, and of no job."""
    endpoint = await scene.endpoint(receiver, events=["job.failed"])
    sent = await scene.endpoints.test(DEFAULT_TENANT, endpoint.id)
    await scene.settled()
    (arrival,) = receiver.arrivals
    assert arrival.event["type"] == "endpoint.test"
    assert arrival.event["data"] == {"id": endpoint.id, "tenant": "default"}
    assert _verified_by_openai(arrival, endpoint.secret)
    assert (await scene.endpoints.delivery(DEFAULT_TENANT, sent.id)).history[0].answer is not None


async def test_a_receiver_that_is_down_for_an_hour_gets_every_event(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """In at most the scheduled attempts; after it, nothing is left and nothing is dead."""
    schedule = SETTINGS.schedule_seconds
    endpoint = await scene.endpoint(receiver)
    receiver.answers(503)
    jobs = [await scene.end_job() for _ in range(20)]
    clock = 0.0
    for wait in schedule:
        clock += wait
        if clock > 3600:
            break
        await scene.settled_or_behind()
        await scene.pass_time()
    await scene.settled_or_behind()
    receiver.answers(204)
    receiver.arrivals.clear()
    for _ in range(60):
        await scene.pass_time()
        if all(one.state.closed for one in await scene.settled_or_behind()):
            break
    deliveries = await scene.deliveries()
    assert {one.state for one in deliveries} == {JobState.SUCCEEDED}
    assert sorted(arrival.event["data"]["id"] for arrival in receiver.arrivals) == sorted(jobs)
    assert all(len(one.history) <= len(schedule) + 1 for one in deliveries)
    assert (await scene.endpoints.get(DEFAULT_TENANT, endpoint.id)).state == "enabled"


async def test_a_receiver_never_has_more_under_way_than_its_bound(
    scene: DeliverScene,
) -> None:
    """Neither an endpoint with a bound of its own nor a callback, however many wait."""

    async def slow() -> web.Response:
        await asyncio.sleep(0.05)
        return web.Response(status=204)

    async with receiving() as narrow, receiving() as plain:
        narrow.answer = plain.answer = slow
        await scene.endpoint(narrow, concurrency=3)
        for _ in range(60):
            await scene.end_job(plain.url)
        await scene.settled()
        assert (narrow.most_at_once, plain.most_at_once) == (3, 8)
        assert len(narrow.arrivals) == len(plain.arrivals) == 60


async def test_a_broken_circuit_spares_a_dead_receiver_and_holds_no_place(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """Five failures in a row, then nothing until the break is over, then one that tries."""
    receiver.answers(500)
    await scene.endpoint(receiver, concurrency=1)
    for _ in range(30):
        await scene.end_job()
    await scene.until(lambda: len(receiver.arrivals) >= 5)
    await scene.settled_or_behind()
    await scene.sweep()
    assert len(receiver.arrivals) == 5
    for member in await scene.redis.zrange(keys.BROKEN, 0, -1):
        await scene.redis.zadd(keys.BROKEN, {member: 1}, xx=True)
    await scene.sweep()
    await scene.settled_or_behind()
    assert len(receiver.arrivals) == 6
    (depth,) = [one for one in (await scene.ledger.depth()).queues if one.queue == "deliver"]
    assert (depth.in_line, depth.dispatched, depth.leased, depth.behind) == (0, 0, 0, 24)


@pytest.mark.parametrize("shown", [True, False])
async def test_mutual_tls_shows_the_endpoints_certificate(
    valkey_url: str, s3: Buckets, tmp_path: Path, *, shown: bool
) -> None:
    """A receiver that asks for one takes the event with it and not without."""
    assert s3.results
    authority = _Authority(tmp_path)
    (tmp_path / "claims.pem").write_bytes(authority.issue("docfleet"))
    server = tmp_path / "server.pem"
    server.write_bytes(authority.issue("127.0.0.1"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.path)
    context.load_cert_chain(server)
    context.verify_mode = ssl.CERT_REQUIRED
    settings = SETTINGS.model_copy(update={"certificates_dir": tmp_path, "ca_file": authority.path})
    async with receiving(ssl_context=context) as receiver, _scene(valkey_url, settings) as scene:
        await scene.endpoint(receiver, client_certificate="claims" if shown else None)
        await scene.end_job()
        (delivery,) = await scene.settled()
        assert delivery.state is (JobState.SUCCEEDED if shown else JobState.WAITING)
        assert len(receiver.arrivals) == int(shown)


class _Authority:
    """Issues certificates that live for a day."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ca.crt"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
            key_encipherment=False, data_encipherment=False, key_agreement=False,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip
        own = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.path.write_bytes(own.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str) -> bytes:
        """A key and its certificate, PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(subject, key.public_key()).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
            critical=False,
        )
        if name[0].isdigit():
            names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))])
            builder = builder.add_extension(names, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ) + certificate.public_bytes(serialization.Encoding.PEM)

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
        )
