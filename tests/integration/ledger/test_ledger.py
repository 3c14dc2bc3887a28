"""The ledger's transitions, on a real Valkey."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis

from ledger import keys
from ledger.claim import Claim
from ledger.errors import (
    IdempotencyError,
    LeaseLostError,
    LedgerUnavailableError,
    NotDeadError,
)
from ledger.fleet.beat import RevokedLease
from ledger.fleet.sweeps import Swept
from ledger.fleet.window import window
from ledger.ledger import Ledger
from schemas.document import DocumentRef
from schemas.failure import Failure, FailureCode
from schemas.ids import new_job_id
from schemas.job import JobSpec, KeptCallback, Priority
from schemas.states import JobState
from schemas.webhooks.delivery import DeliverySpec
from tests.fixtures.prepared import PREPARED
from tests.fixtures.waiting import until

LEASE = 30.0
LINE = keys.LINE.format(queue="prepare", lane="default")


def _spec(priority: Priority = Priority.NORMAL, *, callback: bool = False) -> JobSpec:
    return JobSpec(
        document=DocumentRef(uri="s3://incoming/fnol/claim 1+%.pdf"),
        tasks=("fnol",),
        priority=priority,
        callback=KeptCallback.model_validate({"url": "http://claims.test/"}) if callback else None,
    )


async def _submitted(ledger: Ledger, spec: JobSpec | None = None) -> str:
    job_id = new_job_id()
    assert await ledger.submit(job_id, spec or _spec())
    return job_id


async def _claimed(ledger: Ledger, lease: float = LEASE, *, callback: bool = False) -> Claim:
    claim = await ledger.claim(await _submitted(ledger, _spec(callback=callback)), "w1", lease)
    assert claim is not None
    return claim


async def _sweep(
    ledger: Ledger, *, grace: float = LEASE, losses: int = 3, retention: float = 3600
) -> Swept:
    return await ledger.sweeps.run(
        every_seconds=0,
        lease_seconds=LEASE,
        grace_seconds=grace,
        losses=losses,
        retention_seconds=retention,
    )


async def _state(ledger: Ledger, job_id: str) -> JobState:
    job = await ledger.job(job_id)
    assert job is not None
    return job.state


async def test_a_submit_is_idempotent_and_another_request_under_its_id_is_refused(
    ledger: Ledger, redis: Redis
) -> None:
    """One record and one message, however often the same request comes."""
    job_id = await _submitted(ledger)
    assert not await ledger.submit(job_id, _spec())
    with pytest.raises(IdempotencyError):
        await ledger.submit(job_id, _spec(Priority.LOW))
    assert await redis.llen("prepare") == 1


async def test_the_fleets_callback_is_no_part_of_a_request(ledger: Ledger) -> None:
    """The same request is the same job after the default was changed; its own callback counts."""
    first, second = (
        _spec().model_copy(update={"callback": KeptCallback.model_validate({"url": url})})
        for url in ("https://a.example/", "https://b.example/")
    )
    job_id = new_job_id()
    assert await ledger.submit(job_id, first, fleets_callback=True)
    assert not await ledger.submit(job_id, second, fleets_callback=True)
    with pytest.raises(IdempotencyError):
        await ledger.submit(job_id, second)


async def test_only_a_window_of_messages_is_out_and_the_rest_waits_in_line(
    ledger: Ledger, redis: Redis
) -> None:
    """With no worker two messages go out; a worker of four slots makes it four and two more."""
    for _ in range(20):
        await _submitted(ledger)
    assert await redis.llen("prepare") == 2
    await ledger.heartbeat("w1", LEASE, {"prepare": 4}, [])
    assert await redis.llen("prepare") == 6
    depth = (await ledger.depth()).queues[0]
    assert (depth.in_line, depth.dispatched, depth.capacity, depth.workers) == (14, 6, 4, 1)


@pytest.mark.parametrize("capacity", [1, 4, 19, 20, 21, 32])
async def test_the_scripts_count_the_window_as_the_workers_do(
    ledger: Ledger, redis: Redis, capacity: int
) -> None:
    """A worker has a thread for each message that the window sends it."""
    await ledger.heartbeat("w1", LEASE, {"prepare": capacity}, [])
    assert await redis.get(keys.WINDOW.format(queue="prepare")) == str(window(capacity))


async def test_a_worker_that_retires_takes_its_capacity_along(ledger: Ledger) -> None:
    """Capacity 0 in a heartbeat counts the worker out at once."""
    await ledger.heartbeat("w1", LEASE, {"prepare": 4}, [])
    await ledger.heartbeat("w1", LEASE, {"prepare": 0}, [])
    depth = (await ledger.depth()).queues[0]
    assert (depth.capacity, depth.workers) == (0, 0)


async def test_priority_decides_the_order_within_a_lane_and_waiting_outweighs_it(
    ledger: Ledger, redis: Redis
) -> None:
    """High goes before normal; a normal one of an hour ago goes before both."""
    for _ in range(2):
        await _submitted(ledger)  # fills the window
    normal = await _submitted(ledger)
    high = await _submitted(ledger, _spec(Priority.HIGH))
    assert await redis.zrange(LINE, 0, -1) == [high, normal]
    await redis.zincrby(LINE, -3_600_000, normal)
    assert await redis.zrange(LINE, 0, -1) == [normal, high]


async def test_of_many_claims_one_is_granted(ledger: Ledger) -> None:
    """Duplicate messages meet a live lease and are dropped."""
    job_id = await _submitted(ledger)
    claims = await asyncio.gather(*(ledger.claim(job_id, f"w{n}", LEASE) for n in range(16)))
    assert sum(claim is not None for claim in claims) == 1


async def test_a_message_of_an_earlier_stage_does_not_run_the_job_again(ledger: Ledger) -> None:
    """A record is claimed only for a message of the queue where it stands."""
    claim = await _claimed(ledger)
    await ledger.advance(claim, "infer.cpu", PREPARED)
    assert await ledger.claim(claim.id, "w1", LEASE, queue="prepare") is None
    assert await ledger.claim(claim.id, "w1", LEASE, queue="infer.cpu") is not None


async def test_a_job_that_waits_in_line_cannot_be_claimed_past_the_line(
    ledger: Ledger, redis: Redis
) -> None:
    """A stale message does not carry its job past those before it."""
    waiting = [await _submitted(ledger) for _ in range(3)][-1]
    assert await redis.zscore(LINE, waiting) is not None
    assert await ledger.claim(waiting, "w1", LEASE) is None


async def test_a_job_goes_from_prepare_through_infer_to_its_end(ledger: Ledger) -> None:
    """Attempts count anew at each stage; the end is recorded with the result."""
    claim = await _claimed(ledger)
    await ledger.advance(claim, "infer.cpu", PREPARED)
    second = await ledger.claim(claim.id, "w2", LEASE)
    assert second is not None
    assert (second.attempt, second.prepared) == (1, PREPARED)
    await ledger.finish(second, JobState.SUCCEEDED, result_uri="s3://results/x.json")
    job = await ledger.job(claim.id)
    assert job is not None
    assert (job.state, job.result_uri) == (JobState.SUCCEEDED, "s3://results/x.json")
    assert job.closed_at is not None
    assert (await ledger.depth()).closed == {"job:succeeded": 1}


@pytest.mark.parametrize(
    "write",
    [
        lambda ledger, claim: ledger.advance(claim, "infer.cpu", PREPARED),
        lambda ledger, claim: ledger.finish(claim, JobState.SUCCEEDED),
        lambda ledger, claim: ledger.release(claim, charge=True),
    ],
    ids=["advance", "finish", "release"],
)
async def test_a_stale_token_changes_nothing(
    ledger: Ledger, redis: Redis, write: Callable[[Ledger, Claim], Awaitable[None]]
) -> None:
    """A worker that wakes up after its lease was lost fails the fencing check."""
    old = await _claimed(ledger, lease=0.01)
    await until(lambda: _expired(ledger))
    beat = await ledger.heartbeat("w2", LEASE, {"prepare": 4}, [])
    assert [called.record_id for called in beat.called] == [old.id]
    assert await ledger.claim(old.id, "w2", LEASE)
    before = await redis.hgetall(keys.record(old.id))
    with pytest.raises(LeaseLostError):
        await write(ledger, old)
    assert await redis.hgetall(keys.record(old.id)) == before


async def _expired(ledger: Ledger) -> bool:
    return (await _sweep(ledger)).expired == 1


async def test_a_replayed_write_answers_as_the_first_time(ledger: Ledger) -> None:
    """A client that lost the reply and asks again is not told that it lost the lease."""
    claim = await _claimed(ledger)
    for _ in range(2):
        await ledger.advance(claim, "infer.cpu", PREPARED)
    second = await ledger.claim(claim.id, "w1", LEASE)
    assert second is not None
    for _ in range(2):
        await ledger.finish(second, JobState.SUCCEEDED)
    assert (await ledger.depth()).closed == {"job:succeeded": 1}


async def test_a_heartbeat_keeps_the_lease_and_names_the_lost_ones(ledger: Ledger) -> None:
    """A renewed lease outlives its first length; a lost one is named to its old holder."""
    kept = await _claimed(ledger, lease=0.05)
    await ledger.heartbeat("w1", LEASE, {}, [kept])
    lost = await _claimed(ledger, lease=0.01)
    await until(lambda: _expired(ledger))
    beat = await ledger.heartbeat("w1", LEASE, {}, [kept, lost])
    assert beat.let_go == [RevokedLease(lost.token, False)]
    assert await _state(ledger, kept.id) is JobState.RUNNING


async def test_after_an_outage_longer_than_a_lease_no_lease_is_judged_at_first(
    ledger: Ledger, redis: Redis
) -> None:
    """Every lease is extended once: its holder could not renew it."""
    claim = await _claimed(ledger, lease=0.01)
    await _sweep(ledger)
    seconds, _ = await redis.time()
    await redis.set(keys.SWEPT, (seconds - 60) * 1000)
    other = await _claimed(ledger, lease=0.01)
    swept = await _sweep(ledger)
    assert swept.pardoned >= 1
    assert swept.expired == 0
    assert await _state(ledger, other.id) is JobState.RUNNING
    assert claim.id != other.id


async def test_a_lost_message_is_sent_again_and_one_that_waits_is_not(
    ledger: Ledger, redis: Redis
) -> None:
    """Only what is dispatched, unclaimed, late and not in its Celery list is sent again."""
    lost, waits = await _submitted(ledger), await _submitted(ledger)
    message = await redis.rpop("prepare")
    assert lost in str(message)
    swept = await _sweep(ledger, grace=-1)
    assert swept.resent == 1
    queued = [json.loads(text)["headers"]["id"] for text in await redis.lrange("prepare", 0, -1)]
    assert sorted(queued) == sorted([lost, waits])


async def test_a_message_that_is_lost_for_ever_ends_in_a_dead_letter(
    ledger: Ledger, redis: Redis
) -> None:
    """Sending again is bounded."""
    job_id = await _submitted(ledger)
    for _ in range(21):
        await redis.delete("prepare")
        await _sweep(ledger, grace=-1)
    job = await ledger.job(job_id)
    assert job is not None
    assert job.failure is not None
    assert job.failure.code is FailureCode.QUEUE_UNDELIVERABLE


async def test_a_release_waits_its_time_and_then_stands_in_line_again(ledger: Ledger) -> None:
    """A postponed job is due when the ledger says, and its attempt was charged."""
    claim = await _claimed(ledger)
    await ledger.release(claim, wait_seconds=0.05, charge=True)
    assert await _state(ledger, claim.id) is JobState.WAITING
    await until(lambda: _woken(ledger))
    again = await ledger.claim(claim.id, "w2", LEASE)
    assert again is not None
    assert again.attempt == 2


async def _woken(ledger: Ledger) -> bool:
    return (await _sweep(ledger)).woken == 1


async def test_a_job_given_back_is_not_charged(ledger: Ledger) -> None:
    """A worker that shuts down costs its jobs no attempt."""
    claim = await _claimed(ledger)
    await ledger.release(claim, charge=False)
    again = await ledger.claim(claim.id, "w2", LEASE)
    assert again is not None
    assert again.attempt == 1


async def test_the_end_of_a_job_and_the_delivery_that_tells_of_it_are_one_step(
    ledger: Ledger, redis: Redis
) -> None:
    """The delivery's id derives from job and state, and its message is out."""
    claim = await _claimed(ledger, callback=True)
    failure = Failure.of(FailureCode.DOCUMENT_EMPTY, "0 bytes.")
    await ledger.finish(claim, JobState.DEAD, failure=failure)
    delivery_id = f"msg_{claim.id.removeprefix('job_')}_dead"
    (message,) = await redis.lrange("deliver", 0, -1)
    assert json.loads(message)["headers"]["id"] == delivery_id
    delivery = await ledger.claim(delivery_id, "w1", LEASE)
    assert delivery is not None
    spec = DeliverySpec.model_validate_json(delivery.spec)
    assert (spec.job, spec.state, spec.failure) == (claim.id, JobState.DEAD, failure)
    assert str(spec.url) == "http://claims.test/"


