"""Order of tenants in a queue: by weight, on a real Valkey."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from ledger import keys
from ledger.errors import TenantQuotaError
from ledger.ledger import Ledger
from schemas.document import DocumentRef
from schemas.ids import new_job_id
from schemas.job import JobSpec, Priority
from schemas.queues import PREPARE_QUEUE
from schemas.quota import Quota
from schemas.states import JobState

LEASE = 30.0


class Line:
    """A queue whose jobs are worked one after the other, in the order in which they come."""

    def __init__(self, ledger: Ledger, redis: Redis) -> None:
        self.ledger = ledger
        self.redis = redis
        self.lanes: dict[str, str] = {}

    async def submit(
        self, tenant: str, count: int = 1, *, priority: Priority = Priority.NORMAL, quota: int = 0
    ) -> None:
        """Submit a number of jobs of a tenant."""
        for _ in range(count):
            spec = JobSpec(
                document=DocumentRef(uri="s3://in/a.pdf"),
                tasks=("fnol",),
                tenant=tenant,
                priority=priority,
            )
            job_id = new_job_id()
            await self.ledger.submit(job_id, spec, quota=Quota(in_line=quota))
            self.lanes[job_id] = spec.lane

    async def take(self) -> str | None:
        """Claim the job whose message is next, and finish it; gives its lane."""
        message = await self.redis.rpop(PREPARE_QUEUE)
        if message is None:
            return None
        job_id = json.loads(message)["headers"]["id"]
        claim = await self.ledger.claim(job_id, "w1", LEASE)
        assert claim is not None
        await self.ledger.finish(claim, JobState.SUCCEEDED)
        return self.lanes[job_id]

    async def served(self, count: int) -> list[str]:
        """Return the lanes of a number of the next jobs."""
        return [lane for _ in range(count) if (lane := await self.take())]


@pytest.fixture
async def line(valkey_url: str) -> AsyncIterator[Line]:
    """A line on an empty Redis; two are out at a time."""
    ledger = Ledger(valkey_url)
    async with Redis.from_url(valkey_url, decode_responses=True) as redis:
        yield Line(ledger, redis)
    await ledger.close()


async def test_a_single_job_does_not_wait_behind_another_tenants_backlog(line: Line) -> None:
    """The job follows those that are out already."""
    await line.submit("big", 50)
    await line.submit("small")
    assert await line.served(4) == ["big", "big", "small", "big"]


async def test_who_comes_one_at_a_time_gets_no_more_than_its_share(line: Line) -> None:
    """An empty lane keeps the turn that it has had ahead of the others."""
    await line.submit("big", 60)
    served = Counter[str]()
    for _ in range(40):
        if "one" not in line.lanes.values() or served["one"] == list(line.lanes.values()).count(
            "one"
        ):
            await line.submit("one")
        served.update(await line.served(1))
    assert served["one"] <= served["big"]


async def test_tenants_share_by_weight(line: Line) -> None:
    """Three to one, to the job."""
    await line.ledger.set_tenants({"gold": 3.0}, {})
    for _ in range(40):
        await line.submit("gold")
        await line.submit("plain")
    await line.served(4)  # were out before both stood in line
    assert Counter(await line.served(32)) == {"gold": 24, "plain": 8}


async def test_low_priority_takes_what_is_idle_and_a_twentieth_of_what_is_not(line: Line) -> None:
    """Low priority is never starved, and never in the way."""
    await line.submit("acme", 60, priority=Priority.LOW)
    await line.submit("acme", 90)
    await line.served(2)  # were out before the others came
    assert Counter(await line.served(80)) == {"acme": 77, "acme~low": 3}
    assert Counter(await line.served(200)) == {"acme": 13, "acme~low": 55}


async def test_a_tenant_has_no_more_out_than_it_may(line: Line) -> None:
    """The room is left to others, and its own jobs follow as places come free."""
    await line.ledger.heartbeat("w1", 3600, {PREPARE_QUEUE: 8}, ())
    await line.ledger.set_tenants({}, {"greedy": 2})
    await line.submit("greedy", 6)
    await line.submit("other", 6)
    dispatched = await line.redis.zrange(keys.DISPATCHED.format(queue=PREPARE_QUEUE), 0, -1)
    assert Counter(line.lanes[one] for one in dispatched) == {"greedy": 2, "other": 6}
    assert len(await line.served(12)) == 12
    assert await line.redis.keys(keys.OUT.format(queue="*", tenant="*")) == []


async def test_a_tenant_has_no_more_in_line_than_it_may(line: Line) -> None:
    """In all queues, of all priorities; the others are not concerned."""
    await line.submit("acme", 3, quota=2)  # one of them is out after the second
    await line.submit("acme", priority=Priority.LOW, quota=2)
    with pytest.raises(TenantQuotaError, match=r"acme has 2 jobs in line and may have 2"):
        await line.submit("acme", quota=2)
    await line.submit("other", quota=2)


async def test_a_lane_whose_last_job_is_cancelled_takes_no_turn(line: Line) -> None:
    """The remaining jobs are served as if it had not been there."""
    await line.submit("big", 3)
    await line.submit("gone")
    (job_id,) = [one for one, lane in line.lanes.items() if lane == "gone"]
    await line.ledger.cancel(job_id)
    assert await line.served(4) == ["big", "big", "big"]
    assert await line.redis.zrange(keys.TURNS.format(queue=PREPARE_QUEUE), 0, -1) == []
