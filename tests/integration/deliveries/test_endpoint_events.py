"""Events of endpoints, before and after they are disabled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ledger import keys
from ledger.errors import EndpointDisabledError
from producer.errors import UnconfirmedError
from schemas.dead_letter import DeadLetterFilter
from schemas.failure import FailureCode
from schemas.job import DEFAULT_TENANT
from schemas.states import JobState
from schemas.webhooks.delivery import Replay, Replayed
from schemas.webhooks.endpoint import (
    DisabledReason,
    EndpointChange,
    EndpointState,
)
from tests.fixtures.deliver_scene import (
    DeliverScene,
    TestReceiver,
    receiving,
    verified_by_openai,
)

HOUR_MS = 3_600_000


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


async def test_a_test_event_goes_the_way_of_every_other(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """Signed, logged, and of no job."""
    endpoint = await scene.endpoint(receiver, events=["job.failed"])
    sent = await scene.endpoints.test(DEFAULT_TENANT, endpoint.id)
    await scene.settled()
    (arrival,) = receiver.arrivals
    assert arrival.event["type"] == "endpoint.test"
    assert arrival.event["data"] == {
        "schema_version": "1",
        "id": endpoint.id,
        "tenant": "default",
    }
    assert verified_by_openai(arrival, endpoint.secret)
    assert (await scene.endpoints.delivery(DEFAULT_TENANT, sent.id)).history[0].answer is not None


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
            "schema_version": "1",
            "id": endpoint.id,
            "tenant": "default",
            "url": receiver.url,
            "reason": "gone",
        }
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
    which = Replay(endpoint=endpoint.id, after=began, before=datetime.now(UTC))
    with pytest.raises(EndpointDisabledError):
        await scene.endpoints.replay_many(DEFAULT_TENANT, which)
    receiver.answers(204)
    receiver.arrivals.clear()
    await scene.endpoints.change(
        DEFAULT_TENANT, endpoint.id, EndpointChange(state=EndpointState.ENABLED)
    )
    assert await scene.endpoints.replay_many(DEFAULT_TENANT, which) == Replayed(replayed=3)
    await scene.settled()
    assert {arrival.event["data"]["id"] for arrival in receiver.arrivals} == set(jobs)
    assert {arrival.headers["webhook-id"] for arrival in receiver.arrivals} == {
        one.id for one in dead
    }
    nothing = which.model_copy(update={"after": datetime.now(UTC) + timedelta(hours=1)})
    assert await scene.endpoints.replay_many(DEFAULT_TENANT, nothing) == Replayed(replayed=0)


async def test_what_was_acknowledged_is_sent_again_only_where_that_is_asked_for_and_confirmed(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """Else what is dead or waits is sent, and the answer says how many were left out."""
    endpoint = await scene.endpoint(receiver)
    for _ in range(3):
        await scene.end_job()
    await scene.settled()
    receiver.answers(500)
    await scene.end_job()
    await scene.settled()
    receiver.answers(204)
    receiver.arrivals.clear()
    which = Replay(endpoint=endpoint.id)
    replayed = await scene.endpoints.replay_many(DEFAULT_TENANT, which)
    assert replayed == Replayed(replayed=1, acknowledged=3)
    await scene.settled()
    assert len(receiver.arrivals) == 1
    every = Replay(endpoint=endpoint.id, acknowledged=True)
    with pytest.raises(UnconfirmedError, match="4 of these 4"):
        await scene.endpoints.replay_many(DEFAULT_TENANT, every)
    confirmed = every.model_copy(update={"confirmed": True})
    assert await scene.endpoints.replay_many(DEFAULT_TENANT, confirmed) == Replayed(replayed=4)
    await scene.settled()
    assert len(receiver.arrivals) == 5


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