async def test_the_delivery_of_a_job_that_came_again_takes_the_place_of_the_first_one(
    ledger: Ledger, redis: Redis
) -> None:
    """A forgotten job that ends again as before leaves one delivery, in one place, and new."""
    first = await _claimed(ledger, callback=True)
    await ledger.finish(first, JobState.SUCCEEDED)
    delivery_id = f"msg_{first.id.removeprefix('job_')}_succeeded"
    delivery = await ledger.claim(delivery_id, "w1", LEASE)
    assert delivery is not None
    refused = Failure.of(FailureCode.DELIVERY_REFUSED, "410.")
    await ledger.finish(delivery, JobState.DEAD, failure=refused)
    await _sweep(ledger, retention=-1)
    assert await ledger.submit(first.id, _spec(callback=True))
    second = await ledger.claim(first.id, "w1", LEASE)
    assert second is not None
    await ledger.finish(second, JobState.SUCCEEDED)
    assert await redis.zrange(keys.DEAD, 0, -1) == []
    assert not {"closed", "failure", "settled"} & set(await redis.hkeys(keys.record(delivery_id)))
    again = await ledger.claim(delivery_id, "w1", LEASE)
    assert again is not None
    assert again.attempt == 1


async def test_a_drop_that_is_repeated_answers_as_the_first_time(ledger: Ledger) -> None:
    """A client that lost the reply is not told that there is nothing to drop."""
    claim = await _claimed(ledger)
    failure = Failure.of(FailureCode.DOCUMENT_EMPTY, "0 bytes.")
    await ledger.finish(claim, JobState.DEAD, failure=failure)
    for _ in range(2):
        assert await ledger.dead_letters.drop(claim.id)
    assert await _state(ledger, claim.id) is JobState.CANCELLED
    alive = await _submitted(ledger)
    with pytest.raises(NotDeadError):
        await ledger.dead_letters.drop(alive)


async def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_by_its_worker(
    ledger: Ledger,
) -> None:
    """The worker of a running job is told with its next heartbeat; cancelling twice is the same."""
    queued = await _submitted(ledger)
    assert await ledger.cancel(queued) is JobState.CANCELLED
    assert await ledger.cancel(queued) is JobState.CANCELLED
    assert await ledger.claim(queued, "w1", LEASE) is None
    running = await _claimed(ledger)
    assert await ledger.cancel(running.id) is JobState.RUNNING
    beat = await ledger.heartbeat("w1", LEASE, {}, [running])
    assert beat.let_go == [RevokedLease(running.token, True)]
    assert await ledger.cancel(new_job_id()) is None


@pytest.mark.parametrize(
    "write",
    [
        lambda ledger, claim: ledger.advance(claim, "infer.cpu", PREPARED),
        lambda ledger, claim: ledger.release(claim, charge=True, wait_seconds=60),
    ],
    ids=["advance", "release"],
)
async def test_a_job_cancelled_while_it_ran_does_not_go_on(
    ledger: Ledger, write: Callable[[Ledger, Claim], Awaitable[None]]
) -> None:
    """Whatever its worker makes of it before it is told, short of an end, is the end."""
    claim = await _claimed(ledger)
    await ledger.cancel(claim.id)
    await write(ledger, claim)
    assert await _state(ledger, claim.id) is JobState.CANCELLED


async def test_a_redis_that_is_away_fails_fast_with_a_clear_error() -> None:
    """A submit does not hang."""
    ledger = Ledger("redis://127.0.0.1:1/0", timeout=1, retries=1)
    with pytest.raises(LedgerUnavailableError, match="does not answer"):
        await ledger.submit(new_job_id(), _spec())
    await ledger.close()


async def test_a_claim_says_how_long_its_record_stood_in_line(ledger: Ledger, redis: Redis) -> None:
    """Since it last came into a line; asked again after a lost answer, the claim says the same."""
    job_id = await _submitted(ledger)
    await redis.hincrby(keys.record(job_id), "updated", -5000)
    first = await ledger.claim(job_id, "w1", LEASE, token="t1")
    again = await ledger.claim(job_id, "w1", LEASE, token="t1")
    assert first is not None
    assert again is not None
    assert 5000 <= first.waited_ms == again.waited_ms
    await ledger.release(first, charge=True)
    second = await ledger.claim(job_id, "w1", LEASE)
    assert second is not None
    assert second.waited_ms < 5000


async def test_a_record_is_counted_when_it_is_written_and_only_then(ledger: Ledger) -> None:
    """A replayed submit writes nothing; the delivery of a job's end is a record too."""
    job_id, spec = new_job_id(), _spec(callback=True)
    assert await ledger.submit(job_id, spec)
    assert not await ledger.submit(job_id, spec)
    claim = await ledger.claim(job_id, "w1", LEASE)
    assert claim is not None
    for _ in range(2):
        await ledger.finish(claim, JobState.SUCCEEDED)
    assert (await ledger.depth()).opened == {"job": 1, "msg": 1}
